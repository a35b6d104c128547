"""What each tool takes, as models are told and as their calls are checked: a model may send anything."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.tables.gate import MOST_CHARS
from shared.tables.wire import Condition

MOST_RESULTS = 20
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Path = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="ignore")  # a word too many is no reason to fail a turn


class Within(Arguments):
    """Every search can be narrowed, never widened."""

    index_ids: list[Id] | None = Field(None, max_length=100, description="narrow to these indexes of the scope")
    prompt_run_ids: list[Id] | None = Field(None, max_length=100, description="narrow to these prompt runs of the scope")


class DescribeScope(Arguments):
    pass


class SearchMedia(Within):
    query: Text = Field(description="what to look for, in words that the media itself would hold or mean")
    fields: list[Path] | None = Field(None, max_length=20, description="only these field paths, such as headline")
    top_k: int = Field(8, ge=1, le=MOST_RESULTS)


class FilterMedia(Within):
    conditions: list[Condition] = Field(min_length=1, max_length=4, description="all must hold")
    limit: int = Field(10, ge=1, le=MOST_RESULTS)


class DescribeTables(Within):
    pass


class QueryTables(Within):
    sql: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARS)] = Field(
        description="one DuckDB SELECT over the tables of describe_tables"
    )
    limit: int = Field(20, ge=1, le=50)


class GetSegments(Arguments):
    video_id: Id
    prompt_run_id: Id | None = Field(None, description="whose results; the newest of the scope without it")
    from_seconds: float = Field(0.0, ge=0, le=1e7)
    to_seconds: float | None = Field(None, ge=0, le=1e7)
    limit: int = Field(10, ge=1, le=MOST_RESULTS)


class GetVideoResult(Arguments):
    video_id: Id
    prompt_run_id: Id | None = None


TOOLS: dict[str, tuple[type[Arguments], str]] = {
    "describe_scope": (DescribeScope, "What there is to search: indexes, media, prompt runs and the fields they filled."),
    "search_media": (SearchMedia, "Find segments and media by meaning and by words. The first tool for almost every question."),
    "filter_media": (FilterMedia, "Find segments whose extracted fields meet conditions exactly; see describe_scope for fields."),
    "describe_tables": (DescribeTables, "The tables and columns that query_tables can read."),
    "query_tables": (QueryTables, "Count, group, compare or order results with SQL. Call describe_tables first."),
    "get_segments": (GetSegments, "What was found in one media item, in order of time; for what comes before or after a moment."),
    "get_video_result": (GetVideoResult, "The summary of one whole media item, where a prompt run made one."),
}


def declarations() -> list[dict[str, Any]]:
    """As the model's service takes them."""
    return [
        {"name": name, "description": description, "parameters": _plain(model.model_json_schema())}
        for name, (model, description) in TOOLS.items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without references and titles, and "x or null" as x: what the services of models take everywhere."""
    definitions = schema.pop("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return walk(definitions[node["$ref"].rpartition("/")[2]])
        options = [one for one in node.get("anyOf", []) if one != {"type": "null"}]
        if len(options) == 1:
            node = {**options[0], **{key: value for key, value in node.items() if key not in ("anyOf", "default")}}
        return {
            key: ({name: walk(one) for name, one in value.items()} if key == "properties" else walk(value))
            for key, value in node.items()
            if key not in ("title", "additionalProperties", "default") or key == "properties"
        }

    return dict(walk(schema))
