"""Prompts: what to extract, as the user's own JSON Schema."""

from dataclasses import dataclass
from typing import Any, ClassVar

from shared.domain.documents import Document, json_field


@dataclass(kw_only=True)
class Prompt(Document):
    """`revision_number` counts the changes of the contract; a run keeps the one it was started with."""

    PATH: ClassVar[str] = "tenants/{tenant}/prompts/{prompt_id}"

    tenant: str
    prompt_id: str
    user_id: str
    name: str
    description: str = ""
    prompt_text: str = ""
    json_schema: dict[str, Any] = json_field()
    video_level: dict[str, Any] | None = json_field(default_factory=lambda: None)
    semantic_indexing: dict[str, Any] = json_field()
    is_active: bool = True
    is_default: bool = False
    revision_number: int = 1

    def contract(self) -> dict[str, Any]:
        """What a run freezes of it."""
        return {
            "prompt_text": self.prompt_text,
            "json_schema": self.json_schema,
            "video_level": self.video_level,
            "semantic_indexing": self.semantic_indexing,
        }
