"""What a schema had to be relieved of before the model's service took it: found out once, kept for the next call."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from shared.domain.documents import Document
from shared.domain.ids import derived_id


@dataclass(kw_only=True)
class SchemaRelief(Document):
    """`level` is a `Relief`. Named after model and schema, so every run with the same revision of a prompt finds it."""

    PATH: ClassVar[str] = "tenants/{tenant}/schema_reliefs/{relief_id}"

    tenant: str
    relief_id: str
    level: int = 0


def relief_id(model: str, schema: dict[str, Any]) -> str:
    return derived_id("relief", model, json.dumps(schema, sort_keys=True))
