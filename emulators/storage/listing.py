"""Pages of objects in the order of their names, with folders folded and patterns matched."""

import base64
import re
import sqlite3
from dataclasses import dataclass, field

from .errors import invalid
from .records import Record

MAX_PAGE = 1000


@dataclass(frozen=True)
class Query:
    """What to list. `start` is included, `end` is not; `delimiter` folds names into prefixes."""

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    glob: str = ""
    with_trailing_delimiter: bool = False
    limit: int = MAX_PAGE
    token: str = ""


@dataclass
class Page:
    """One page; `token` is empty on the last."""

    records: list[Record] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    token: str = ""


def page(db: sqlite3.Connection, bucket: str, query: Query) -> Page:
    """Walks the names in order and skips over a whole folder once it is folded into its prefix."""
    pattern = glob_pattern(query.glob) if query.glob else None
    limit = max(1, min(query.limit, MAX_PAGE))
    position: str | None = max(query.prefix, query.start, _decode(query.token))
    found = Page()
    while position is not None:
        position = _walk(db, bucket, query, pattern, position, limit, found)
    return found


def _walk(
    db: sqlite3.Connection,
    bucket: str,
    query: Query,
    pattern: re.Pattern[str] | None,
    position: str,
    limit: int,
    found: Page,
) -> str | None:
    """Adds to `found` up to the next fold; answers where to go on, or None at the end of the page."""
    rows = db.execute("SELECT * FROM objects WHERE bucket = ? AND name >= ? ORDER BY name", (bucket, position))
    for row in rows:
        name: str = row[1]
        if not name.startswith(query.prefix) or (query.end and name >= query.end):
            return None
        folder = _folder(name, query)
        if pattern is not None and not pattern.fullmatch(name):
            continue
        if len(found.records) + len(found.prefixes) >= limit:
            found.token = _encode(name)
            return None
        if folder is None:
            found.records.append(Record.from_row(row))
            continue
        if folder == name and query.with_trailing_delimiter:
            found.records.append(Record.from_row(row))
        found.prefixes.append(folder)
        return _after_all(folder)
    return None


def _folder(name: str, query: Query) -> str | None:
    if not query.delimiter:
        return None
    at = name.find(query.delimiter, len(query.prefix))
    return None if at < 0 else name[: at + len(query.delimiter)]


def _after_all(prefix: str) -> str | None:
    """The least string greater than everything that starts with `prefix`."""
    for index in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[index])
        if code < 0x10FFFF:
            following = 0xE000 if code == 0xD7FF else code + 1
            return prefix[:index] + chr(following)
    return None


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except ValueError as wrong:
        raise invalid("The page token is not one of ours.") from wrong


def glob_pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**` crosses folders, `[a-c]` and `{one,two}` as in a shell."""
    parts: list[str] = []
    depth, index = 0, 0
    while index < len(glob):
        character = glob[index]
        if glob.startswith("**", index):
            parts.append(".*")
            index += 1
        elif character in "*?":
            parts.append("[^/]*" if character == "*" else "[^/]")
        elif character == "[" and (close := glob.find("]", index + 2)) > 0:
            inside = re.escape(glob[index + 1 : close]).replace(r"\-", "-")
            parts.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
            index = close
        elif character == "{":
            depth += 1
            parts.append("(?:")
        elif depth and character in ",}":
            depth -= character == "}"
            parts.append("|" if character == "," else ")")
        elif character == "\\" and index + 1 < len(glob):
            index += 1
            parts.append(re.escape(glob[index]))
        else:
            parts.append(re.escape(character))
        index += 1
    if depth:
        raise invalid("The glob has an unclosed brace.")
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as wrong:
        raise invalid(f"The glob is not valid: {wrong}") from wrong
