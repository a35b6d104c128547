"""What the automation endpoints take."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints, model_validator

from shared.domain.exports import MOST_SUBPATH_CHARS, clean_path
from shared.domain.globs import MAX_PATTERN_CHARS, compiled
from shared.domain.run_settings import Id, RunSettings


def _pattern(text: str) -> str:
    compiled(text)
    return text


Prefix = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1024, pattern=r"^[^\x00-\x1f\\]*$")]
Pattern = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_PATTERN_CHARS), AfterValidator(_pattern)
]
Subpath = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_SUBPATH_CHARS), AfterValidator(clean_path)]


class PromptPreset(RunSettings):
    """As executing a prompt takes it; the media that arrived are the target."""

    @model_validator(mode="before")
    @classmethod
    def _no_target(cls, sent: Any) -> Any:
        if isinstance(sent, dict) and "target" in sent:
            raise ValueError("a preset has no target: it runs over the media that arrived")
        return sent


class ImportAutomationBody(BaseModel):
    """The source is looked at once in every `debounce_interval`; what is new there arrives in one import."""

    enabled: bool = True
    paused: bool = False
    connector_id: Id
    source_prefix: Prefix = ""
    file_pattern: Pattern = "*"
    recursive: bool = True
    debounce_interval: Literal["5m", "10m", "1h", "1d"] = "10m"
    prompt_preset: PromptPreset | None = None


class ExportAutomationBody(BaseModel):
    """Each run over the index that ends is exported to the connector."""

    enabled: bool = True
    paused: bool = False
    destination_connector_id: Id
    destination_subpath: Subpath = ""
