"""What a search takes."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Ids = Annotated[list[str], Field(max_length=100)]
Fields = Annotated[list[str], Field(max_length=64)]
MAX_IMAGE_BODY = 16 * 1024 * 1024  # base64 of the largest picture taken, and the rest


class Places(BaseModel):
    """`index_ids` replaces the index of the path; `run_ids` narrows the search to these runs. Empty means not given."""

    run_ids: Ids | None = None
    index_ids: Ids | None = None


class TextSearchBody(Places):
    """A field in `search_fields` stands for everything below it."""

    query: Words
    top_k: int = Field(30, ge=1, le=100)
    search_fields: Fields | None = None


class ImageSearchBody(Places):
    """`image_data` is base64, also as a data: URL."""

    image_data: str = Field(min_length=1)
    top_k: int = Field(20, ge=1, le=100)


class MultimodalSearchBody(Places):
    """Words, a picture, or both. The weights are shares of their sum; that of a side that was not sent does not count."""

    text_query: str | None = Field(None, max_length=2000)
    image_data: str | None = None
    top_k: int = Field(20, ge=1, le=100)
    text_weight: float = Field(0.5, ge=0, le=1)
    image_weight: float = Field(0.5, ge=0, le=1)
    search_fields: Fields | None = None

    @model_validator(mode="after")
    def _something_to_search_with(self) -> Self:
        self.text_query = (self.text_query or "").strip() or None
        self.image_data = (self.image_data or "").strip() or None
        if self.text_query is None and self.image_data is None:
            raise ValueError("send text_query, image_data, or both")
        sent = (self.text_weight if self.text_query else 0.0) + (self.image_weight if self.image_data else 0.0)
        if sent <= 0:
            raise ValueError("text_weight and image_weight must not both be 0 for what is sent")
        return self


class MultiRunSearchBody(BaseModel):
    """Without `run_ids` the newest runs over `index_id`, without either the newest of all; `top_k` per run."""

    query: Words
    run_ids: Ids | None = None
    index_id: str | None = None
    aggregation: Literal["best", "all", "weighted"] = "best"
    top_k: int = Field(5, ge=1, le=50)


class PlaygroundSearchBody(BaseModel):
    query: Words
    top_k: int = Field(30, ge=1, le=100)


class PlaygroundQuery(BaseModel):
    run_id: str | None = None
