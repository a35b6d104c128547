"""Where the shots of a film change, found in its Y, U and V planes as the decoder leaves them."""

from itertools import pairwise
from typing import BinaryIO

import numpy as np

from shared.domain.segmentation import Cut, CutKind
from shared.media import blends
from shared.media.frames import Sample, samples
from shared.media.opener import open_media

# A cut stands out from the changes around it (adaptive: camera movement does not), and is large in itself.
RATIO = 3.0
PROMINENCE = 1.8  # over the largest change beside it, which a burst of movement does not reach
WINDOW = 3
LEAST_CHANGE = 9.0
MIN_SHOT_SECONDS = 0.6
_CHROMA_WEIGHT = 1.0
_DISSOLVE_RUN = 5
_DIP_RUN = 2
_FADE_REACH_SECONDS = 1.0
_LOOK_SECONDS = 0.5  # how often the look of a picture is kept for comparing shots
_LOOK_AFTER_CHANGE_SECONDS = 0.12


class CutFinder:
    """Is shown the pictures of one film in order and knows its cuts at the end."""

    def __init__(self, frame_rate: float) -> None:
        self.frame_rate = frame_rate or 25.0
        self._previous: Sample | None = None
        self._times: list[float] = []
        self._changes: list[float] = []
        self._looks: list[tuple[float, np.ndarray]] = []
        self._blends = blends.BlendTrace(self.frame_rate)

    def add(self, sample: Sample) -> float:
        """Takes in the next picture and tells how much it differs from the one before, in levels of 255."""
        before = self._previous
        change = 0.0 if before is None else _change(before, sample)
        self._times.append(sample.time)
        self._changes.append(change)
        self._blends.add(sample, change if change >= LEAST_CHANGE else None)
        since = sample.time - self._looks[-1][0] if self._looks else _LOOK_SECONDS
        if since >= (_LOOK_AFTER_CHANGE_SECONDS if change >= LEAST_CHANGE else _LOOK_SECONDS):
            self._looks.append((sample.time, look(sample)))
        self._previous = sample
        return change

    def finish(self) -> list[Cut]:
        """All cuts in order, at least MIN_SHOT_SECONDS apart, none at the very beginning."""
        self._blends.finish()
        found: list[tuple[int, CutKind]] = [(number, "hard") for number in self._hard_cuts()]
        reach = max(2, round(_FADE_REACH_SECONDS * self.frame_rate))
        for number in blends.fades(self._blends.brightness, reach):
            found.append((number, "fade"))
        mixed = blends.dissolves(self._blends.middles, _DISSOLVE_RUN) + self._contrast_dips([number for number, _ in found])
        found += [(number, "dissolve") for number in mixed if not self._touches_black(number)]
        return self._with_likeness(self._apart(found))

    def _hard_cuts(self) -> list[int]:
        changes = np.array(self._changes)
        cuts = []
        for number in np.flatnonzero(changes >= LEAST_CHANGE):
            around = np.concatenate((changes[max(1, number - WINDOW) : number], changes[number + 1 : number + 1 + WINDOW]))
            usual, largest = (float(around.mean()), float(around.max())) if len(around) else (0.0, 0.0)
            stands_out = changes[number] >= max(RATIO * usual, PROMINENCE * largest)
            if stands_out and int(number) not in self._blends.flashes:
                cuts.append(int(number))
        return cuts

    def _contrast_dips(self, known: list[int]) -> list[int]:
        """Middles of dissolves told by contrast; a change that is known already explains the dip beside it."""
        events = np.array(sorted(known) or [-(10**9)])
        alone = [number for number, reach in self._blends.dips if np.abs(events - number).min() > reach]
        return blends.dissolves(alone, _DIP_RUN)

    def _apart(self, found: list[tuple[int, CutKind]]) -> list[tuple[int, CutKind]]:
        """Of events closer than a shot can be, keeps hard cuts before fades before dissolves, then the first."""
        order = {"hard": 0, "fade": 1, "dissolve": 2}
        kept: list[tuple[int, CutKind]] = []
        for number, kind in sorted(found, key=lambda event: (order[event[1]], event[0])):
            time = self._times[number]
            if time < MIN_SHOT_SECONDS / 2:
                continue
            if all(abs(time - self._times[other]) >= MIN_SHOT_SECONDS for other, _ in kept):
                kept.append((number, kind))
        return sorted(kept)

    def _touches_black(self, number: int) -> bool:
        """Does this mix of pictures begin or end in an empty dark one? Then it is half of a fade, or the
        way into or out of the whole film; the middle of the dark is where shots change, if they do."""
        reach = max(2, round(blends.LONGEST_HALF_SECONDS * self.frame_rate))
        ends = (max(0, number - reach), min(len(self._times) - 1, number + reach))
        brightness, spread = self._blends.brightness, self._blends.spread
        return any(brightness[end] < blends.DARK + blends.LIT_ABOVE_DARK and spread[end] < 2 * blends.FLAT for end in ends)

    def _with_likeness(self, events: list[tuple[int, CutKind]]) -> list[Cut]:
        times = [self._times[number] for number, _ in events]
        looks = _looks_of_shots(self._looks, times)
        return [
            Cut(time, kind, round(float(np.minimum(looks[at], looks[at + 1]).sum()), 4))
            for at, (time, (_, kind)) in enumerate(zip(times, events, strict=True))
        ]


def find_cuts(source: BinaryIO) -> list[Cut]:
    """The cuts of a film; none for media without moving pictures. Raises UnreadableMedia."""
    with open_media(source) as container:
        if container.video is None:
            return []
        finder = CutFinder(float(container.video.average_rate or 0))
        for sample in samples(container, loop_filter="skip"):
            finder.add(sample)
        return finder.finish()


def _change(before: Sample, after: Sample) -> float:
    if before.shapes != after.shapes:
        return 255.0  # a film that changes its size changes its picture
    sizes = [rows * columns for rows, columns in after.shapes]
    difference = np.maximum(before.flat, after.flat)
    difference -= np.minimum(before.flat, after.flat)
    sums = np.add.reduceat(difference, (0, sizes[0], sizes[0] + sizes[1]), dtype=np.uint32)
    return float(sums[0]) / sizes[0] + _CHROMA_WEIGHT * float(sums[1] + sums[2]) / sizes[1]


def look(sample: Sample) -> np.ndarray:
    """Colours and lightness of a picture as one distribution summing to 1."""
    luma = np.bincount(sample.y.reshape(-1) >> 4, minlength=16) / sample.y.size
    if sample.u.shape != sample.v.shape:
        return luma.astype(np.float32)
    # Most pictures live in the middle of the chroma range, so it is divided finely there.
    u = np.clip((sample.u.astype(np.int16) - 64) >> 4, 0, 7)
    v = np.clip((sample.v.astype(np.int16) - 64) >> 4, 0, 7)
    colour = np.bincount((u * 8 + v).reshape(-1), minlength=64) / u.size
    return (np.concatenate((luma, colour)) / 2).astype(np.float32)


def _looks_of_shots(looks: list[tuple[float, np.ndarray]], cuts: list[float]) -> list[np.ndarray]:
    """The mean look of each shot; a shot too short to have one of its own takes the nearest."""
    bounds = [float("-inf"), *cuts, float("inf")]
    times = np.array([time for time, _ in looks])
    result = []
    for start, end in pairwise(bounds):
        low, high = int(np.searchsorted(times, start)), int(np.searchsorted(times, end))
        if low >= high:
            low = min(max(low - 1, 0), len(looks) - 1)
            high = low + 1
        result.append(np.mean([seen for _, seen in looks[low:high]], axis=0))
    return result
