"""Words as typed: how much of a query stands in a text, whatever it means."""

import re

_WORD = re.compile(r"\w+", re.UNICODE)
_EMPTY = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "in",
        "is",
        "it",
        "of",
        "on",
        "or",
        "that",
        "the",
        "this",
        "to",
        "was",
        "were",
        "with",
    ]
)


def words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold())}


def share_of_words(query: str, text: str) -> float:
    """From 0 to 1: the share of the query's telling words that the text holds; of all its words if none tells anything."""
    asked = words(query)
    telling = asked - _EMPTY or asked
    return len(telling & words(text)) / len(telling) if telling else 0.0
