"""What the generator makes of schemas and of words alone, without media or a server."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.vertex.answers import ApiError
from emulators.vertex.generate.evidence import Hearing, Line, Look, Utterance
from emulators.vertex.generate.facts import Facts
from emulators.vertex.generate.fill import Filler
from emulators.vertex.generate.notes import Notes
from emulators.vertex.generate.shape import read_shape
from emulators.vertex.generate.vocabulary import KINDS
from emulators.vertex.generate.witness import Witness

TEXT = {"type": "string"}
LOOK = Look(
    640,
    360,
    True,
    (Line("Speaker: Jane Doe", 0.98, 0.1, 1.0), Line("Price $40", 0.9, 0.05, 1.0)),
    (("blue", 0.8),),
    0.2,
    0.4,
    0.3,
    1,
)
HEARING = Hearing(
    "pocketsphinx en-US", "en", (Utterance(61.5, 63.0, "we met outside the old station", 0.8),), ((61.4, 63.1),), -20.0, 0.4, 0.1
)


class Seen(Witness):
    """A witness who has already looked and listened, from second 60 to 65."""

    def __init__(self, look: Look | None = LOOK, hearing: Hearing | None = HEARING) -> None:
        super().__init__([], Notes(""))
        self._known.update(look=look, hearing=hearing)

    @property
    def has_media(self) -> bool:
        return True

    @property
    def span(self) -> tuple[float, float]:
        return 60.0, 65.0


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def filled(schema: dict[str, Any], witness: Witness) -> Any:
    answer = Filler(Facts(witness)).answer(read_shape(schema))
    jsonschema_rs.validate(schema, answer)
    return answer


def from_words(text: str, schema: dict[str, Any]) -> Any:
    return filled(schema, Witness([], Notes(text)))


SEGMENTS = [
    {"start_seconds": 0, "end_seconds": 5, "headline": "MINISTER RESIGNS", "scene.location": "London",
     "transcription": "the minister said today that he would resign after the vote on the budget"},
    {"start_seconds": 5, "end_seconds": 9, "headline": "FLOODS HIT NORTH", "scene.location": "Leeds",
     "transcription": "heavy rain has flooded hundreds of homes in the north of england"},
    {"start_seconds": 9, "end_seconds": 12, "headline": "FLOODS HIT NORTH", "scene.location": "Leeds", "transcription": ""},
]  # fmt: skip
EVIDENCE = "Summarize the entire asset.\n\nEvidence:\n" + "\n".join(json.dumps(one) for one in SEGMENTS)


def test_a_summary_of_segments_is_made_of_their_own_sentences() -> None:
    summary = from_words(EVIDENCE, an_object(program_summary=TEXT))["program_summary"]
    assert "resign after the vote on the budget" in summary
    assert "heavy rain has flooded hundreds of homes" in summary
    assert "Summarize" not in summary


def test_values_of_all_segments_are_gathered_once_each_and_the_commonest_headline_wins() -> None:
    schema = an_object(headline=TEXT, locations={"type": "array", "items": TEXT}, mood=TEXT)
    assert from_words(EVIDENCE, schema) == {"headline": "FLOODS HIT NORTH", "locations": ["London", "Leeds"]}


def test_chapters_take_title_and_times_from_one_segment_each() -> None:
    item = an_object(title=TEXT, start={"type": "number"}, end={"type": "number"})
    chapters = from_words(EVIDENCE, an_object(chapters={"type": "array", "items": item}))["chapters"]
    assert chapters[0] == {"title": "MINISTER RESIGNS", "start": 0.0, "end": 5.0}
    assert [chapter["start"] for chapter in chapters] == [0.0, 5.0, 9.0]


def test_an_answer_sent_back_for_repair_keeps_its_facts_in_the_right_types() -> None:
    schema = {
        **an_object(
            count={"type": "integer"},
            kind={"type": "string", "enum": ["sport", "news"]},
            rows={"type": "array", "items": an_object(value={"type": "number"})},
        ),
        "required": ["count", "kind"],
    }
    wrong = {"count": "5", "kind": "News", "rows": [{"value": "1.5"}], "extra": 1}
    assert from_words(f"This does not fit: {json.dumps(wrong)}", schema) == {"count": 5, "kind": "news", "rows": [{"value": 1.5}]}


def test_a_wish_in_plain_words_yields_a_field_for_each_of_its_subjects() -> None:
    item = {
        **an_object(name=TEXT, type={"type": "string", "enum": ["string", "number"]}, description=TEXT),
        "required": ["name", "type"],
    }
    schema = an_object(name=TEXT, prompt_text=TEXT, fields={"type": "array", "items": item})
    draft = from_words("Find the products shown in cooking programmes and their prices.", schema)
    assert [field["name"] for field in draft["fields"]] == ["products", "cooking", "programmes", "prices"]
    assert draft["prompt_text"].startswith("Find the products")


def test_what_stands_on_screen_as_a_label_and_value_answers_even_what_eyes_cannot_tell() -> None:
    assert filled(an_object(speaker=TEXT, host=TEXT), Seen()) == {"speaker": "Jane Doe"}


def test_a_place_and_a_price_are_taken_from_words_only() -> None:
    answer = filled(an_object(location=TEXT, price={"type": "number"}), Seen())
    assert answer == {"location": "old station", "price": 40.0}
    assert filled(an_object(location=TEXT, price={"type": "number"}), Seen(None, None)) == {}


def test_times_are_counted_from_where_the_field_says() -> None:
    item = an_object(
        start={"type": "number", "description": "seconds from the start of the segment"},
        end_ms={"type": "integer", "description": "end, from the start of the media"},
        text=TEXT,
    )
    lines = filled(an_object(utterances={"type": "array", "items": item}), Seen())["utterances"]
    assert lines == [{"start": 1.5, "end_ms": 63000, "text": "we met outside the old station"}]


def test_an_enum_member_is_chosen_only_when_evidence_holds_it() -> None:
    def one_of(*members: str) -> dict[str, Any]:
        return {"type": "string", "enum": list(members)}

    schema = an_object(
        colour=one_of("red", "blue"),
        venue_type=one_of("station", "airport"),
        emotion=one_of("happy", "old"),
        lighting=one_of("Dark", "Bright"),
    )
    assert filled(schema, Seen()) == {"colour": "blue", "venue_type": "station", "lighting": "Dark"}


def test_negated_and_counted_questions_are_answered_as_asked() -> None:
    schema = an_object(
        no_speech={"type": "boolean"},
        word_count={"type": "integer", "description": "number of spoken words"},
        motion_percent={"type": "number"},
    )
    assert filled(schema, Seen()) == {"no_speech": False, "word_count": 6, "motion_percent": 30.0}


def test_a_required_place_that_cannot_be_known_is_left_neutral_and_listed() -> None:
    schema = {
        **an_object(
            emotion={"type": "string", "enum": ["happy", "unknown"]},
            age={"type": "integer", "minimum": 18},
            mood={"type": ["string", "null"]},
        ),
        "required": ["emotion", "age", "mood"],
    }
    filler = Filler(Facts(Seen()))
    assert filler.answer(read_shape(schema)) == {"emotion": "unknown", "age": 18, "mood": None}
    assert filler.unknown == ["emotion", "age", "mood"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "string", "enum": []},
        {"$ref": "http://elsewhere/schema"},
        {"type": "object", "properties": []},
    ],
)
def test_a_schema_nothing_can_satisfy_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        read_shape(schema)


def test_a_schema_that_contains_itself_is_filled_to_a_finite_depth() -> None:
    tree = {"type": "object", "properties": {"title": TEXT, "children": {"type": "array", "items": {"$ref": "#"}}}}
    assert filled(tree, Seen())["title"]


NAMES = st.sampled_from([stem for stems in KINDS.values() for stem in stems] + ["people", "emotion", "x", "ünïcode", "", "a.b"])
LEAVES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "number", "integer", "boolean"])}, optional={"description": st.text(max_size=20)}
    ),
    st.fixed_dictionaries({"type": st.just("integer"), "minimum": st.integers(-5, 5), "maximum": st.integers(6, 90)}),
    st.fixed_dictionaries(
        {"type": st.just("string"), "enum": st.lists(st.text(max_size=6), min_size=1, max_size=4, unique=True)}
    ),
    st.fixed_dictionaries({"type": st.just("string"), "nullable": st.just(False), "description": st.just("spoken words")}),
    st.just({"type": ["string", "null"]}),
    st.just({"anyOf": [{"type": "null"}, {"type": "number"}]}),
    st.just({}),
)


def _deeper(inner: st.SearchStrategy) -> st.SearchStrategy:
    objects = st.dictionaries(NAMES, inner, max_size=5).flatmap(
        lambda properties: st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.just(properties), "required": st.just(sorted(properties)[::2])},
            optional={"additionalProperties": st.just(False)},
        )
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 3), "maxItems": st.integers(3, 5)}
    )
    return st.one_of(
        objects, arrays, st.fixed_dictionaries({"type": st.just("array"), "prefixItems": st.lists(inner, min_size=1, max_size=3)})
    )


SCHEMAS = st.recursive(LEAVES, _deeper, max_leaves=12)
WITNESSES = st.one_of(
    st.sampled_from([Seen(), Seen(None), Seen(LOOK, None), Seen(None, None)]),
    st.sampled_from([EVIDENCE, "", "plain words", '{"text": [1, {"start": "x"}], "count": null}', "[[[{}]]] {"]).map(
        lambda text: Witness([], Notes(text))
    ),
)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, WITNESSES)
def test_whatever_the_schema_the_answer_fits_it(schema: dict[str, Any], witness: Witness) -> None:
    filled(schema, witness)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "items", "$ref", "anyOf", "enum", "required", "minItems", "title", "prefixItems"]
                ),
                x,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_nonsense_in_place_of_a_schema_is_read_or_refused_but_never_breaks(nonsense: Any) -> None:
    if isinstance(nonsense, dict):
        try:
            Filler(Facts(Seen())).answer(read_shape(nonsense))
        except ApiError as refused:
            assert refused.status == 400
