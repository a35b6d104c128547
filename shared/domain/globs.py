"""Patterns for names of objects: `*.mp4`, `*.{mp4,mov}`, `cams/**/night-?.mkv`.

`*` and `?` stay within a folder, `**` as a whole part goes through any number of them, `[a-z]` is one of these characters,
`{a,b}` either. Without a slash the pattern is for the last part of a name, in whatever folder; with one, for the whole rest of
the path. Upper and lower case are the same. Matching takes time in proportion to the name, whatever the pattern.
"""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

MAX_PATTERN_CHARS = 256
MAX_ALTERNATIVES = 64

Matcher = Callable[[str], bool]


class BadPattern(ValueError):
    """Says what is wrong with it."""


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Matcher:
    """Raises `BadPattern`."""
    if not 1 <= len(pattern) <= MAX_PATTERN_CHARS:
        raise BadPattern(f"a pattern has 1 to {MAX_PATTERN_CHARS} characters")
    alternatives = [_parts(one) for one in _expanded(pattern)]

    def matches(path: str) -> bool:
        parts = path.split("/")
        return any(_match(wanted, parts[-1:] if len(wanted) == 1 else parts) for wanted in alternatives)

    return matches


def _parts(pattern: str) -> list[re.Pattern[str] | None]:
    """None stands for `**`. The patterns that the standard library makes take no longer than the name is long."""
    parts = pattern.strip("/").split("/")
    return [None if part == "**" and len(parts) > 1 else re.compile(translate(part), re.IGNORECASE) for part in parts]


def _match(wanted: list[re.Pattern[str] | None], parts: list[str]) -> bool:
    """Which numbers of parts the wanted ones so far can have taken, step by step."""
    reached = {0}
    for one in wanted:
        if one is None:
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(parts) and one.match(parts[at])}
    return len(parts) in reached


def _expanded(pattern: str) -> list[str]:
    """Without braces; `{a,b}` within `{…}` too."""
    todo, done = [pattern], []
    while todo:
        one = todo.pop()
        close = one.find("}")
        start = one.rfind("{", 0, close) if close >= 0 else -1
        if start < 0:
            if "{" in one or "}" in one:
                raise BadPattern("a brace is not closed, or never opened")
            done.append(one)
            continue
        todo += [one[:start] + choice + one[close + 1 :] for choice in one[start + 1 : close].split(",")]
        if len(todo) + len(done) > MAX_ALTERNATIVES:
            raise BadPattern(f"a pattern stands for at most {MAX_ALTERNATIVES} without its braces")
    return list(dict.fromkeys(one for one in done if one)) or ["*"]
