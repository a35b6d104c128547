"""The leaves of extracted JSON: each once, in order, and findable by its path."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.leaves import MAX_TEXT_LEAVES, Leaf, leaves, metadata_text, pick, text_leaves
from shared.vectors.ids import TextId, text_ids

names = st.text("abcdefg_", min_size=1, max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
data = st.dictionaries(
    names, st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
)


def scalars_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for child in value.values() for leaf in scalars_of(child)]
    if isinstance(value, list):
        return [leaf for child in value for leaf in scalars_of(child)]
    return [] if value is None else [value]


@given(data)
def test_every_scalar_is_one_leaf_in_the_order_of_the_document(said: dict) -> None:
    found = list(leaves(said))
    assert [leaf.value for leaf in found] == scalars_of(said)
    assert len({leaf.instance_path for leaf in found}) == len(found)


@given(data)
def test_a_field_path_picks_the_leaves_it_names(said: dict) -> None:
    found = list(leaves(said))
    for leaf in found:
        assert pick(said, leaf.field_path) == [one.value for one in found if one.field_path == leaf.field_path]


@given(data)
def test_text_leaves_are_written_words_and_not_too_many(said: dict) -> None:
    found = text_leaves(said, [])
    assert len(found) <= MAX_TEXT_LEAVES
    assert all(isinstance(leaf.value, str) and leaf.value.strip() for leaf in found)
    assert found == [leaf for leaf in leaves(said) if leaf in found]


@given(data)
def test_nothing_below_a_disabled_field_is_a_text_leaf(said: dict) -> None:
    for name in said:
        left = text_leaves(said, [name])
        assert not any(leaf.field_path == name or leaf.field_path.startswith((f"{name}.", f"{name}[")) for leaf in left)


def test_paths_name_fields_and_instances() -> None:
    said = {"scene": {"people": [{"emotion": "joy"}, {"emotion": None}, {"emotion": "calm"}]}, "day": True}
    assert list(leaves(said)) == [
        Leaf("scene.people[].emotion", "scene.people[0].emotion", "joy"),
        Leaf("scene.people[].emotion", "scene.people[2].emotion", "calm"),
        Leaf("day", "day", True),
    ]
    assert pick(said, "scene") == ["joy", "calm"]
    assert metadata_text(said) == "scene.people[].emotion: joy; scene.people[].emotion: calm; day: yes"


def test_a_disabled_name_does_not_cover_a_longer_one() -> None:
    assert [leaf.field_path for leaf in text_leaves({"scene": "a", "scenery": "b"}, ["scene"])] == ["scenery"]


@given(st.sampled_from(["", "seg_1"]), st.integers(0, 10**6), st.integers(0, 10**3))
def test_a_vectors_id_leads_back_to_its_row(segment: str, attempt: int, n: int) -> None:
    made = TextId("run_1", "vid_1", segment, attempt, n)
    assert TextId.parse(str(made)) == made


def test_ids_of_another_shape_lead_nowhere() -> None:
    for text in ("", "a.b.c", "image.vid_1.cut_1.seg_1", "r.v.s.x.0", "r.v.s.1.y", "r.v.s.1.0.0", "r.v.s.-1.0"):
        assert TextId.parse(text) is None, text
    assert text_ids("r", "v", "", 2, 2) == ["r.v.-.2.0", "r.v.-.2.1"]
