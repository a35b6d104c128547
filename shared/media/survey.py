"""One decode of a film for everything the cut stage needs: its cuts and a picture for any stretch of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import av

from shared.domain.segmentation import Cut, Span
from shared.media.cuts import LEAST_CHANGE, CutFinder
from shared.media.frames import Sample, full_luma, samples
from shared.media.opener import open_media
from shared.media.pictures import picture_at as seek_picture
from shared.media.pictures import sharpness, thumbnail, to_jpeg, upright_picture

LOOK_SECONDS = 0.25  # how often a picture is weighed as a candidate
WINDOW_SECONDS = 2.0  # of each window the sharpest picture is kept
SHORTEST_WINDOW_SECONDS = 0.3
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Candidate:
    """A picture that may stand for the stretch around `time` (seconds)."""

    time: float
    sharpness: float
    jpeg: bytes


@dataclass(frozen=True)
class Picture:
    """The picture that stands for a span: shown at `time` (seconds), as a JPEG thumbnail."""

    time: float
    jpeg: bytes


@dataclass
class Survey:
    """What one pass over a film found. `end` is when its last picture was shown, in seconds."""

    cuts: list[Cut] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    pictures_seen: int = 0
    bad_packets: int = 0
    end: float = 0.0

    def best(self, span: Span) -> Candidate | None:
        """The sharpest candidate inside the span, or None if the pass kept none there."""
        inside = [c for c in self.candidates if span.start <= c.time < span.end]
        return max(inside, key=lambda c: c.sharpness, default=None)

    def pictures(self, spans: Sequence[Span], source: BinaryIO | None = None) -> list[Picture | None]:
        """For each span its sharpest candidate, else the middle picture sought in `source`."""
        best = [self.best(span) for span in spans]
        found = [None if candidate is None else Picture(candidate.time, candidate.jpeg) for candidate in best]
        missing = [number for number, picture in enumerate(found) if picture is None]
        if missing and source is not None:
            source.seek(0)
            with open_media(source) as container:
                for number in missing:
                    middle = (spans[number].start + spans[number].end) / 2
                    image = seek_picture(container, middle)
                    found[number] = None if image is None else Picture(middle, thumbnail(image))
        return found


class _Candidates:
    """Keeps the sharpest picture of each window; a window ends early where the picture jumps."""

    def __init__(self, window_seconds: float) -> None:
        self._window = window_seconds
        self._begun = 0.0
        self._weighed = float("-inf")
        self._best: tuple[float, float, av.VideoFrame] | None = None
        self._bytes = 0
        self._usual = 0.0  # running mean of the changes, so that steady movement does not count as jumps
        self.kept: list[Candidate] = []

    def add(self, sample: Sample, change: float) -> None:
        age = sample.time - self._begun
        jumped = change >= max(LEAST_CHANGE, 2.5 * self._usual) and age >= SHORTEST_WINDOW_SECONDS
        self._usual += (min(change, 2 * self._usual + 1.0) - self._usual) / 8
        if age >= self._window or jumped:
            self.close()
            self._begun, self._weighed = sample.time, float("-inf")
        if sample.time - self._weighed < LOOK_SECONDS:
            return
        self._weighed = sample.time
        luma = full_luma(sample.frame)
        detail = sharpness(sample.y if luma is None else luma)
        if self._best is None or detail > self._best[1]:
            self._best = (sample.time, detail, sample.frame)

    def close(self) -> None:
        if self._best is None:
            return
        time, detail, frame = self._best
        self._best = None
        if self._bytes >= KEPT_BYTES:
            return
        jpeg = to_jpeg(upright_picture(frame))
        self._bytes += len(jpeg)
        self.kept.append(Candidate(time, detail, jpeg))


def survey(
    source: BinaryIO,
    *,
    duration: float | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Survey:
    """Decodes a film once; `on_progress` hears the time reached, in seconds, about once a second of media.

    `duration`, where known, spaces the candidates so that a long film stays within KEPT_BYTES of memory.
    Media without moving pictures gives an empty survey. Raises UnreadableMedia.
    """
    with open_media(source) as container:
        if container.video is None:
            return Survey()
        finder = CutFinder(float(container.video.average_rate or 0))
        candidates = _Candidates(max(WINDOW_SECONDS, (duration or 0.0) / 1200))
        seen, told, end = 0, 0.0, 0.0
        for sample in samples(container, loop_filter="skip_unreferenced"):
            candidates.add(sample, finder.add(sample))
            seen, end = seen + 1, sample.time
            if on_progress is not None and end - told >= 1.0:
                told = end
                on_progress(end)
        candidates.close()
        return Survey(finder.finish(), candidates.kept, seen, container.bad_packets, end)
