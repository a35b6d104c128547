"""From a schema to columns, and from a result to its values."""

from typing import Any

import pytest

from shared.tables.layout import Layout, fit, instances, shred

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "people": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "age": {"type": "integer"},
                    "hats": {"type": "array", "items": {"type": "object", "properties": {"size": {"type": "number"}}}},
                },
            },
        },
    },
}


def columns(layout: Layout) -> dict[str, str]:
    return {one.path: one.sql_type for one in layout.columns}


def test_each_leaf_is_a_column_and_a_list_where_it_stands_in_one() -> None:
    assert columns(Layout.of_schema(SCHEMA)) == {
        "title": "VARCHAR",
        "tags[]": "VARCHAR[]",
        "people[].age": "BIGINT[]",
        "people[].hats[].size": "DOUBLE[]",
    }


def test_each_list_of_objects_is_a_table_whose_columns_are_lists_only_below_further_lists() -> None:
    items = {one.path: {c.path: c.sql_type for c in one.columns} for one in Layout.of_schema(SCHEMA).items}
    assert items == {
        "people[]": {"people[].age": "BIGINT", "people[].hats[].size": "DOUBLE[]"},
        "people[].hats[]": {"people[].hats[].size": "DOUBLE"},
    }


def test_a_layout_survives_being_stored() -> None:
    layout = Layout.of_schema(SCHEMA)
    assert Layout.from_json(layout.to_json()) == layout
    assert Layout.from_json(layout.to_json()).fingerprint() == layout.fingerprint()


def test_names_of_columns_in_files_are_never_the_users() -> None:
    layout = Layout.of_schema({"type": "object", "properties": {"row_id": {"type": "string"}, "C0": {"type": "string"}}})
    assert [one.physical for one in layout.columns] == ["c0", "c1"]


def test_a_result_becomes_its_row_and_its_items() -> None:
    layout = Layout.of_schema(SCHEMA)
    data = {"title": "T", "tags": ["a", None, "b"], "people": [{"age": 3, "hats": [{"size": 1}, {"size": 2}]}, {"age": None}]}
    shredded = shred(layout, {"row_id": "r", "video_id": "v"}, data)
    by_path = {one.path: shredded.row[one.physical] for one in layout.columns}
    assert by_path == {"title": "T", "tags[]": ["a", "b"], "people[].age": [3], "people[].hats[].size": [1.0, 2.0]}
    lengths = {one.path: shredded.row[one.physical] for one in layout.arrays}
    assert lengths == {"tags[]": [3], "people[]": [2], "people[].hats[]": [2]}
    places = {one.path: [row["item_path"] for row in shredded.items[one.physical]] for one in layout.items}
    assert places == {"people[]": ["people[0]", "people[1]"], "people[].hats[]": ["people[0].hats[0]", "people[0].hats[1]"]}
    assert all(row["row_id"] == "r" for rows in shredded.items.values() for row in rows)


def test_a_result_without_data_is_a_row_of_nulls() -> None:
    layout = Layout.of_schema(SCHEMA)
    shredded = shred(layout, {"row_id": "r"}, {})
    assert {value for name, value in shredded.row.items() if name != "row_id"} == {None}
    assert not any(shredded.items.values())


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("integer", 3.0, 3),
        ("integer", 3.5, None),
        ("integer", True, None),
        ("integer", 2**63, None),
        ("integer", "3", None),
        ("number", 3, 3.0),
        ("number", float("inf"), None),
        ("string", 3, None),
        ("boolean", 1, None),
        ("boolean", False, False),
    ],
)
def test_only_what_has_the_columns_type_is_kept(kind: str, value: Any, wanted: Any) -> None:
    found = fit(kind, value)
    assert found == wanted and type(found) is type(wanted)


def test_lists_in_lists_are_told_apart() -> None:
    assert list(instances({"a": [[1], [2, 3]]}, "a[][]")) == [("a[0]", [1]), ("a[1]", [2, 3])]
