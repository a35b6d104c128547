from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import ApiError, ErrorCode
from shared.domain.schema import admit, leaf_paths, resolve_field, to_provider, validate


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


TEXT = {"type": "string"}


def nested(levels: int) -> dict[str, Any]:
    return TEXT if levels == 0 else an_object(a=nested(levels - 1))


HOSTILE = {
    "a list": [],
    "no type": {"properties": {}},
    "a text at the top": {"type": "string"},
    "a web reference": an_object(a={"$ref": "http://127.0.0.1:8080/meta"}),
    "a file reference": an_object(a={"$ref": "file:///etc/passwd"}),
    "a relative reference": an_object(a={"$ref": "other.json#/a"}),
    "a web reference nobody uses": {**an_object(), "$defs": {"a": {"$ref": "http://127.0.0.1/x"}}},
    "a base address": {**an_object(), "$id": "http://127.0.0.1/base"},
    "a dynamic reference": an_object(a={"$dynamicRef": "#a"}),
    "a reference to itself": an_object(a={"$ref": "#"}),
    "a circle": {**an_object(a={"$ref": "#/$defs/b"}), "$defs": {"b": {"$ref": "#/$defs/c"}, "c": {"$ref": "#/$defs/b"}}},
    "a reference to nowhere": an_object(a={"$ref": "#/$defs/none"}),
    "a reference through data": {**an_object(a={"$ref": "#/examples/0"}), "examples": [{"$ref": "http://127.0.0.1"}]},
    "doubling references": {
        **an_object(a={"$ref": "#/$defs/d0"}),
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}},
    },
    "too deep": nested(9),
    "too deep lists": an_object(a={"items": {"items": {"items": {"items": {"items": {"items": {"items": {"items": {}}}}}}}}}),
    "too many properties": an_object(**{f"p{n}": TEXT for n in range(201)}),
    "too many values": an_object(a={"enum": [str(n) for n in range(501)]}),
    "too large": an_object(a={"description": "x" * 70_000}),
    "a long name": an_object(**{"n" * 65: TEXT}),
    "a dotted name": an_object(**{"a.b": TEXT}),
    "a bracketed name": an_object(**{"a[]": TEXT}),
    "an empty name": an_object(**{"": TEXT}),
    "a look-ahead": an_object(a={"type": "string", "pattern": "(?=a)b"}),
    "a back reference": an_object(a={"type": "string", "pattern": r"(a)\1"}),
    "a pattern that explodes": an_object(a={"type": "string", "pattern": "((a{100}){100}){100}"}),
    "an unknown type": an_object(a={"type": "wrong"}),
    "a number for a map": {"type": "object", "properties": 3},
    "a number for patterns": {"type": "object", "patternProperties": 3},
    "a negative length": an_object(a={"minLength": -1}),
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_or_wrong_schema_is_refused_with_a_place(schema: Any) -> None:
    with pytest.raises(ApiError) as refused:
        admit(schema)
    assert refused.value.code is ErrorCode.INVALID_SCHEMA
    assert refused.value.details["errors"][0]["field"].startswith("json_schema")


def test_nesting_beyond_any_stack_is_refused_as_well() -> None:
    schema: dict[str, Any] = an_object()
    at = schema
    for _ in range(50_000):
        at["not"] = {}
        at = at["not"]
    with pytest.raises(ApiError):
        admit(schema)


def test_a_schema_within_the_limits_is_taken_unchanged() -> None:
    schema = {
        **an_object(
            kind={"enum": [str(n) for n in range(500)]},
            person={"$ref": "#/$defs/person"},
            other={"$ref": "#/$defs/person"},
            **{"$ref": TEXT},  # a property of that name is no reference
        ),
        "$defs": {"person": an_object(name={"type": "string", "pattern": "^[A-Z]"})},
    }
    assert admit(schema) is schema
    assert admit(nested(7))


def test_faults_of_data_are_told_with_their_path() -> None:
    schema = an_object(scene=an_object(people={"type": "array", "items": an_object(age={"type": "integer"})}))
    found = validate(schema, {"scene": {"people": [{"age": 3}, {"age": "four"}]}})
    assert [error.path for error in found] == ["scene.people[1].age"]
    assert validate(schema, {"scene": {"people": []}}) == []
    assert validate(schema, [])[0].path == ""


