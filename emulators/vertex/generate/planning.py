"""What to do next in a talk with tools, and what to say: rules over the question's words and the evidence in hand.

Nothing is said that is not in a result. Where no result answers, that is the answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulators.vertex.generate.relevance import Judged, Nearness, asked_words, judge, pieces_of, subject
from emulators.vertex.generate.talk import CitedBefore, Row, Talk, Tool
from emulators.vertex.generate.wording import shortened

NOT_FOUND = "Nothing in the selected media answers this."
MOST_SHOWN = 3
AROUND = 30.0  # seconds before or behind a moment that are looked at
TOLD = 10.0  # of these, the nearest are told, until so many seconds are
NEARLY = 0.9  # of the best result's worth, below which another is no answer beside it
_COUNTING = re.compile(r"\bhow (?:many|often)\b|\bcount\b|\bnumber of\b", re.IGNORECASE)
_WHOLE = re.compile(r"\bsummar(?:y|ise|ize)\b|\boverview\b|\bgist\b|\bwhat is .{1,60} about\b", re.IGNORECASE)
_SCOPE = re.compile(
    r"\bwhat (?:can|could|may) (?:i|you|we) (?:search|ask|find)\b|\bwhich (?:indexes|media|fields|videos|films)\b"
    r"|\bwhat (?:is|are) (?:there|in (?:my|the) library)\b",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\b(?:after|afterwards|next|follow(?:s|ing)?|then)\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:before|previous|earlier|precede[sd]?)\b", re.IGNORECASE)
_ASKS_WHAT = re.compile(r"^\W*(?:(?:and|so|but|then)\b\W*)?what\b", re.IGNORECASE)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_POINTING = re.compile(r"\b(?:it|that|this|there|then|the (?:\w+ )?(?:one|moment|scene))\b", re.IGNORECASE)


@dataclass(frozen=True)
class Move:
    """Calls to make, or, without any, what to say."""

    calls: list[tuple[str, dict[str, Any]]]
    text: str = ""


def next_move(talk: Talk, nearness: Nearness) -> Move:
    if talk.may_call:
        calls = _first(talk) if not talk.uses else _further(talk, nearness)
        if calls:
            return Move(calls)
    return Move([], _answer(talk, nearness))


def _first(talk: Talk) -> list[tuple[str, dict[str, Any]]]:
    scope = next((one for one in talk.tools if not one.takes), None)
    if _SCOPE.search(talk.question) and scope is not None:
        return [(scope.name, {})]
    pointed = _pointed_at(talk)
    segments = talk.tool("video_id", "from_seconds")
    if pointed is not None and segments is not None:
        return [(segments.name, _around(talk.question, pointed.video_id, pointed.run_id, pointed.start, pointed.end))]
    search = talk.tool("query")
    if search is None or not subject_of(talk).strip():
        return []
    calls: list[tuple[str, dict[str, Any]]] = [(search.name, {"query": subject_of(talk)[:500]})]
    tables = _tables(talk)
    if _COUNTING.search(talk.question) and tables is not None:
        calls.append((tables.name, {}))
    return calls


def _further(talk: Talk, nearness: Nearness) -> list[tuple[str, dict[str, Any]]]:
    """One more look, where what was found leads to it."""
    search, segments, whole = talk.tool("query"), talk.tool("video_id", "from_seconds"), _whole(talk)
    counted = _count(talk)
    if counted:
        return counted
    good = [one for one in judge(subject_of(talk), _rows(talk), nearness) if one.answers]
    if not good:
        words = " ".join(asked_words(subject_of(talk)))
        asked = [use.arguments.get("query") for use in talk.used(search)]
        if search is not None and len(asked) == 1 and words and words != asked[0]:
            return [(search.name, {"query": words[:500], "top_k": 20})]
        return []
    best = good[0].row
    moved = _direction(talk.question) != 0
    if moved and segments is not None and not talk.used(segments) and best.start is not None and best.end is not None:
        return [(segments.name, _around(talk.question, best.video_id, best.run_id, best.start, best.end))]
    if _WHOLE.search(talk.question) and whole is not None and not talk.used(whole) and best.video_id:
        return [(whole.name, {"video_id": best.video_id})]
    return []


def subject_of(talk: Talk) -> str:
    """What the question is about; one that only points back is about what was asked before."""
    own = subject(talk.question) if asked_words(talk.question) else ""
    if not own and _POINTING.search(talk.question):
        own = next((subject(one) for one in reversed(talk.before) if asked_words(one)), "")
    return own


def _pointed_at(talk: Talk) -> CitedBefore | None:
    """The earlier citation that is meant: by its number, or the first for a mere "then"."""
    if not talk.cited_before:
        return None
    words = talk.question.lower()
    for number, ordinal in enumerate(_ORDINALS, 1):
        if re.search(rf"\b{ordinal}\b", words):
            return next((one for one in talk.cited_before if one.number == number), None)
    if re.search(r"\blast one\b", words):
        return talk.cited_before[-1]
    if not asked_words(talk.question) and _POINTING.search(words):
        return talk.cited_before[0]
    return None


def _around(question: str, video_id: str, run_id: str, start: float, end: float) -> dict[str, Any]:
    direction = _direction(question)
    if direction > 0:
        span = (end, end + AROUND)
    elif direction < 0:
        span = (max(0.0, start - AROUND), start)
    else:
        span = (start, end if end > start else start + 0.001)
    arguments: dict[str, Any] = {"video_id": video_id, "from_seconds": span[0], "to_seconds": span[1]}
    return arguments | ({"prompt_run_id": run_id} if run_id and run_id != "None" else {})


def _direction(question: str) -> int:
    """1 where what comes after a moment is asked for, -1 for what comes before it, else 0.

    "What does he do before the meeting?" asks for it. "Where does he wash his hands before the meeting?" does not: where
    something to be found is named ahead of the word, the word belongs to what is to be found.
    """
    found, way = _AFTER.search(question), 1
    if found is None:
        found, way = _BEFORE.search(question), -1
    if found is None or (asked_words(question[: found.start()]) and not _ASKS_WHAT.match(question)):
        return 0
    return way


def _tables(talk: Talk) -> Tool | None:
    """The one that tells what there is to query; only of use beside one that takes SQL."""
    if talk.tool("sql") is None:
        return None
    return next((one for one in talk.tools if "table" in one.name and "sql" not in one.takes), None)


def _whole(talk: Talk) -> Tool | None:
    return next((one for one in talk.tools if "video_id" in one.takes and "from_seconds" not in one.takes), None)


def _count(talk: Talk) -> list[tuple[str, dict[str, Any]]]:
    """A count of the results that hold every word asked for, once the tables are known."""
    sql, known = talk.tool("sql"), talk.used(_tables(talk))
    if sql is None or not known or talk.used(sql) or not _COUNTING.search(talk.question):
        return []
    tables = [one for one in known[0].answer.get("tables") or [] if isinstance(one, dict)]
    table = next((one for one in tables if {"metadata_text", "segment_id"} <= set(one.get("columns") or ())), None)
    if table is None:
        return []
    said = "lower(coalesce(metadata_text, '') || ' ' || coalesce(transcript, ''))"
    words = [re.sub(r"[^\w]", "", word)[:40] for word in asked_words(talk.question)][:6]
    where = " AND ".join(f"contains({said}, '{word}')" for word in words if word)
    query = f"SELECT count(DISTINCT segment_id) AS segments, count(DISTINCT video_id) AS media_items FROM {table['name']}"
    return [(sql.name, {"sql": f"{query} WHERE {where}" if where else query})]


def _rows(talk: Talk) -> list[Row]:
    return [row for use in talk.uses for row in use.rows]


def _answer(talk: Talk, nearness: Nearness) -> str:
    """In the words of the evidence alone."""
    told = _scope_told(talk)
    if told:
        return told
    if not talk.uses:
        return "Ask about what is seen or said in the media, and I will look for it."
    lines = [line for line in [_counted(talk)] if line]
    segments, whole = talk.tool("video_id", "from_seconds"), _whole(talk)
    wanted = [row for use in (*talk.used(segments), *talk.used(whole)) for row in use.rows]
    if wanted:  # what was looked up on purpose is the answer
        return "\n".join(lines + [_line(row, _first_words(row)) for row in _next_to(talk.question, wanted)])
    good = [one for one in judge(subject_of(talk), _rows(talk), nearness) if one.answers]
    lines += [_line(one.row, one.piece) for one in _best_of(good)]
    return "\n".join(lines) or NOT_FOUND


def _next_to(question: str, rows: Sequence[Row]) -> list[Row]:
    """What lies nearest to the moment that was asked from, in order of time; without such a moment, the first of all."""
    direction = _direction(question)
    if not direction:
        return list(rows[:MOST_SHOWN])
    told: list[Row] = []
    seconds = 0.0
    for row in rows if direction > 0 else reversed(rows):
        if len(told) == MOST_SHOWN or seconds >= TOLD:
            break
        told.append(row)
        seconds += (row.end or 0.0) - (row.start or 0.0)
    return told if direction > 0 else told[::-1]


def _best_of(good: Sequence[Judged]) -> list[Judged]:
    """The best, and what is nearly as good and holds no fewer of the asked words: who answers half beside it only misleads.

    Where no result holds all of them, nearly as good is what says nearly the same beyond the words that they hold.
    """
    if not good:
        return []
    best = good[0]
    if best.holds_all:
        alike = [one for one in good if one.share >= best.share and one.worth >= NEARLY * best.worth]
    else:
        alike = [best, *(one for one in good[1:] if one.share >= best.share and one.beyond >= NEARLY * best.beyond)]
    return alike[:MOST_SHOWN]


def _line(row: Row, piece: str) -> str:
    where = f", {_clock(row.start)}–{_clock(row.end)}" if row.start is not None and row.end is not None else ""
    return f"{_plain(row.title)[:80]}{where}: “{_plain(shortened(piece, 200)).rstrip('…').strip()}” [{row.ref}]"


def _plain(text: str) -> str:
    """Evidence cannot cite, quote or break lines by itself."""
    return re.sub(r"\s+", " ", re.sub(r"[\[\]“”\"«»„]", " ", text)).strip()


def _first_words(row: Row) -> str:
    return pieces_of(row)[0]


def _counted(talk: Talk) -> str:
    for use in talk.used(talk.tool("sql")):
        rows, ref = use.answer.get("rows"), use.answer.get("cite_as")
        if isinstance(rows, list) and rows and isinstance(rows[0], dict) and ref:
            counts = [f"{value} {name.replace('_', ' ')}" for name, value in rows[0].items() if isinstance(value, int)]
            words = ", ".join(asked_words(talk.question))
            return f"{' in '.join(counts)} hold the words asked for ({words}). [{ref}]" if counts and words else ""
    return ""


def _scope_told(talk: Talk) -> str:
    scope = next((one for one in talk.tools if not one.takes), None)
    for use in talk.used(scope):
        said = use.answer
        indexes = [str(one.get("name")) for one in said.get("indexes") or []][:8]
        media = [_plain(str(one.get("title"))) for one in said.get("newest_media") or []][:8]
        fields = [str(one.get("field")) for one in said.get("fields") or []][:12]
        lines = [
            f"Indexes: {', '.join(map(_plain, indexes))}." if indexes else "",
            f"Newest media: {', '.join(media)}." if media else "There is no media yet.",
            f"Fields: {', '.join(fields)}." if fields else "",
        ]
        return "\n".join(line for line in lines if line)
    return ""


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
