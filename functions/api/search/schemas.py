"""What a search takes."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class TextSearchBody(BaseModel):
    """`index_ids` replaces the index of the path; `run_ids` and `search_fields` narrow the search."""

    query: Query
    top_k: int = Field(30, ge=1, le=100)
    search_fields: list[str] | None = Field(None, max_length=64)
    run_ids: list[str] | None = Field(None, max_length=100)
    index_ids: list[str] | None = Field(None, max_length=100)
