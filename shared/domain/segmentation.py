"""How a film or a recording is divided into segments: pure rules over times in seconds.

Whatever the rule, the segments tile the media: the first begins at 0, each begins where the one before ends,
and the last ends exactly at the duration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

CutKind = Literal["hard", "dissolve", "fade"]
VideoMode = Literal["smart", "fixed", "content_aware"]
AudioMode = Literal["fixed", "content_aware"]

MIN_FIXED_SECONDS, MAX_FIXED_SECONDS = 1.0, 300.0
MIN_SHOT_SECONDS = 1.5
MIN_SCENE_SECONDS = 4.0
JOINED_SCENE_SECONDS = 20.0  # neighbours that look and sound alike are joined up to this length
MAX_SEGMENT_SECONDS = 60.0
MAX_SENTENCE_SECONDS = 120.0  # an unbroken stretch of speech longer than this is cut like anything else
SENTENCE_SHIFT_SECONDS = 1.5  # how far a boundary may move to fall between two sentences
ALIKE = 0.85
MIN_SOUND_SECONDS, MAX_SOUND_SECONDS = 5.0, 30.0
_SLIVER_SECONDS = 0.5


@dataclass(frozen=True)
class Span:
    """A stretch of media from `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Cut:
    """A change of shot; `time` is when the new shot's first picture is shown (the middle of a gradual change).

    `likeness` tells how alike the shots before and after look, from 0 (nothing in common) to 1.
    """

    time: float
    kind: CutKind = "hard"
    likeness: float = 0.0


@dataclass(frozen=True)
class Activity:
    """What is heard when: stretches that sound like speech, and moments at which the sound changes."""

    speech: tuple[Span, ...] = ()
    changes: tuple[float, ...] = ()


def plan_image() -> list[Span]:
    """An image is one segment without length."""
    return [Span(0.0, 0.0)]


def plan_video(
    duration: float,
    cuts: Sequence[Cut],
    mode: VideoMode = "smart",
    fixed_seconds: float | None = None,
    speech: Sequence[Span] | None = None,
) -> list[Span]:
    """The segments of a film of `duration` seconds; raises ValueError for a bad duration, mode or length."""
    _check_duration(duration)
    if mode == "fixed":
        return _fixed(duration, fixed_seconds)
    inside = {cut.time: cut.likeness for cut in cuts if 0.0 < cut.time < duration}
    bounds = sorted(inside)
    if mode == "content_aware":
        kept = _merge_short(duration, bounds, inside, MIN_SHOT_SECONDS)
        return _split_long(_tile(duration, kept), MAX_SEGMENT_SECONDS, ())
    if mode != "smart":
        raise ValueError(f"unknown video segmentation {mode!r}")
    sentences = _sentences(duration, speech or ())
    moved = _between_sentences(inside, sentences)
    bounds = _merge_short(duration, sorted(moved), moved, MIN_SCENE_SECONDS)
    bounds = _join_alike(duration, bounds, moved, sentences)
    return _split_long(_tile(duration, bounds), MAX_SEGMENT_SECONDS, sentences)


def plan_audio(
    duration: float,
    mode: AudioMode = "content_aware",
    fixed_seconds: float | None = None,
    activity: Activity | None = None,
) -> list[Span]:
    """The segments of a recording of `duration` seconds; raises ValueError like plan_video."""
    _check_duration(duration)
    if mode == "fixed":
        return _fixed(duration, fixed_seconds)
    if mode != "content_aware":
        raise ValueError(f"unknown audio segmentation {mode!r}")
    heard = activity or Activity()
    sentences = _sentences(duration, heard.speech)
    pauses = [(a.end + b.start) / 2 for a, b in pairwise(sentences)]
    changes = _between_sentences(dict.fromkeys(heard.changes, 0.0), sentences)
    inside = {time: 0.0 for time in [*pauses, *changes] if 0.0 < time < duration}
    bounds = _merge_short(duration, sorted(inside), inside, MIN_SOUND_SECONDS)
    return _split_long(_tile(duration, bounds), MAX_SOUND_SECONDS, sentences)


def _check_duration(duration: float) -> None:
    if not 0.0 < duration < float("inf"):
        raise ValueError("a duration is a finite number of seconds above 0")


def _fixed(duration: float, seconds: float | None) -> list[Span]:
    if seconds is None or not MIN_FIXED_SECONDS <= seconds <= MAX_FIXED_SECONDS:
        raise ValueError(f"a fixed length is {MIN_FIXED_SECONDS:g} to {MAX_FIXED_SECONDS:g} seconds")
    count = max(1, int(duration / seconds))
    bounds = [number * seconds for number in range(1, count + 1)]
    # A last piece of a few frames would be a segment with nothing in it.
    return _tile(duration, [bound for bound in bounds if duration - bound >= _SLIVER_SECONDS])


def _tile(duration: float, bounds: Sequence[float]) -> list[Span]:
    marks = [0.0, *bounds, duration]
    return [Span(start, end) for start, end in pairwise(marks)]


def _sentences(duration: float, speech: Sequence[Span]) -> list[Span]:
    """Speech in order, clipped to the media, touching stretches united, endless ones left out."""
    united: list[Span] = []
    for span in sorted(speech, key=lambda s: (s.start, s.end)):
        start, end = max(0.0, span.start), min(duration, span.end)
        if start >= end:
            continue
        if united and start <= united[-1].end:
            united[-1] = Span(united[-1].start, max(united[-1].end, end))
        else:
            united.append(Span(start, end))
    return [span for span in united if span.length <= MAX_SENTENCE_SECONDS]


def _between_sentences(bounds: dict[float, float], sentences: Sequence[Span]) -> dict[float, float]:
    """Boundaries that fall into a sentence move to its nearer end if that is close, and are dropped if not."""
    moved: dict[float, float] = {}
    for time, likeness in bounds.items():
        sentence = _sentence_around(time, sentences)
        if sentence is None:
            moved[time] = likeness
            continue
        edge = min((sentence.start, sentence.end), key=lambda end: abs(end - time))
        if abs(edge - time) <= SENTENCE_SHIFT_SECONDS and edge > 0.0:
            moved[edge] = min(likeness, moved.get(edge, 1.0))
    return moved


def _sentence_around(time: float, sentences: Sequence[Span]) -> Span | None:
    return next((s for s in sentences if s.start < time < s.end), None)


def _merge_short(duration: float, bounds: Sequence[float], likeness: dict[float, float], shortest: float) -> list[float]:
    """Removes the less telling boundary beside each piece shorter than `shortest` until none is left."""
    kept = [bound for bound in bounds if 0.0 < bound < duration]
    at = 0
    while at <= len(kept) and kept:
        start = kept[at - 1] if at else 0.0
        end = kept[at] if at < len(kept) else duration
        if end - start >= shortest:
            at += 1
            continue
        left, right = at - 1, at
        if left < 0:
            victim = right
        elif right >= len(kept):
            victim = left
        else:
            victim = left if likeness.get(kept[left], 0.0) >= likeness.get(kept[right], 0.0) else right
        del kept[victim]
        at = max(0, victim)
    return kept


def _join_alike(duration: float, bounds: Sequence[float], likeness: dict[float, float], sentences: Sequence[Span]) -> list[float]:
    """Drops boundaries between pieces that look alike and are both spoken over or both not."""
    kept: list[float] = []
    marks = [*bounds, duration]
    for number, bound in enumerate(bounds):
        start = kept[-1] if kept else 0.0
        after = marks[number + 1]
        alike = likeness.get(bound, 0.0) >= ALIKE
        same_sound = _spoken(start, bound, sentences) == _spoken(bound, after, sentences)
        if not (alike and same_sound and after - start <= JOINED_SCENE_SECONDS):
            kept.append(bound)
    return kept


def _spoken(start: float, end: float, sentences: Sequence[Span]) -> bool:
    heard = sum(max(0.0, min(end, s.end) - max(start, s.start)) for s in sentences)
    return heard > 0.25 * (end - start)


def _split_long(spans: Sequence[Span], longest: float, sentences: Sequence[Span]) -> list[Span]:
    """Cuts pieces over `longest` into even parts, moving each cut out of the sentence it would fall into."""
    pieces: list[Span] = []
    for span in spans:
        start = span.start
        while span.end - start > longest:
            parts = -int(-(span.end - start) // longest)
            at = _silent_near(start + (span.end - start) / parts, start, span.end, longest, sentences)
            if at is None:
                break
            pieces.append(Span(start, at))
            start = at
        pieces.append(Span(start, span.end))
    return pieces


def _silent_near(wanted: float, start: float, end: float, longest: float, sentences: Sequence[Span]) -> float | None:
    """A moment outside every sentence: the wanted one, else the last before `longest`, else the first after."""
    sentence = _sentence_around(wanted, sentences)
    if sentence is None:
        return wanted
    near = [t for t in (sentence.start, sentence.end) if start + _SLIVER_SECONDS < t <= start + longest]
    choices = near or [sentence.end]
    choice = min(choices, key=lambda t: abs(t - wanted))
    return choice if start < choice < end - _SLIVER_SECONDS else None
