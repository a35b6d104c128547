"""What a model tells beside its answer: where each value comes from, and which fields it could not know.

The local models write it as JSON into the candidate's `finishMessage`; other models write prose there, or nothing.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from shared.inference.models import OFFLINE_MODEL, Answer

MAX_NAMED = 12


@dataclass(frozen=True)
class Note:
    """`evidence` is by field path (`people[].name`); `unknown` are paths that were left empty."""

    unknown: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The unknown fields in a few words; empty where there are none."""
        if not self.unknown:
            return ""
        more = f" and {len(self.unknown) - MAX_NAMED} more" if len(self.unknown) > MAX_NAMED else ""
        return f"not known: {', '.join(self.unknown[:MAX_NAMED])}{more}"


def read_note(answer: Answer) -> Note:
    """Empty for a model that says nothing of the kind."""
    if answer.model != OFFLINE_MODEL:
        return Note()
    try:
        said = json.loads(answer.note)
    except ValueError:
        return Note()
    if not isinstance(said, dict):
        return Note()
    unknown, evidence = said.get("unknown"), said.get("evidence")
    return Note(
        [str(path) for path in unknown] if isinstance(unknown, list) else [],
        evidence if isinstance(evidence, dict) else {},
    )
