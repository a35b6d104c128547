"""What Google's client may rely on, the same on ours within the process, on ours over gRPC and on Google's own emulator."""

import math
import os
import random
import shutil
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock
from urllib.request import urlopen

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore import FieldFilter, Or, Query
from google.cloud.firestore_v1 import field_path
from google.cloud.firestore_v1.base_query import And
from google.cloud.firestore_v1.vector import Vector

from emulators.clock import MovableClock
from emulators.faults import Faults
from emulators.firestore.engine import Engine
from emulators.firestore.inprocess import client as inprocess_client
from emulators.firestore.server import serve

JAR = Path(
    os.environ.get(
        "FIRESTORE_EMULATOR_JAR",
        "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
    )
)
NAME = "__name__"
Connect = Callable[[str, str], firestore.Client]


def over_grpc(port: int) -> Connect:
    def connect(project: str, database: str) -> firestore.Client:
        with mock.patch.dict(os.environ, {"FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{port}"}):
            made = firestore.Client(project=project, database=database)
            assert made._firestore_api is not None  # the channel is made while the variable is set
            return made

    return connect


@pytest.fixture(scope="session")
def googles_own() -> Iterator[Connect]:
    if not JAR.exists() or shutil.which("java") is None:
        pytest.skip("Google's emulator is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto", "-Duser.language=en"]
    main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    command = ["java", *flags, "-cp", str(JAR), main, "start", "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "is now running" in line:
            break
    threading.Thread(target=process.stdout.read, daemon=True).start()
    with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        assert answer.status == 200
    yield over_grpc(port)
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="session")
def ours_over_grpc() -> Iterator[Connect]:
    server = serve(Engine(None, MovableClock()), Faults())
    yield over_grpc(server.port)
    server.stop()


@pytest.fixture(scope="session")
def ours_in_process() -> Connect:
    engine = Engine(None, MovableClock())
    return lambda project, database: inprocess_client(engine, project, database)


@pytest.fixture(params=["ours_in_process", "ours_over_grpc", "googles_own"])
def connect(request: pytest.FixtureRequest) -> Connect:
    return request.getfixturevalue(request.param)


@pytest.fixture
def db(connect: Connect) -> firestore.Client:
    return connect(f"p-{uuid.uuid4().hex[:12]}", "(default)")


@pytest.fixture
def rows(db: firestore.Client) -> firestore.CollectionReference:
    return db.collection("rows")


def fill(rows: firestore.CollectionReference, **documents: dict) -> None:
    for ident, content in documents.items():
        rows.document(ident).set(content)


def ids(query: Query | firestore.CollectionReference) -> list[str]:
    return [snapshot.id for snapshot in query.stream()]


def where(rows: firestore.CollectionReference, path: str, op: str, value: object) -> Query:
    return rows.where(filter=FieldFilter(path, op, value))


# --- documents


def test_a_document_comes_back_as_it_was_stored(rows: firestore.CollectionReference) -> None:
    when = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
    content = {
        "null": None,
        "yes": True,
        "int": -(2**63),
        "double": 1.5,
        "when": when,
        "text": "naïve \u0000 😀",
        "bytes": b"\0\xff",
        "ref": rows.document("other"),
        "geo": firestore.GeoPoint(1.5, -2.5),
        "list": [1, {"a": [2]}],
        "map": {"x": {"y": {}}},
        "vector": Vector([1.0, 2.0]),
        "odd.name`": 1,
    }
    rows.document("a").set(content)
    assert rows.document("a").get().to_dict() == content


def test_a_missing_document_is_told_apart_from_an_empty_one(rows: firestore.CollectionReference) -> None:
    rows.document("empty").set({})
    assert rows.document("empty").get().exists
    assert not rows.document("none").get().exists


def test_create_refuses_a_document_that_is_there(rows: firestore.CollectionReference) -> None:
    rows.document("a").create({"n": 1})
    with pytest.raises(exceptions.AlreadyExists):
        rows.document("a").create({"n": 2})
    assert rows.document("a").get().to_dict() == {"n": 1}


