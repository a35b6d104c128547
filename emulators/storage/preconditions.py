"""Conditions on the generation and metageneration of what is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .errors import invalid, not_modified, precondition_failed


class Versioned(Protocol):
    """What conditions are about."""

    @property
    def generation(self) -> int: ...
    @property
    def metageneration(self) -> int: ...


@dataclass(frozen=True)
class Preconditions:
    """Each is `None` where the caller set none; a generation match of 0 means that nothing may be there."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str], prefix: str = "if") -> "Preconditions":
        """From the JSON API's parameters; `prefix="ifSource"` reads those on a copy's source."""
        names = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")
        return cls(*(number(query.get(prefix + name), prefix + name) for name in names))

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Preconditions":
        """From the XML API's headers, which know matches only."""
        generation, metageneration = "x-goog-if-generation-match", "x-goog-if-metageneration-match"
        return cls(
            generation_match=number(headers.get(generation), generation),
            metageneration_match=number(headers.get(metageneration), metageneration),
        )

    def check(self, current: Versioned | None, reading: bool = False) -> None:
        """Raises 412; a failed not-match on a read is 304 instead."""
        generation = current.generation if current else 0
        metageneration = current.metageneration if current else 0
        if self.generation_match not in (None, generation):
            raise precondition_failed("ifGenerationMatch")
        if self.metageneration_match not in (None, metageneration):
            raise precondition_failed("ifMetagenerationMatch")
        if self.generation_not_match == generation:
            raise not_modified() if reading else precondition_failed("ifGenerationNotMatch")
        if self.metageneration_not_match == metageneration:
            raise not_modified() if reading else precondition_failed("ifMetagenerationNotMatch")


def number(text: object, name: str) -> int | None:
    """A number out of a parameter, a header or a JSON value, which may be a string; None if it is absent."""
    if text is None:
        return None
    try:
        return int(str(text))
    except ValueError as wrong:
        raise invalid(f"{name} must be a number, not {text!r}.") from wrong
