"""An answer's citations, resolved and checked against what the tools brought.

The model writes `[r7]` behind what it says. A name that was never given is dropped. A sentence whose quotation stands in none of
the results it cites, or whose time lies outside all of them, is dropped with its citations: it is not what the evidence says.
Addresses, pictures and markup are taken out: nothing in an answer may lead a reader elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.chat.shelf import Shelf
from shared.vectors.words import words

NOTHING_FOUND = "Nothing in the selected media answers this."
_CITED = re.compile(r"\s*\[((?:[rq]\d{1,4})(?:\s*[,;]\s*[rq]?\d{1,4})*)\]")
_NAME = re.compile(r"([rq])?(\d{1,4})")
_SENTENCE = re.compile(r"(?<=[.!?…])(?=\s+[^\sa-z\[(])|(?<=\])(?=\s+[^\sa-z\[(])|(?=\n)")
_QUOTED = re.compile(r'"([^"\n]{6,400})"|“([^”\n]{6,400})”|«([^»\n]{6,400})»|„([^“\n]{6,400})“')
_TIME = re.compile(r"(?<![\d:.])(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)(?:\.\d+)?(?![\d:])")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)|\[([^\]\n]*)\]\[[^\]\n]*:[^\]\n]*\]")
_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}:)?//[^\s<>\"')\]]+|\b(?:data|javascript|mailto|vbscript|www\.)[:.]?[^\s<>\"')\]]*[:/.][^\s<>\"')\]]+",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<[/!?a-zA-Z][^>\n]*>?")
_SLACK = 2.0  # seconds that a time may lie beside its segment


@dataclass
class Checked:
    """`content` cites by number, `[1]` being the first of `citations`."""

    content: str
    citations: list[dict[str, Any]] = field(default_factory=list)
    citations_dropped: int = 0
    sentences_dropped: int = 0
    addresses_removed: int = 0


def check(text: str, shelf: Shelf) -> Checked:
    """The answer without what is not backed."""
    clean, removed = _without_addresses(text)
    checked = Checked("", addresses_removed=removed)
    numbers: dict[str, int] = {}
    kept = [_sentence(sentence, shelf, checked, numbers) for sentence in _SENTENCE.split(clean)]
    checked.content = re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()
    return checked


def _without_addresses(text: str) -> tuple[str, int]:
    removed = 0
    for pattern, by in ((_IMAGE, ""), (_LINK, r"\1\2"), (_MARKUP, ""), (_ADDRESS, "(address removed)")):
        text, count = pattern.subn(by, text)
        removed += count
    return text, removed


def _sentence(sentence: str, shelf: Shelf, checked: Checked, numbers: dict[str, int]) -> str:
    cited = [name for found in _CITED.finditer(sentence) for name in _names(found.group(1))]
    if not cited:
        return "" if _quotes_nothing_known(sentence, shelf) and _count_dropped(checked) else sentence
    known = {name: shelf.named.get(name) or shelf.tables.get(name) for name in cited}
    checked.citations_dropped += sum(one is None for one in known.values())
    there = {name: one for name, one in known.items() if one is not None}
    plain = _CITED.sub("", sentence)
    if not there or not _is_backed(plain, there):
        checked.citations_dropped += len(there)
        checked.sentences_dropped += 1
        return ""

    def marked(found: re.Match[str]) -> str:
        names = [name for name in dict.fromkeys(_names(found.group(1))) if name in there]
        for name in names:
            if name not in numbers:
                numbers[name] = len(numbers) + 1
                checked.citations.append(_citation(numbers[name], name, there[name]))
        return "".join(f" [{numbers[name]}]" for name in names)

    return _CITED.sub(marked, sentence)


def _names(inside: str) -> list[str]:
    """`r1, r2` and also `r1, 2`."""
    names, letter = [], "r"
    for found in _NAME.finditer(inside):
        letter = found.group(1) or letter
        names.append(f"{letter}{int(found.group(2))}")
    return names


def _count_dropped(checked: Checked) -> bool:
    checked.sentences_dropped += 1
    return True


def _quotes_nothing_known(sentence: str, shelf: Shelf) -> bool:
    """A quotation without a citation has to stand in something that was found, if anything was."""
    quoted = _quotations(sentence)
    if not quoted or not shelf.named:
        return False
    texts = [_words_of(one) for one in (*shelf.named.values(), *shelf.tables.values())]
    return any(not any(_holds(text, one) for text in texts) for one in quoted if len(one) >= 4)


def _is_backed(sentence: str, there: Mapping[str, dict[str, Any]]) -> bool:
    texts = [_words_of(one) for one in there.values()]
    if any(not any(_holds(text, one) for text in texts) for one in _quotations(sentence)):
        return False
    spans = [(one["start_time"], one["end_time"]) for one in there.values() if one.get("end_time") is not None]
    if not spans:
        return True
    said = {found.group() for text in there.values() for found in _TIME.finditer(_text_of(text))}
    return all(found.group() in said or _within(_seconds(found), spans) for found in _TIME.finditer(sentence))


def _quotations(sentence: str) -> list[list[str]]:
    quoted = [words(next(filter(None, found.groups()))) for found in _QUOTED.finditer(sentence)]
    return [one for one in quoted if len(one) >= 2]


def _within(seconds: float, spans: list[tuple[float, float]]) -> bool:
    return any(start - _SLACK <= seconds <= end + _SLACK for start, end in spans)


def _seconds(found: re.Match[str]) -> float:
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)


def _text_of(one: dict[str, Any]) -> str:
    if "rows" in one:
        return " ".join(str(value) for row in one["rows"] for value in row.values())
    return f"{one['video_name']} {one['text_content']}"


def _words_of(one: dict[str, Any]) -> str:
    return f" {' '.join(words(_text_of(one)))} "


def _holds(text: str, quoted: list[str]) -> bool:
    return f" {' '.join(quoted)} " in text


def _citation(number: int, name: str, one: dict[str, Any]) -> dict[str, Any]:
    if "rows" in one:
        nothing = dict.fromkeys(("result_id", "video_id", "video_name", "segment_id", "start_time", "end_time", "run_id"))
        return {"number": number, "ref": name, "result_set_id": one["result_set_id"], "result_type": "query", **nothing}
    keys = ("result_type", "result_id", "video_id", "video_name", "segment_id", "start_time", "end_time", "run_id")
    return {"number": number, "ref": name, "result_set_id": one["result_set_id"], **{key: one[key] for key in keys}}
