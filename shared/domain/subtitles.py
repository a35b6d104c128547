"""What was spoken, as subtitle files (WebVTT, SubRip), and the tiles of a scrubbing sheet as WebVTT."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_LINE = 42  # characters that fit below a picture
LINES = 2
SHORTEST_SECONDS = 0.5
_ARROW = re.compile(r"-->")


@dataclass(frozen=True)
class Cue:
    """Text shown from `start` to `end`, in seconds of the media."""

    start: float
    end: float
    text: str


def cues(utterances: Iterable[dict[str, Any]]) -> list[Cue]:
    """In order of time, long utterances divided into pieces that fit below a picture, none shown beside the next."""
    spoken = sorted((one for one in utterances if str(one.get("text", "")).strip()), key=lambda one: (one["start"], one["end"]))
    divided = [piece for one in spoken for piece in _divide(float(one["start"]), float(one["end"]), str(one["text"]))]
    shown: list[Cue] = []
    for number, cue in enumerate(divided):
        end = max(cue.end, cue.start + SHORTEST_SECONDS)
        if number + 1 < len(divided) and divided[number + 1].start > cue.start:
            end = min(end, divided[number + 1].start)
        shown.append(Cue(cue.start, end, cue.text))
    return shown


def _divide(start: float, end: float, text: str) -> list[Cue]:
    """Pieces of at most LINES lines; each takes of the time as much as it has of the characters."""
    lines = _lines(text.split())
    blocks = ["\n".join(lines[at : at + LINES]) for at in range(0, len(lines), LINES)]
    total = sum(len(block) for block in blocks)
    pieces, begun = [], start
    for block in blocks:
        until = begun + (end - start) * len(block) / total
        pieces.append(Cue(begun, until, block))
        begun = until
    return pieces


def _lines(words: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= LONGEST_LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def vtt(shown: Sequence[Cue]) -> str:
    """A WebVTT file; what would be markup is text."""
    blocks = [f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{html.escape(cue.text, quote=False)}\n" for cue in shown]
    return "\n".join(["WEBVTT\n", *blocks])


def srt(shown: Sequence[Cue]) -> str:
    """A SubRip file. It knows no escaping, so an arrow in the text, which would begin a new cue, is set as one character."""
    blocks = [
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_ARROW.sub('→', cue.text)}\n"
        for number, cue in enumerate(shown, 1)
    ]
    return "\n".join(blocks)


def sprite_vtt(layout: dict[str, Any], duration: float, address: str) -> str:
    """For each tile of the sheet at `address` the seconds it stands for and its place (`#xywh=`, pixels)."""
    width, height = layout["tile_width"], layout["tile_height"]
    lines = ["WEBVTT\n"]
    for number in range(layout["count"]):
        start, end = number * layout["interval"], (number + 1) * layout["interval"]
        x, y = number % layout["columns"] * width, number // layout["columns"] * height
        end = max(duration, start) if number + 1 == layout["count"] else end
        lines.append(f"{_time(start, '.')} --> {_time(end, '.')}\n{address}#xywh={x},{y},{width},{height}\n")
    return "\n".join(lines)


def _time(seconds: float, mark: str) -> str:
    whole, thousandths = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{thousandths:03}"
