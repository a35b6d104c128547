"""What the export endpoints take."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from shared.domain.exports import MOST_RUNS, MOST_SUBPATH_CHARS, clean_path

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Subpath = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_SUBPATH_CHARS), AfterValidator(clean_path)]


class RunExportBody(BaseModel):
    """Without a connector the export is downloaded. `destination_subpath` lies below the connector's `export_base_path`."""

    destination_connector_id: Id | None = None
    destination_subpath: Subpath | None = None
    format: Literal["json", "jsonl", "parquet"] = "json"

    @model_validator(mode="after")
    def _whole(self) -> "RunExportBody":
        if self.destination_subpath and self.destination_connector_id is None:
            raise ValueError("destination_subpath needs a destination_connector_id")
        return self


class IndexExportBody(RunExportBody):
    """Without `prompt_run_ids`: every run over the index."""

    prompt_run_ids: list[Id] | None = Field(None, max_length=MOST_RUNS)


class ListQuery(BaseModel):
    limit: int = Field(50, ge=1, le=200)


class DownloadQuery(BaseModel):
    """A token that `POST …/download-url` minted stands in for a credential."""

    token: str | None = Field(None, max_length=2048)
