"""What SQL search takes."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from shared.tables.gate import MOST_CHARS

MOST_ROWS = 2_000
Ids = Annotated[list[str], Field(max_length=100)]
Sql = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARS)]


class CatalogBody(BaseModel):
    """`index_ids` replaces the index of the path; `run_ids` narrows the catalog to these runs. Empty means not given."""

    run_ids: Ids | None = None
    index_ids: Ids | None = None


class SqlBody(CatalogBody):
    query: Sql
    result_limit: int = Field(100, ge=1, le=MOST_ROWS)


class GenerateBody(CatalogBody):
    """`existing_query` is one to amend."""

    instruction: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    existing_query: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_CHARS)] | None = None
