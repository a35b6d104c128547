"""Vector search as Google's own clients see it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import IndexDatapoint

from emulators.faults import Fault
from tests.emulators.vertex_hosts import ENDPOINT, INDEX, PLACE, VectorSearch, only, point, vector_search


@pytest.fixture(scope="module")
def running() -> Iterator[VectorSearch]:
    with vector_search() as found:
        yield found


@pytest.fixture
def search(running: VectorSearch) -> Iterator[VectorSearch]:
    running.engine.clear()
    running.faults.clear()
    yield running


def test_the_nearest_come_first_and_distance_is_the_dot_product(search: VectorSearch) -> None:
    search.upsert(point("far", [0.1, 0.9, 0, 0]), point("near", [0.9, 0.1, 0, 0]), point("away", [-1, 0, 0, 0]))
    [found] = search.find({"datapoint": {"datapoint_id": "q", "feature_vector": [1, 0, 0, 0]}, "neighbor_count": 3})
    assert [n.datapoint.datapoint_id for n in found] == ["near", "far", "away"]
    assert [n.distance for n in found] == pytest.approx([0.9, 0.1, -1.0])


def test_equal_distances_are_ordered_by_id(search: VectorSearch) -> None:
    search.upsert(*[point(f"p{n:02}", [0.5, 0.5, 0, 0], index=f"i{n % 3}") for n in (7, 3, 11, 1, 9)])
    assert search.ids() == ["p01", "p03", "p07", "p09", "p11"]
    assert search.ids(count=2) == ["p01", "p03"]


def test_several_queries_are_answered_in_one_call(search: VectorSearch) -> None:
    search.upsert(point("x", [1, 0, 0, 0]), point("y", [0, 1, 0, 0]))
    queries = [{"datapoint": {"feature_vector": v}, "neighbor_count": 1} for v in ([1, 0, 0, 0], [0, 1, 0, 0])]
    assert [near[0].datapoint.datapoint_id for near in search.find(*queries)] == ["x", "y"]


def test_an_upsert_replaces_a_datapoint_of_the_same_id_whole(search: VectorSearch) -> None:
    search.upsert(point("a", [1, 0, 0, 0], index="one", kind="text"))
    search.upsert(point("a", [0, 1, 0, 0], index="two", kind="text"))
    assert search.ids(restricts=only(index="one")) == []
    assert search.ids([0, 1, 0, 0], restricts=only(index="two")) == ["a"]
    assert search.ids() == ["a"]


def test_of_one_id_given_twice_in_a_call_the_last_counts(search: VectorSearch) -> None:
    search.upsert(point("a", [1, 0, 0, 0]), point("a", [0, 0, 1, 0]))
    [[found]] = search.find({"datapoint": {"feature_vector": [0, 0, 1, 0]}, "neighbor_count": 5})
    assert found.distance == pytest.approx(1.0)


def test_removed_datapoints_are_gone_at_once_and_unknown_ids_do_not_matter(search: VectorSearch) -> None:
    search.upsert(point("a", [1, 0, 0, 0]), point("b", [0.5, 0, 0, 0]))
    search.remove("a", "never-there")
    assert search.ids() == ["b"]
    assert search.read("a", "b")[0].datapoint_id == "b"


def test_restricts_join_namespaces_by_and_and_tokens_by_or(search: VectorSearch) -> None:
    search.upsert(
        point("red-square", [1, 0, 0, 0], color="red", shape="square"),
        point("blue-circle", [0.9, 0, 0, 0], color="blue", shape="circle"),
        point("both-circle", [0.8, 0, 0, 0], color=["red", "blue"], shape="circle"),
        point("plain", [0.7, 0, 0, 0]),
    )
    assert search.ids(restricts=only(color=["red", "blue"], shape="circle")) == ["blue-circle", "both-circle"]
    assert search.ids(restricts=only(color="red")) == ["red-square", "both-circle"]
    assert search.ids(restricts=only(color="green")) == []
    assert search.ids(restricts=only(size="big")) == []


def test_a_denied_token_hides_what_carries_it_from_both_sides(search: VectorSearch) -> None:
    shy = IndexDatapoint(
        datapoint_id="shy",
        feature_vector=[0.6, 0, 0, 0],
        restricts=[{"namespace": "color", "allow_list": ["red"], "deny_list": ["blue"]}],
    )
    search.upsert(
        point("red", [1, 0, 0, 0], color="red"), point("blue", [0.9, 0, 0, 0], color="blue"), point("none", [0.8, 0, 0, 0]), shy
    )
    assert search.ids(restricts=[{"namespace": "color", "deny_list": ["red"]}]) == ["blue", "none"]
    assert search.ids(restricts=[{"namespace": "color", "allow_list": ["red", "blue"]}]) == ["red", "blue"]
    assert search.ids(restricts=[{"namespace": "color", "allow_list": ["red"]}]) == ["red", "shy"]
    assert search.ids(restricts=[{"namespace": "color", "allow_list": ["red", "blue"], "deny_list": ["blue"]}]) == ["red"]


def test_a_restrict_on_the_partition_is_as_exact_as_any_other(search: VectorSearch) -> None:
    search.upsert(
        point("a", [1, 0, 0, 0], index="one", kind="text", run="r1"),
        point("b", [0.9, 0, 0, 0], index="one", kind="image", run="r1"),
        point("c", [0.8, 0, 0, 0], index=["one", "two"], kind="text", run="r2"),
        point("d", [0.7, 0, 0, 0], kind="text"),
    )
    assert search.ids(restricts=only(index="one", kind="text")) == ["a", "c"]
    assert search.ids(restricts=only(index="two")) == ["c"]
    assert search.ids(restricts=only(index="one", run="r1")) == ["a", "b"]
    assert search.ids(restricts=[{"namespace": "index", "deny_list": ["one"]}]) == ["d"]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("LESS", ["n1"]),
        ("LESS_EQUAL", ["n1", "n2"]),
        ("EQUAL", ["n2"]),
        ("GREATER_EQUAL", ["n2", "n3"]),
        ("GREATER", ["n3"]),
        ("NOT_EQUAL", ["n1", "n3"]),
    ],
)
@pytest.mark.parametrize(
    ("field", "values"), [("value_int", (1, 2, 2**60 + 1)), ("value_float", (0.1, 0.2, 0.3)), ("value_double", (-1.5, 0, 2.5))]
)
def test_numbers_compare_as_asked_and_only_within_their_kind(
    search: VectorSearch, op: str, expected: list[str], field: str, values: tuple
) -> None:
    search.upsert(
        point("unnumbered", [1, 0, 0, 0]),
        *[
            IndexDatapoint(
                datapoint_id=f"n{n}",
                feature_vector=[1 - n / 10, 0, 0, 0],
                numeric_restricts=[{"namespace": "price", field: value}],
            )
            for n, value in enumerate(values, start=1)
        ],
    )
    asked = {"namespace": "price", field: values[1], "op": op}
    assert search.ids(numeric_restricts=[asked]) == expected


def test_crowding_keeps_so_many_of_one_tag_and_fills_up_with_others(search: VectorSearch) -> None:
    crowd = [point(f"s1-{n:02}", [1 - n / 1000, 0, 0, 0], tag="s1") for n in range(60)]
    others = [point("s2", [0.3, 0, 0, 0], tag="s2"), point("free-1", [0.2, 0, 0, 0]), point("free-2", [0.1, 0, 0, 0])]
    search.upsert(*crowd, *others)
    assert search.ids(count=5, crowd=2) == ["s1-00", "s1-01", "s2", "free-1", "free-2"]
    assert search.ids(count=3, crowd=0) == ["s1-00", "s1-01", "s1-02"]


def test_a_brief_answer_carries_id_and_crowding_tag_and_a_full_one_everything(search: VectorSearch) -> None:
    stored = IndexDatapoint(
        datapoint_id="a",
        feature_vector=[0.5, 0.25, 0, 0],
        sparse_embedding={"values": [0.5, 2], "dimensions": [3, 9]},
        restricts=[{"namespace": "color", "allow_list": ["red"], "deny_list": ["blue"]}],
        numeric_restricts=[{"namespace": "price", "value_int": 2**60 + 1}],
        crowding_tag={"crowding_attribute": "s1"},
        embedding_metadata={"title": "A", "n": 1},
    )
    search.upsert(stored)
    asked = {"datapoint": {"feature_vector": [1, 0, 0, 0]}, "neighbor_count": 1}
    [[brief]], [[full]] = search.find(asked), search.find(asked, full=True)
    assert brief.datapoint == IndexDatapoint(datapoint_id="a", crowding_tag={"crowding_attribute": "s1"})
    assert full.datapoint == stored
    assert search.read("a", "missing") == [stored]


def test_dense_and_sparse_rankings_are_fused_by_reciprocal_rank(search: VectorSearch) -> None:
    def both(name: str, first: float, weight: float) -> IndexDatapoint:
        sparse = {"values": [weight], "dimensions": [5]} if weight else None
        return IndexDatapoint(datapoint_id=name, feature_vector=[first, 0, 0, 0], sparse_embedding=sparse)

    search.upsert(both("dense", 1.0, 0), both("middle", 0.9, 1.0), both("sparse", 0.1, 3.0), both("neither", 0.05, 0))

    def ask(alpha: float, count: int = 4) -> list:
        query = {
            "datapoint": {"feature_vector": [1, 0, 0, 0], "sparse_embedding": {"values": [2.0, 1.0], "dimensions": [5, 77]}},
            "neighbor_count": count,
            "rrf": {"alpha": alpha},
        }
        return search.find(query)[0]

    assert [n.datapoint.datapoint_id for n in ask(1.0)] == ["dense", "middle", "sparse", "neither"]
    assert [n.datapoint.datapoint_id for n in ask(0.0)] == ["sparse", "middle"]
    # at one half: middle 1/62 + 1/62, sparse 1/63 + 1/61, dense 1/61, neither 1/64
    fused = ask(0.5)
    assert [n.datapoint.datapoint_id for n in fused] == ["sparse", "middle", "dense", "neither"]
    assert (fused[0].distance, fused[0].sparse_distance) == (pytest.approx(0.1), pytest.approx(6.0))
    [words_only] = search.find({"datapoint": {"sparse_embedding": {"values": [1], "dimensions": [5]}}, "neighbor_count": 4})
    assert [n.datapoint.datapoint_id for n in words_only] == ["sparse", "middle"]


def test_a_vector_of_the_wrong_length_is_an_invalid_argument_and_stores_nothing(search: VectorSearch) -> None:
    with pytest.raises(exceptions.BadRequest, match="3 dimensions"):
        search.upsert(point("good", [1, 0, 0, 0]), point("bad", [1, 0, 0]))
    with pytest.raises(exceptions.BadRequest, match="5 dimensions"):
        search.ids([1, 0, 0, 0, 0])
    assert search.ids() == []


@pytest.mark.parametrize(
    ("dimensions", "values"), [([1, 1], [0.5, 0.5]), ([1], [0.5, 0.5]), ([-1], [0.5])], ids=["twice", "uneven", "negative"]
)
def test_a_sparse_vector_names_each_dimension_once_with_one_value(
    search: VectorSearch, dimensions: list[int], values: list[float]
) -> None:
    sparse = {"dimensions": dimensions, "values": values}
    with pytest.raises(exceptions.BadRequest, match="sparse_embedding"):
        search.upsert(IndexDatapoint(datapoint_id="a", feature_vector=[1, 0, 0, 0], sparse_embedding=sparse))


def test_an_operator_belongs_to_queries_and_is_needed_there(search: VectorSearch) -> None:
    numbered = {"namespace": "price", "value_int": 1}
    with pytest.raises(exceptions.BadRequest, match="queries only"):
        search.upsert(
            IndexDatapoint(datapoint_id="a", feature_vector=[1, 0, 0, 0], numeric_restricts=[{**numbered, "op": "LESS"}])
        )
    search.upsert(IndexDatapoint(datapoint_id="a", feature_vector=[1, 0, 0, 0], numeric_restricts=[numbered]))
    with pytest.raises(exceptions.BadRequest, match="operator"):
        search.ids(numeric_restricts=[numbered])


def test_names_that_were_not_declared_are_not_found(search: VectorSearch) -> None:
    with pytest.raises(exceptions.NotFound):
        search.upsert(point("a", [1, 0, 0, 0]), index=f"{PLACE}/indexes/8")
    with pytest.raises(exceptions.NotFound):
        search.find({"datapoint": {"feature_vector": [1, 0, 0, 0]}}, deployed="other")
    with pytest.raises(exceptions.NotFound):
        search.indexes.get_index(name=INDEX.replace("demo", "another"))


def test_an_index_and_its_endpoint_tell_what_they_are(search: VectorSearch) -> None:
    search.upsert(point("a", [1, 0, 0, 0]), point("b", [1, 0, 0, 0]))
    index = search.indexes.get_index(name=INDEX)
    assert (index.name, index.index_stats.vectors_count, index.index_update_method.name) == (INDEX, 2, "STREAM_UPDATE")
    assert index.deployed_indexes[0].deployed_index_id == "main"
    endpoints = aiplatform_v1.IndexEndpointServiceClient(
        transport="rest", client_options={"api_endpoint": f"http://127.0.0.1:{search.port}"}, credentials=AnonymousCredentials()
    )
    endpoint = endpoints.get_index_endpoint(name=ENDPOINT)
    assert endpoint.public_endpoint_domain_name == f"127.0.0.1:{search.port}"
    assert [(deployed.id, deployed.index) for deployed in endpoint.deployed_indexes] == [("main", INDEX)]


def test_a_call_outside_the_served_ones_is_unimplemented(search: VectorSearch) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        search.indexes.list_indexes(parent=PLACE)


def test_a_malformed_value_is_an_invalid_argument_in_googles_error_shape(search: VectorSearch) -> None:
    body = json.dumps({"datapoints": [{"datapointId": "a", "featureVector": ["x", 0, 0, 0]}]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{search.port}/v1/{INDEX}:upsertDatapoints", body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    error = json.loads(refused.value.read())["error"]
    assert (refused.value.code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")


def test_an_ordered_failure_before_does_nothing_and_one_after_has_been_done(search: VectorSearch) -> None:
    search.faults.order(Fault("vertex.UpsertDatapoints", "fail", status=503))
    with pytest.raises(exceptions.ServiceUnavailable):
        search.upsert(point("a", [1, 0, 0, 0]))
    assert search.ids() == []
    search.faults.order(Fault("vertex.UpsertDatapoints", "fail_after", status=429))
    with pytest.raises(exceptions.TooManyRequests):
        search.upsert(point("a", [1, 0, 0, 0]))
    assert search.ids() == ["a"]