def test_update_refuses_a_document_that_is_not_there(rows: firestore.CollectionReference) -> None:
    with pytest.raises(exceptions.NotFound):
        rows.document("a").update({"n": 1})


def test_update_touches_only_the_paths_it_names(rows: firestore.CollectionReference) -> None:
    rows.document("a").set({"m": {"x": 1, "y": 2, "odd-key": 3}, "n": 1})
    odd = field_path.FieldPath("m", "odd-key").to_api_repr()
    rows.document("a").update({"m.x": 9, odd: firestore.DELETE_FIELD, "new.deep": True})
    assert rows.document("a").get().to_dict() == {"m": {"x": 9, "y": 2}, "n": 1, "new": {"deep": True}}


def test_merge_keeps_what_it_does_not_name_and_creates_what_is_missing(rows: firestore.CollectionReference) -> None:
    rows.document("a").set({"m": {"x": 1}}, merge=True)
    rows.document("a").set({"m": {"y": 2}, "n": 1}, merge=True)
    rows.document("a").set({"m": {"x": 5, "y": 6}, "n": 7}, merge=["m.x"])
    assert rows.document("a").get().to_dict() == {"m": {"x": 5, "y": 2}, "n": 1}


def test_a_write_on_an_old_version_is_refused(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    ref = rows.document("a")
    first = ref.set({"n": 1}).update_time
    ref.update({"n": 2}, option=db.write_option(last_update_time=first))
    with pytest.raises(exceptions.FailedPrecondition):
        ref.update({"n": 3}, option=db.write_option(last_update_time=first))
    with pytest.raises(exceptions.FailedPrecondition):
        ref.delete(option=db.write_option(last_update_time=first))
    assert ref.get().get("n") == 2


def test_every_change_gets_a_later_update_time_and_keeps_the_create_time(rows: firestore.CollectionReference) -> None:
    ref = rows.document("a")
    times = []
    for n in range(20):
        ref.set({"n": n})
        snapshot = ref.get()
        times.append(snapshot.update_time)
    assert times == sorted(set(times))
    assert snapshot.create_time == times[0]


def test_delete_is_quiet_about_what_is_not_there_unless_asked(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    rows.document("a").delete()
    with pytest.raises(exceptions.NotFound):
        rows.document("a").delete(option=db.write_option(exists=True))


def test_transforms_compute_from_what_is_stored(rows: firestore.CollectionReference) -> None:
    ref = rows.document("a")
    ref.set({"n": 5, "max": 3, "min": 3, "text": "x", "list": [1, 2, 2.0, "a"], "half": 1})
    ref.update(
        {
            "n": firestore.Increment(-7),
            "half": firestore.Increment(0.5),
            "text": firestore.Increment(4),
            "new": firestore.Increment(1),
            "max": firestore.Maximum(9),
            "min": firestore.Minimum(9),
            "list": firestore.ArrayUnion([1, 3, 3]),
            "gone": firestore.ArrayRemove([1]),
        }
    )
    stored = ref.get().to_dict()
    assert stored == {
        "n": -2, "half": 1.5, "text": 4, "new": 1, "max": 9, "min": 3, "list": [1, 2, 2.0, "a", 3], "gone": []
    }  # fmt: skip
    ref.update({"list": firestore.ArrayRemove([2, "a"])})
    assert ref.get().get("list") == [1, 3]


def test_an_increment_saturates(rows: firestore.CollectionReference) -> None:
    rows.document("a").set({"n": 2**63 - 2})
    rows.document("a").update({"n": firestore.Increment(10)})
    assert rows.document("a").get().get("n") == 2**63 - 1


def test_server_time_is_the_time_of_the_write(rows: firestore.CollectionReference) -> None:
    rows.document("a").set({"at": firestore.SERVER_TIMESTAMP, "m": {"at": firestore.SERVER_TIMESTAMP}})
    snapshot = rows.document("a").get()
    assert snapshot.get("at") == snapshot.get("m.at")
    assert abs(snapshot.get("at") - snapshot.update_time) < timedelta(seconds=1)


def test_a_batch_is_written_whole_or_not_at_all(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    rows.document("there").set({})
    batch = db.batch()
    batch.set(rows.document("new"), {"n": 1})
    batch.create(rows.document("there"), {})
    with pytest.raises(exceptions.AlreadyExists):
        batch.commit()
    assert not rows.document("new").get().exists


def test_later_writes_of_a_batch_see_earlier_ones(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    batch = db.batch()
    batch.create(rows.document("a"), {"n": 1})
    batch.update(rows.document("a"), {"n": firestore.Increment(1)})
    batch.set(rows.document("b"), {})
    batch.delete(rows.document("b"))
    batch.commit()
    assert rows.document("a").get().to_dict() == {"n": 2}
    assert not rows.document("b").get().exists


def test_many_documents_are_read_at_once(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    fill(rows, a={"n": 1}, c={"n": 3, "m": 4})
    found = {s.id: s.to_dict() for s in db.get_all([rows.document(i) for i in "abca"], field_paths=["n"])}
    assert found == {"a": {"n": 1}, "b": None, "c": {"n": 3}}


def test_independent_writes_fail_alone(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    rows.document("there").set({"n": 0})
    failed = []
    writer = db.bulk_writer()
    writer.on_write_error(lambda failure, _: bool(failed.append(failure.code)))
    writer.create(rows.document("there"), {"n": 1})
    for n in range(30):
        writer.set(rows.document(f"d{n}"), {"n": n})
    writer.close()
    assert failed == [6]
    assert len(ids(rows)) == 31


def test_databases_and_projects_do_not_see_each_other(connect: Connect) -> None:
    project = f"p-{uuid.uuid4().hex[:12]}"
    for database in ("(default)", "second"):
        connect(project, database).document("rows/a").set({"in": database})
    assert connect(project, "second").document("rows/a").get().get("in") == "second"
    assert connect(project, "(default)").document("rows/a").get().get("in") == "(default)"
    assert not connect(project + "x", "(default)").document("rows/a").get().exists


# --- limits


def deep(levels: int) -> dict:
    content: dict = {"leaf": 1}
    for _ in range(levels):
        content = {"m": content}
    return content


@pytest.mark.parametrize(
    "content",
    [
        {"text": "x" * 1_048_576},
        {"list": [[1]]},
        {"__odd__": 1},
        {"m": {"__odd__": 1}},
        deep(21),
    ],
    ids=["over 1 MiB", "array in array", "reserved field", "reserved field in a map", "too deep"],
)
def test_what_cannot_be_stored_is_refused(rows: firestore.CollectionReference, content: dict) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        rows.document("a").set(content)
    assert not rows.document("a").get().exists


def test_what_just_fits_is_stored(rows: firestore.CollectionReference) -> None:
    rows.document("big").set({"text": "x" * 1_048_000})
    rows.document("deep").set(deep(20))
    assert rows.document("big").get().exists and rows.document("deep").get().exists


@pytest.mark.parametrize("ident", ["__odd__", ".", "..", "x" * 1501])
def test_ids_production_refuses_are_refused(rows: firestore.CollectionReference, ident: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        rows.document(ident).set({})


# --- queries

VALUES = [
    None, False, True, math.nan, -math.inf, -(2**53) - 1, -(2**53), -1.5, 0, 0.5, 1, 2**53, 2**53 + 1, math.inf,
    datetime(1969, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "", "a", "a\0", "a\0b", "ab", "é", "\uffff", "😀",
    b"", b"\0", b"a", b"\xff", firestore.GeoPoint(-1, 5), firestore.GeoPoint(0, 0), firestore.GeoPoint(0, 1),
    [], [None], [1], [1, "a"], [2], Vector([9.0]), Vector([1.0, 2.0]), {}, {"a": 1}, {"a": 1, "b": 0}, {"a": 2}, {"b": 0},
]  # fmt: skip


def test_values_of_all_types_stand_in_one_order(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    batch = db.batch()
    for position, value in enumerate(VALUES):
        batch.set(rows.document(f"v{position:03}"), {"v": value})
    batch.commit()
    expected = [f"v{position:03}" for position in range(len(VALUES))]
    assert ids(rows.order_by("v")) == expected
    assert ids(rows.order_by("v", direction=Query.DESCENDING)) == expected[::-1]


@pytest.fixture
def numbers(rows: firestore.CollectionReference) -> firestore.CollectionReference:
    fill(
        rows,
        a={"n": 1, "t": "x", "l": [1, 2], "m": {"k": 1}},
        b={"n": 2, "t": "y", "l": [2, 3], "m": {"k": 2}},
        c={"n": 3.0, "t": "x", "l": [], "m": {"k": 1}},
        d={"n": None, "t": "y"},
        e={"n": math.nan, "t": "x"},
        f={"n": "2", "t": "z", "l": "2"},
        g={"t": "x"},
        h={"n": 2, "t": "x", "l": [5]},
    )
    return rows


@pytest.mark.parametrize(
    ("path", "op", "value", "expected"),
    [
        ("n", "==", 2, "bh"),
        ("n", "==", 3, "c"),
        ("n", "==", None, "d"),
        ("n", "==", math.nan, "e"),
        ("n", ">", 1, "bhc"),
        ("n", ">=", 1, "abhc"),
        ("n", "<=", 2.0, "abh"),
        ("n", ">", "1", "f"),
        ("n", "!=", 2, "eacf"),
        ("n", "!=", None, "eabhcf"),
        ("n", "!=", math.nan, "abhcf"),
        ("n", "in", [1, "2", 3], "acf"),
        ("n", "not-in", [1, 2], "ecf"),
        ("n", "not-in", [1, None], ""),
        ("l", "array_contains", 2, "ab"),
        ("l", "array_contains_any", [1, 3, 5], "abh"),
        ("m.k", "==", 1, "ac"),
        ("m", "==", {"k": 2}, "b"),
        ("l", "==", [1, 2], "a"),
    ],
)
def test_a_condition_finds(numbers: firestore.CollectionReference, path: str, op: str, value: object, expected: str) -> None:
    assert "".join(ids(where(numbers, path, op, value))) == expected


def test_conditions_combine(numbers: firestore.CollectionReference) -> None:
    both = where(numbers, "t", "==", "x").where(filter=FieldFilter("n", ">", 0))
    assert ids(both) == ["a", "h", "c"]
    either = numbers.where(
        filter=Or(
            [
                FieldFilter("t", "==", "z"),
                And([FieldFilter("t", "==", "x"), FieldFilter("l", "array_contains", 1)]),
                FieldFilter("n", "==", 1),
            ]
        )
    )
    assert ids(either) == ["a", "f"]
    several = where(numbers, "n", ">=", 1).where(filter=FieldFilter("t", ">", "x"))
    assert ids(several.order_by("t").order_by("n")) == ["b"]
    assert ids(where(numbers, "t", "in", ["y", "x"]).order_by("n").limit(3)) == ["d", "e", "a"]


def test_alternatives_come_in_the_order_asked_for(numbers: firestore.CollectionReference) -> None:
    query = where(numbers, "t", "in", ["x", "y"]).order_by("n", direction=Query.DESCENDING)
    assert ids(query) == ["c", "h", "b", "a", "e", "d"]
    assert ids(query.offset(1).limit(2)) == ["h", "b"]


def test_order_leaves_out_documents_without_the_field(numbers: firestore.CollectionReference) -> None:
    assert ids(numbers.order_by("l")) == ["f", "c", "a", "b", "h"]


def test_several_orders_and_ties_by_name(numbers: firestore.CollectionReference) -> None:
    assert ids(numbers.order_by("t", direction=Query.DESCENDING).order_by("n")) == list("fdbeahc")
    assert ids(where(numbers, "n", "==", 2).order_by("t", direction=Query.DESCENDING)) == ["b", "h"]
    assert ids(numbers.order_by("t")) == list("aceghbdf")
    assert ids(numbers.order_by("t", direction=Query.DESCENDING)) == list("fdbhgeca")


@pytest.mark.parametrize("direction", [Query.ASCENDING, Query.DESCENDING])
def test_pages_by_cursor_give_everything_once(rows: firestore.CollectionReference, direction: str) -> None:
    fill(rows, **{f"d{n:02}": {"n": n % 4, "t": "x" if n % 3 else "y"} for n in range(17)})
    for base in (
        rows.order_by("n", direction=direction),
        rows.order_by("t").order_by("n", direction=direction),
        rows.order_by(NAME),
        where(rows, "t", "==", "x").order_by("n", direction=direction),
        where(rows, "t", "in", ["x", "y"]).order_by("n", direction=direction),
        where(rows, "n", ">=", 1).order_by("n", direction=direction).order_by(NAME),
    ):
        whole, seen, last = ids(base), [], None
        while page := list((base.start_after(last) if last else base).limit(4).stream()):
            seen += [snapshot.id for snapshot in page]
            last = page[-1]
        assert seen == whole


def test_cursors_include_or_leave_out_what_they_name(numbers: firestore.CollectionReference) -> None:
    base = where(numbers, "n", ">", 0).order_by("n")
    assert ids(base.start_at({"n": 2})) == ["b", "h", "c"]
    assert ids(base.start_after({"n": 2})) == ["c"]
    assert ids(base.end_at({"n": 2})) == ["a", "b", "h"]
    assert ids(base.end_before({"n": 2})) == ["a"]
    named = numbers.order_by("n").order_by(NAME)
    assert ids(named.start_at({"n": 2, NAME: numbers.document("h")})) == ["h", "c", "f"]
    assert [s.id for s in numbers.order_by("n").limit_to_last(2).get()] == ["c", "f"]


def test_conditions_on_names(numbers: firestore.CollectionReference) -> None:
    assert ids(where(numbers, NAME, "==", numbers.document("c"))) == ["c"]
    assert ids(where(numbers, NAME, "in", [numbers.document("c"), numbers.document("q"), numbers.document("a")])) == ["a", "c"]
    between = where(numbers, NAME, ">", numbers.document("b")).where(filter=FieldFilter(NAME, "<=", numbers.document("d")))
    assert ids(between) == ["c", "d"]
    assert ids(where(numbers, "t", "==", "x").where(filter=FieldFilter(NAME, ">", numbers.document("c")))) == list("egh")


def test_a_projection_gives_only_what_it_names(numbers: firestore.CollectionReference) -> None:
    snapshots = list(where(numbers, "t", "==", "x").select(["m.k", "l"]).limit(1).stream())
    assert [s.to_dict() for s in snapshots] == [{"m": {"k": 1}, "l": [1, 2]}]
    assert [s.to_dict() for s in where(numbers, "t", "==", "x").select([]).limit(1).stream()] == [{}]


def test_collection_groups_reach_below_any_parent(db: firestore.Client) -> None:
    for path in ("a/1/kids/x", "a/2/kids/y", "kids/z", "b/1/c/1/kids/w", "kids/z/kids/v", "a/1/other/x"):
        db.document(path).set({"n": len(path), "t": "k"})
    group = db.collection_group("kids")
    assert [s.reference.path for s in group.stream()] == [
        "a/1/kids/x", "a/2/kids/y", "b/1/c/1/kids/w", "kids/z", "kids/z/kids/v"
    ]  # fmt: skip
    assert sorted(ids(where(group, "n", ">", 6))) == ["v", "w", "x", "y"]
    assert ids(where(group, "t", "==", "k").order_by("n").limit(1)) == ["z"]
    first = next(iter(group.order_by(NAME).limit(1).stream()))
    assert ids(group.order_by(NAME).start_after(first).limit(2)) == ["y", "w"]
    below = db.document("kids/z").collection("kids")
    assert ids(below) == ["v"]


def test_queries_look_into_one_collection_only(db: firestore.Client) -> None:
    for path in ("rows/a", "rows/a/rows/b", "other/a/rows/c"):
        db.document(path).set({"n": 1})
    assert ids(where(db.collection("rows"), "n", "==", 1)) == ["a"]
    assert ids(where(db.collection("rows/a/rows"), "n", "==", 1)) == ["b"]


def test_changed_and_deleted_documents_leave_the_queries_they_matched(rows: firestore.CollectionReference) -> None:
    fill(rows, a={"t": "x", "l": [1]}, b={"t": "x", "l": [1]})
    rows.document("a").update({"t": "y", "l": [2]})
    rows.document("b").delete()
    assert ids(where(rows, "t", "==", "x")) == ids(where(rows, "l", "array_contains", 1)) == []
    assert ids(where(rows, "t", "==", "y")) == ids(where(rows, "l", "array_contains", 2)) == ["a"]


@pytest.mark.parametrize(("op", "count"), [("in", 31), ("array_contains_any", 31), ("not-in", 11)])
def test_lists_to_compare_with_are_limited(rows: firestore.CollectionReference, op: str, count: int) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        list(where(rows, "n", op, list(range(count))).stream())


def test_long_texts_are_stored_but_not_asked_for(rows: firestore.CollectionReference) -> None:
    fill(rows, b={"t": "x" * 2000, "n": 1}, a={"t": "y" * 2000, "n": 1})
    assert ids(rows.order_by("t")) == ["b", "a"]
    assert ids(where(rows, "t", ">", "x" * 1400)) == ["b", "a"]
    with pytest.raises(exceptions.InvalidArgument):
        ids(where(rows, "t", "==", "x" * 2000))


def test_names_are_not_read_backwards(rows: firestore.CollectionReference) -> None:
    with pytest.raises(exceptions.FailedPrecondition):
        ids(rows.order_by(NAME, direction=Query.DESCENDING))


def test_aggregations_count_sum_and_average(numbers: firestore.CollectionReference) -> None:
    query = where(numbers, "t", "==", "x")

    def values(aggregation: object) -> dict:
        return {result.alias: result.value for result in aggregation.get()[0]}

    assert values(numbers.count(alias="all")) == {"all": 8}
    assert values(query.limit(2).count(alias="two")) == {"two": 2}
    plain = where(numbers, "n", ">", 0)
    assert values(plain.sum("n", alias="s").avg("n", alias="m").count(alias="c")) == {"s": 8.0, "m": 2.0, "c": 4}
    assert values(where(numbers, "t", "==", "y").sum("n", alias="s").count(alias="c")) == {"s": 2, "c": 2}
    assert values(numbers.sum("l", alias="s").avg("l", alias="m")) == {"s": 0, "m": 0}


# --- listing


def test_listing_shows_documents_that_exist_only_as_parents(db: firestore.Client) -> None:
    for path in ("rows/a", "rows/b/kids/x", "rows/c/kids/y/deeper/z", "rows/d", "other/o"):
        db.document(path).set({"n": 1})
    assert [ref.id for ref in db.collection("rows").list_documents()] == ["a", "b", "c", "d"]
    assert [ref.id for ref in db.collection("rows").list_documents(page_size=3)] == ["a", "b", "c", "d"]
    assert sorted(c.id for c in db.collections()) == ["other", "rows"]
    assert [c.id for c in db.document("rows/c").collections()] == ["kids"]
    assert [c.id for c in db.document("rows/c/kids/y").collections()] == ["deeper"]
    assert list(db.document("rows/a").collections()) == []


def test_a_tree_is_deleted_whole(db: firestore.Client) -> None:
    for path in ("rows/a", "rows/a/kids/x", "rows/b"):
        db.document(path).set({})
    db.recursive_delete(db.document("rows/a"))
    assert ids(db.collection("rows")) == ["b"]
    assert not db.document("rows/a/kids/x").get().exists


# --- transactions


def test_a_transaction_reads_then_writes(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    fill(rows, a={"n": 1}, b={"n": 2})

    @firestore.transactional
    def move(transaction: firestore.Transaction) -> int:
        total = sum(s.get("n") for s in where(rows, "n", ">", 0).stream(transaction=transaction))
        transaction.update(rows.document("a"), {"n": 0})
        transaction.set(rows.document("b"), {"n": total})
        return total

    assert move(db.transaction()) == 3
    assert rows.document("b").get().get("n") == 3


def test_a_transaction_that_fails_writes_nothing(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    @firestore.transactional
    def fail(transaction: firestore.Transaction) -> None:
        transaction.set(rows.document("a"), {})
        raise KeyError("given up")

    with pytest.raises(KeyError):
        fail(db.transaction())
    assert not rows.document("a").get().exists


def test_a_refused_write_ends_the_transaction(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    rows.document("a").set({})

    @firestore.transactional
    def collide(transaction: firestore.Transaction) -> None:
        transaction.create(rows.document("a"), {})

    with pytest.raises(exceptions.AlreadyExists):
        collide(db.transaction())


def test_a_read_only_transaction_reads_and_cannot_write(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    fill(rows, a={"n": 1})

    @firestore.transactional
    def read(transaction: firestore.Transaction) -> list[str]:
        with pytest.raises(ValueError, match="read-only"):
            transaction.set(rows.document("b"), {})
        return ids_in(rows.order_by("n"), transaction)

    assert read(db.transaction(read_only=True)) == ["a"]


def ids_in(query: Query, transaction: firestore.Transaction) -> list[str]:
    return [snapshot.id for snapshot in query.stream(transaction=transaction)]


def test_a_read_only_transaction_sees_one_moment(db: firestore.Client, rows: firestore.CollectionReference) -> None:
    fill(rows, a={"n": 1, "t": "x"}, b={"n": 2, "t": "x"}, c={"n": 3, "t": "x"})

    @firestore.transactional
    def read(transaction: firestore.Transaction) -> None:
        assert rows.document("a").get(transaction=transaction).get("n") == 1
        rows.document("a").update({"n": 9})
        rows.document("b").delete()
        rows.document("d").set({"n": 0, "t": "x"})
        assert rows.document("a").get(transaction=transaction).get("n") == 1
        assert ids_in(rows.order_by("n"), transaction) == ["a", "b", "c"]
        assert ids_in(where(rows, "t", "==", "x").limit(2), transaction) == ["a", "b"]
        assert not rows.document("d").get(transaction=transaction).exists

    read(db.transaction(read_only=True))
    assert ids(rows.order_by("n")) == ["d", "c", "a"]


# --- by chance


def random_query(chance: random.Random, rows: firestore.CollectionReference) -> Query:
    """Some query that production serves: conditions, orders in any direction, cursors and limits."""
    query: Query = rows.order_by(NAME)._copy(orders=())
    for _ in range(chance.randint(0, 3)):
        path = chance.choice(["a", "b", "m.k"])
        op = chance.choice(["==", "==", "<", "<=", ">", ">=", "!=", "in", "not-in"])
        pick = [chance.choice([0, 1, 2, 2.5, "x", "y", True]) for _ in range(2)]
        query = where(query, path, op, pick if op in ("in", "not-in") else pick[0])
    if chance.random() < 0.3:
        query = where(query, "l", "array_contains", chance.choice([0, 1, "x"]))
    directions = [chance.choice([Query.ASCENDING, Query.DESCENDING]) for _ in range(2)]
    for path, direction in zip(chance.sample(["a", "b", "m.k"], chance.randint(0, 2)), directions, strict=False):
        query = query.order_by(path, direction=direction)
    if chance.random() < 0.5:
        query = query.limit(chance.randint(1, 5))
    return query


def test_chance_queries_give_what_googles_own_gives(googles_own: Connect, ours_in_process: Connect) -> None:
    chance = random.Random(20)
    project = f"p-{uuid.uuid4().hex[:12]}"
    both = [connect(project, "(default)").collection("rows") for connect in (googles_own, ours_in_process)]
    values = [0, 1, 2, 2.5, "x", "y", True, None, math.nan]
    for n in range(40):
        content = {path: chance.choice(values) for path in "ab" if chance.random() < 0.9}
        content |= {"m": {"k": chance.choice(values)}, "l": chance.sample([0, 1, "x"], chance.randint(0, 2))}
        for rows in both:
            rows.document(f"d{n:02}").set(content)
    compared = 0
    for _ in range(150):
        state = chance.getstate()
        answers = []
        for rows in both:
            chance.setstate(state)
            query = random_query(chance, rows)
            try:
                answers.append(ids(query))
            except exceptions.InvalidArgument:
                answers.append(["refused"])
        assert answers[0] == answers[1], str(query._to_protobuf())
        compared += answers[0] != ["refused"] and bool(answers[0])
    assert compared > 50
