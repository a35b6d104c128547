"""From the user's schema to what the provider takes, and from its answer back to the user's schema."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.mending import mend, without_misfits
from shared.domain.provider_schema import FEW_VALUES, Relief
from shared.domain.schema import admit, to_provider, validate
from shared.domain.schema_warnings import schema_warnings

TEXT = {"type": "string"}


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def field(schema: Any, relief: Relief = Relief.NONE) -> dict[str, Any]:
    return to_provider(admit(an_object(a=schema)), relief)["properties"]["a"]


COMPILED = {
    "a constant": ({"const": "on"}, {"type": "string", "enum": ["on"]}),
    "a constant null": ({"const": None}, {"type": "null", "description": "may be null"}),
    "one of several": ({"oneOf": [TEXT, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "a type for all branches": (
        {"type": "number", "anyOf": [{"minimum": 5}, {"maximum": 1}]},
        {"anyOf": [{"type": "number", "minimum": 5}, {"type": "number", "maximum": 1}]},
    ),
    "a nullable type": ({"type": ["integer", "null"]}, {"type": ["integer", "null"]}),
    "a nullable choice": (
        {"enum": ["calm", None], "description": "Mood"},
        {"anyOf": [{"type": "string", "enum": ["calm"]}, {"type": "null"}], "description": "Mood"},
    ),
    "rules only words can say": (
        {"type": "string", "pattern": "^A", "minLength": 2, "description": "Code."},
        {"type": "string", "description": "Code. must match the regular expression ^A. has at least 2 characters"},
    ),
    "a choice beside properties": (
        {**an_object(b=TEXT), "oneOf": [{"required": ["b"]}]},
        {
            "type": "object",
            "properties": {"b": {"type": "string"}},
            "propertyOrdering": ["b"],
            "description": 'must also fit one of [{"required": ["b"]}]',
        },
    ),
    "merged parts": (
        {"allOf": [an_object(b=TEXT), {"required": ["b"]}], "title": "T"},
        {"type": "object", "title": "T", "properties": {"b": {"type": "string"}}, "required": ["b"], "propertyOrdering": ["b"]},
    ),
}


@pytest.mark.parametrize(("schema", "made"), COMPILED.values(), ids=COMPILED.keys())
def test_each_rule_becomes_what_the_provider_honours(schema: dict[str, Any], made: dict[str, Any]) -> None:
    assert field(schema) == made


def test_each_step_of_relief_takes_rules_from_the_grammar_and_says_them() -> None:
    choices = [f"c{n}" for n in range(FEW_VALUES + 1)]
    schema = an_object(
        n={"type": "integer", "minimum": 1, "maximum": 9},
        at={"type": "string", "format": "date"},
        few={"enum": ["x", "y"]},
        many={"enum": choices},
        rows={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 3},
    )
    n, at, many, rows = ({step: field_ for step, field_ in zip(Relief, fields, strict=False)} for fields in zip(
        *([to_provider(schema, step)["properties"][name] for name in ("n", "at", "many", "rows")] for step in list(Relief)[:4]),
        strict=True,
    ))  # fmt: skip
    assert (n[Relief.NONE]["minimum"], "minimum" in n[Relief.BOUNDS]) == (1, False)
    assert n[Relief.BOUNDS]["description"] == "is at least 1. is at most 9"
    assert at[Relief.BOUNDS] == {"type": "string", "description": "has the format date"}
    assert many[Relief.BOUNDS]["enum"] == choices and "enum" not in many[Relief.ENUMS]
    assert "c12" in many[Relief.ENUMS]["description"] and many[Relief.ENUMS]["type"] == "string"
    assert to_provider(schema, Relief.LENGTHS)["properties"]["few"]["enum"] == ["x", "y"]
    assert (
        rows[Relief.ENUMS]["maxItems"] == 3 and rows[Relief.LENGTHS]["description"] == "has at least 1 items. has at most 3 items"
    )


def warned(schema: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["path"], one["keyword"]) for one in schema_warnings(admit(schema))]


def test_a_schema_the_model_can_be_held_to_and_filters_can_read_brings_no_warning() -> None:
    schema = an_object(
        kind={"enum": ["a", "b"]},
        n={"type": ["integer", "null"], "minimum": 1},
        people={"type": "array", "maxItems": 3, "items": {"$ref": "#/$defs/person"}},
        mood={"anyOf": [TEXT, {"type": "null"}]},
    )
    assert warned({**schema, "$defs": {"person": an_object(name=TEXT)}}) == []


def test_each_rule_the_model_is_not_held_to_is_named_with_its_place() -> None:
    schema = an_object(
        code={"type": "string", "pattern": "^A", "maxLength": 9},
        people={"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/person"}},
        either={**an_object(a=TEXT), "anyOf": [{"required": ["a"]}]},
        one={"oneOf": [TEXT, {"type": "integer"}]},
    )
    schema["$defs"] = {"person": an_object(age={"type": "number", "exclusiveMinimum": 0})}
    assert warned(schema) == [
        ("code", "pattern"),
        ("code", "maxLength"),
        ("people", "uniqueItems"),
        ("people[].age", "exclusiveMinimum"),
        ("either", "anyOf"),
        ("one", "oneOf"),
    ]


def test_each_field_nothing_can_filter_by_is_named() -> None:
    schema = an_object(
        free={"type": "object"},
        any={},
        rows={"type": "array"},
        both={"type": ["string", "integer"]},
        map={"type": "object", "additionalProperties": TEXT},
    )
    assert warned(schema) == [
        ("free", "properties"),
        ("any", "type"),
        ("rows", "items"),
        ("both", "type"),
        ("map", "properties"),
        ("map", "additionalProperties"),
    ]


MENDED = {
    "a choice in other letters": ({"enum": ["In_Door", "outdoor"]}, "in door", "In_Door"),
    "a number in quotes": ({"type": "integer"}, " 42 ", 42),
    "a fraction in quotes": ({"type": "number"}, "1.5", 1.5),
    "a truth in quotes": ({"type": "boolean"}, "True", True),
    "too many items": ({"type": "array", "items": TEXT, "maxItems": 2}, ["a", "b", "c"], ["a", "b"]),
    "an unknown key": ({**an_object(b=TEXT), "additionalProperties": False}, {"b": "x", "c": 1}, {"b": "x"}),
    "an optional null": (an_object(b=TEXT, c=TEXT), {"b": None, "c": "x"}, {"c": "x"}),
    "inside lists": ({"type": "array", "items": an_object(n={"type": "integer"})}, [{"n": "1"}], [{"n": 1}]),
    "inside one of several": ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "7", 7),
    "behind a reference": ({"$ref": "#/$defs/kind"}, "NEWS", "news"),
    "inside merged parts": ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, "5", 5),
}


@pytest.mark.parametrize(("schema", "said", "meant"), MENDED.values(), ids=MENDED.keys())
def test_small_faults_are_mended_and_told(schema: dict[str, Any], said: Any, meant: Any) -> None:
    whole = {**an_object(a=schema), "$defs": {"kind": {"enum": ["news", "sport"]}}}
    data = {"a": said}
    mended = mend(admit(whole), data)
    assert mended.data == {"a": meant} and type(mended.data["a"]) is type(meant)
    assert "a" in mended.told and data == {"a": said}
    assert validate(whole, mended.data) == []


KEPT = {
    "what fits": ({"type": "string"}, "1"),
    "a choice that two values answer": ({"enum": ["a b", "A-B"]}, "a_b"),
    "a word for a number": ({"type": "integer"}, "five"),
    "a fraction for a whole number": ({"type": "integer"}, "1.5"),
    "a demanded null": ({**an_object(b=TEXT), "required": ["b"]}, {"b": None}),
    "a number out of bounds": ({"type": "integer", "maximum": 3}, 5),
    "an endless number": ({"type": "number"}, "1e999"),
}


@pytest.mark.parametrize(("schema", "said"), KEPT.values(), ids=KEPT.keys())
def test_what_would_change_a_fact_is_left_to_the_model(schema: dict[str, Any], said: Any) -> None:
    mended = mend(admit(an_object(a=schema)), {"a": said})
    assert (mended.data, mended.told) == ({"a": said}, "")


NAMES = st.sampled_from(["a", "b", "title", "$ref"])
SCALARS = st.sampled_from(
    [TEXT, {"type": "integer", "minimum": 2}, {"type": "boolean"}, {"enum": ["X", "y", 3, None]}, {"const": "on"}, {}, True,
     {"type": ["number", "null"], "maximum": 5.5}, {"$ref": "#/$defs/d"}, {"type": "string", "pattern": "^a", "maxLength": 3}]
)  # fmt: skip
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(
            lambda properties, required, closed: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": not closed,
            },
            st.dictionaries(NAMES, inner, max_size=3),
            st.lists(NAMES, max_size=2, unique=True),
            st.booleans(),
        ),
        st.builds(lambda items, most: {"type": "array", "items": items, "maxItems": most}, inner, st.integers(0, 3)),
        st.builds(lambda word, parts: {word: parts},
            st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda items: {"type": "array", "prefixItems": items}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"not": one}, inner),
    ),
    max_leaves=8,
)  # fmt: skip
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["x", "Y", "3", "2.5", "true", "ON", "abc", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, SCHEMAS, max_size=3), DATA)
@settings(max_examples=200, deadline=None)
def test_mending_never_breaks_and_never_makes_a_fitting_answer_wrong(properties: dict[str, Any], data: Any) -> None:
    schema = admit({"type": "object", "properties": properties, "$defs": {"d": {"enum": ["abc", "Def"]}}})
    for said in (data, {"a": data}):
        mended = mend(schema, said)
        if validate(schema, said) == []:
            assert mended.data == said and not mended.changes
        assert mend(schema, mended.data).data == mended.data or validate(schema, mended.data)


@given(st.dictionaries(NAMES, SCHEMAS, max_size=3), st.sampled_from(list(Relief)))
@settings(max_examples=200, deadline=None)
def test_every_step_of_relief_gives_a_schema_and_the_warnings_name_real_places(
    properties: dict[str, Any], relief: Relief
) -> None:
    schema = admit({"type": "object", "properties": properties, "$defs": {"d": {"enum": ["abc", "Def"]}}})
    jsonschema_rs.meta.validate(to_provider(schema, relief))
    for one in schema_warnings(schema):
        assert one["path"].split(".")[0].split("[")[0] in {"", *properties}


def test_what_does_not_fit_is_cut_off_as_low_as_helps() -> None:
    person = {**an_object(name={"type": "string", "pattern": "^A"}, age={"type": "integer"}), "required": ["name"]}
    schema = {**an_object(title=TEXT, people={"type": "array", "items": person}, n={"type": "integer"}), "required": ["title"]}
    data = {"title": "x", "people": [{"name": "Ada", "age": "old"}, {"name": "Bob"}], "n": "many"}
    paths = [error.path for error in reversed(validate(schema, data))]
    rest = without_misfits(schema, data, paths)
    assert rest is not None and rest.data == {"title": "x", "people": [{"name": "Ada"}]}
    assert all(path in rest.told for path in ("people[0].age", "people[1].name", "n"))
    assert without_misfits(schema, {"title": 1}, ["title"]) is None
    assert without_misfits(an_object(n={"type": "integer"}), {"n": "many"}, ["n"]) is None