def test_leaves_are_named_in_the_order_of_the_schema() -> None:
    schema = {
        **an_object(
            headline=TEXT,
            tags={"type": "array", "items": TEXT},
            people={"type": "array", "items": {"$ref": "#/$defs/person"}},
            mood={"anyOf": [{"enum": ["calm", "tense"]}, {"type": "null"}]},
            count={"type": ["integer", "null"]},
            free={"type": "object"},
        ),
        "$defs": {"person": an_object(name=TEXT, seen={"type": "boolean"})},
    }
    assert [(leaf.path, leaf.type) for leaf in leaf_paths(schema)] == [
        ("headline", "string"),
        ("tags[]", "string"),
        ("people[].name", "string"),
        ("people[].seen", "boolean"),
        ("mood", "string"),
        ("count", "integer"),
    ]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("people[].name", "people[].name"),
        ("people.name", "people[].name"),
        ("people", "people"),
        ("tags", "tags"),
        ("tags[]", "tags[]"),
        ("peop", None),
        ("people.age", None),
        ("", None),
        (".", None),
    ],
)
def test_a_path_is_a_leaf_or_a_node_above_one(path: str, meant: str | None) -> None:
    schema = an_object(tags={"type": "array", "items": TEXT}, people={"type": "array", "items": an_object(name=TEXT)})
    assert resolve_field(path, leaf_paths(schema)) == meant


KEPT = {
    "type", "title", "format", "description", "enum", "items", "prefixItems", "minItems", "maxItems", "minimum", "maximum",
    "anyOf", "properties", "additionalProperties", "required", "propertyOrdering",
}  # fmt: skip


def keywords(node: dict[str, Any]) -> set[str]:
    found = set(node)
    children = [*node.get("properties", {}).values(), *node.get("anyOf", []), *node.get("prefixItems", [])]
    children += [node[name] for name in ("items", "additionalProperties") if isinstance(node.get(name), dict)]
    return found.union(*(keywords(child) for child in children)) if children else found


def test_the_provider_gets_only_what_it_honours_and_reads_the_rest_in_words() -> None:
    schema = {
        **an_object(
            code={"type": "string", "pattern": "^A", "description": "The code."},
            state={"const": "on"},
            either={"oneOf": [TEXT, {"type": "integer", "exclusiveMinimum": 3}]},
            person={"$ref": "#/$defs/person", "description": "Who speaks"},
            whole={"allOf": [an_object(a=TEXT), {"properties": {"b": TEXT}, "required": ["b"]}]},
        ),
        "required": ["state", "code"],
        "$defs": {"person": an_object(name={"type": "string", "minLength": 1})},
    }
    made = to_provider(admit(schema))
    assert keywords(made) <= KEPT
    fields = made["properties"]
    assert "^A" in fields["code"]["description"] and fields["code"]["description"].startswith("The code")
    assert fields["state"] == {"type": "string", "enum": ["on"]}
    assert [one["type"] for one in fields["either"]["anyOf"]] == ["string", "integer"]
    assert "greater than 3" in fields["either"]["anyOf"][1]["description"]
    assert fields["person"]["description"] == "Who speaks" and "name" in fields["person"]["properties"]
    assert list(fields["whole"]["properties"]) == ["a", "b"] and fields["whole"]["required"] == ["b"]
    assert made["propertyOrdering"] == ["state", "code", "either", "person", "whole"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab.[]$#/", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "$ref", "enum", "anyOf", "$defs", "pattern", "a", "required", "not"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["properties", "$defs", "allOf", "items", "required", "enum", "if"]), JSON, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_json_is_admitted_or_refused_and_what_is_admitted_works(parts: dict[str, Any]) -> None:
    schema = {"type": "object", **parts}
    try:
        admit(schema)
    except ApiError as error:
        assert error.code is ErrorCode.INVALID_SCHEMA
        return
    assert keywords(to_provider(schema)) <= KEPT
    validate(schema, {"a": 1})
    leaf_paths(schema)
