"""Subscription filters: which messages of a topic a subscription hears of, by their attributes.

The language is production's: `attributes:key`, `attributes.key = "value"`, `hasPrefix(attributes.key, "value")`, `NOT` or `-`,
`AND`, `OR` and parentheses. https://cloud.google.com/pubsub/docs/subscription-message-filter
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from emulators.dispatch.refusal import invalid, unimplemented

MOST_BYTES = 256
MOST_NESTED = 20

Holds = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_\-]+)|(?P<sign>!=|[().,:=]))')
_KEYWORDS = frozenset({"AND", "OR", "NOT"})


@lru_cache(maxsize=256)
def compile_filter(text: str) -> Holds:
    """Whether a message's attributes pass. Raises what production refuses; an empty filter lets all pass."""
    if len(text.encode()) > MOST_BYTES:
        raise invalid(f"A filter has at most {MOST_BYTES} bytes.")
    return _Parser(_tokens(text)).whole() if text else lambda _: True


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise invalid(f"Invalid filter: unexpected {text[at : at + 20]!r}.")
        word = match["word"] or ""
        negated = len(word) > 1 and word.startswith("-")  # a word may have hyphens, a condition a minus before it
        tokens += ["-", word[1:]] if negated else [match[0].strip()]
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._left = tokens[::-1]
        self._depth = 0

    def whole(self) -> Holds:
        found = self._expression()
        if self._left:
            raise invalid(f"Invalid filter: unexpected {self._left[-1]!r}.")
        return found

    def _expression(self) -> Holds:
        """Of one kind of operator: production wants parentheses where both stand."""
        parts, operator = [self._term()], self._next()
        while operator in ("AND", "OR") and self._next() == operator:
            self._take(operator)
            parts.append(self._term())
        if self._next() in ("AND", "OR"):
            raise invalid("Invalid filter: AND and OR stand side by side only within parentheses.")
        return (
            (lambda one: any(part(one) for part in parts)) if operator == "OR" else lambda one: all(part(one) for part in parts)
        )

    def _term(self) -> Holds:
        if self._next() in ("NOT", "-"):
            self._take(self._next())
            negated = self._term()
            return lambda one: not negated(one)
        if self._next() != "(":
            return self._condition()
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise invalid("Invalid filter: nested too deeply.")
        self._take("(")
        found = self._expression()
        self._take(")")
        return found

    def _condition(self) -> Holds:
        if self._next() == "hasPrefix":
            for expected in ("hasPrefix", "(", "attributes", "."):
                self._take(expected)
            key = self._key()
            self._take(",")
            prefix = self._text()
            self._take(")")
            return lambda one: one.get(key, "").startswith(prefix) and key in one
        self._take("attributes")
        if self._next() == ":":
            self._take(":")
            key = self._key()
            return lambda one: key in one
        self._take(".")
        key = self._key()
        if self._next() == "!=":
            raise unimplemented("!= in a filter is not emulated: write NOT attributes.key = ...")
        self._take("=")
        value = self._text()
        return lambda one: one.get(key) == value

    def _next(self) -> str:
        return self._left[-1] if self._left else ""

    def _take(self, expected: str) -> None:
        if self._next() != expected:
            raise invalid(f"Invalid filter: {expected!r} expected, not {self._next() or 'its end'!r}.")
        self._left.pop()

    def _key(self) -> str:
        if self._next().startswith('"'):
            return self._text()
        if not re.fullmatch(r"[A-Za-z0-9_\-]+", self._next()) or self._next() in _KEYWORDS:
            raise invalid(f"Invalid filter: the key of an attribute expected, not {self._next() or 'its end'!r}.")
        return self._left.pop()

    def _text(self) -> str:
        if not self._next().startswith('"'):
            raise invalid(f"Invalid filter: a text in quotes expected, not {self._next() or 'its end'!r}.")
        try:
            return str(json.loads(self._left.pop()))
        except ValueError as error:
            raise invalid(f"Invalid filter: {error}") from error
