"""What the marker endpoints take."""

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints, model_validator
from typing_extensions import TypedDict

from shared.http.answers import MessageAnswer, Moment

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class MarkerAnswer(TypedDict):
    marker_id: str
    target_type: str
    target_id: str
    run_id: str | None
    field_path: str | None
    color: str
    note: str
    user_id: str
    updated_at: Moment


class MarkerRemovedAnswer(MessageAnswer):
    marker_id: str


class MarkerBody(BaseModel):
    """`run_id` narrows a marker on a segment to what that run made of it; a marker on a field needs it and `field_path`."""

    target_type: Literal["prompt", "prompt_run", "video", "segment", "field"]
    target_id: Id
    run_id: Id | None = None
    field_path: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)] | None = None
    color: Annotated[str, StringConstraints(strip_whitespace=True, max_length=32, pattern=r"^[A-Za-z0-9#(),.% _-]*$")] = ""
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = ""

    @model_validator(mode="after")
    def _whole(self) -> "MarkerBody":
        if self.target_type == "field" and not (self.run_id and self.field_path):
            raise ValueError("a marker on a field needs run_id and field_path")
        if self.target_type != "field" and self.field_path:
            raise ValueError("field_path belongs to target_type field")
        if self.target_type not in ("field", "segment") and self.run_id:
            raise ValueError("run_id belongs to target_type segment or field")
        return self
