"""Gradual changes of shot: a dissolve is a straight mix of the pictures at its ends, a fade passes through black."""

import math
from collections.abc import Sequence

import numpy as np

from shared.media.dips import HALF_LENGTHS, find_dips, variances
from shared.media.frames import Sample, split

_LUMA_GRID, _CHROMA_GRID = (18, 32), (9, 16)
LUMA_CELLS = _LUMA_GRID[0] * _LUMA_GRID[1]
_CELLS = LUMA_CELLS + 2 * _CHROMA_GRID[0] * _CHROMA_GRID[1]
# Half lengths tried, in seconds: dissolves of half a second to a second, and the middle of longer ones.
LONGEST_HALF_SECONDS = 0.54
_HALF_LENGTHS = (0.25, 0.375, LONGEST_HALF_SECONDS)
_LEAST_CHANGE = 14.0  # mean difference of the ends, in levels of 255
_MOST_RESIDUE = 0.25  # how far the middle may be from a straight mix, as a part of that difference
_MOST_CORRELATION = 0.8  # ends more alike than this show the same scene
_MOVED_MARGIN = 0.15
_LEAST_CONTENT = 0.4  # part of the change that has to be more than the whole picture growing lighter or darker
FLAT = 4.0  # spread of a picture without content
_FLASH_SECONDS = 0.3
_BLOCK = 128
DARK, LIT_ABOVE_DARK = 24.0, 16.0


def grids_of(flats: np.ndarray, shapes: tuple[tuple[int, int], ...]) -> np.ndarray:
    """For each picture of a stack a float32 vector averaged over a coarse grid: luma first, then chroma."""
    y, u, v = split(flats, shapes)
    return np.concatenate((_pool(y, _LUMA_GRID), _pool(u, _CHROMA_GRID), _pool(v, _CHROMA_GRID)), axis=1)


def _pool(planes: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    rows, columns = grid
    count, height, width = planes.shape
    down, across = height // rows, width // columns
    if down < 1 or across < 1:
        y, x = np.arange(rows) * height // rows, np.arange(columns) * width // columns
        return planes[:, y][:, :, x].astype(np.float32).reshape(count, -1)
    cropped = planes[:, : rows * down, : columns * across].reshape(count, rows, down, columns * across)
    summed = np.add.reduce(cropped, axis=2, dtype=np.uint16)
    cells = np.add.reduce(summed.reshape(count, rows, columns, across), axis=3, dtype=np.uint32)
    return cells.astype(np.float32).reshape(count, -1) / (down * across)


class BlendTrace:
    """Tells of each picture whether it is the middle of a dissolve, looking half a second either way.

    Pictures are given one by one and only the last few hundred coarse grids are kept. After finish(),
    `middles` and `flashes` are numbers of pictures, `brightness` and `spread` tell of every picture's luma.
    """

    def __init__(self, frame_rate: float) -> None:
        rate = min(max(frame_rate, 5.0), 120.0)
        self._reaches = sorted({max(2, round(half * rate)) for half in _HALF_LENGTHS})
        self._flash_reach = max(2, round(_FLASH_SECONDS * rate))
        self._dip_reaches = sorted({max(3, round(half * rate)) for half in HALF_LENGTHS})
        self._margin = max(self._reaches[-1], self._flash_reach, self._dip_reaches[-1] + 1) + 1
        self.dips: list[tuple[int, int]] = []  # middle and reach
        self._grids = np.zeros((0, _CELLS), np.float32)
        self._first = 0  # number of the picture whose grid is at the head of the array
        self._waiting: list[np.ndarray] = []
        self._shapes: tuple[tuple[int, int], ...] = ()
        self._done = 0
        self._peaks: list[tuple[int, float]] = []
        self.middles: list[int] = []
        self._luma: list[np.ndarray] = []  # mean and spread of each picture's luma
        self.brightness = np.zeros(0)
        self.spread = np.zeros(0)
        self.flashes: set[int] = set()

    def add(self, sample: Sample, peak: float | None) -> None:
        """`peak` is the change from the picture before, where it is big enough to be a cut."""
        if sample.shapes != self._shapes:
            self._take_in()
            self._shapes = sample.shapes
        if peak is not None:
            self._peaks.append((self._first + len(self._grids) + len(self._waiting), peak))
        self._waiting.append(sample.flat)
        if len(self._waiting) >= _BLOCK:
            self._take_in()
            self._scan(last=False)

    def finish(self) -> None:
        self._take_in()
        if len(self._grids):
            self._scan(last=True)
            self.brightness, self.spread = np.concatenate(self._luma, axis=1)

    def _take_in(self) -> None:
        if not self._waiting:
            return
        grids = grids_of(np.stack(self._waiting), self._shapes)
        self._waiting.clear()
        self._grids = np.concatenate((self._grids, grids))
        luma = grids[:, :LUMA_CELLS]
        self._luma.append(np.stack((luma.mean(axis=1), luma.std(axis=1))))

    def _scan(self, *, last: bool) -> None:
        grids = self._grids
        end = self._first + len(grids) - (0 if last else self._margin)
        for reach in self._reaches:
            self._find_middles(grids, reach, end)
        self._find_dips(grids, end)
        remaining = []
        for number, peak in self._peaks:
            if number >= end:
                remaining.append((number, peak))
            elif self._returns(grids, number - self._first, peak):
                self.flashes.add(number)
        self._peaks = remaining
        self._done = end
        drop = max(0, end - self._margin - self._first)
        self._grids = grids[drop:]
        self._first += drop

    def _find_middles(self, grids: np.ndarray, reach: int, end: int) -> None:
        low = max(self._done - self._first, reach)
        high = min(end - self._first, len(grids) - reach)
        if low >= high:
            return
        before, after = grids[low - reach : high - reach], grids[low + reach : high + reach]
        change = np.abs(after - before).mean(axis=1)
        half = reach // 2
        share = half / reach / 2  # how far the picture half way out is from the middle one
        for at in np.flatnonzero(change >= _LEAST_CHANGE):
            middle = low + int(at)
            a, b = before[at], after[at]
            residues = [
                float(np.abs(grids[middle + step] - ((1 - part) * a + part * b)).mean() / change[at])
                for step, part in ((0, 0.5), (-half, 0.5 - share), (half, 0.5 + share))
            ]
            if max(residues) < _MOST_RESIDUE and not _same_content(a, b, residues[0]):
                self.middles.append(self._first + middle)

    def _find_dips(self, grids: np.ndarray, end: int) -> None:
        spread = variances(grids[:, :LUMA_CELLS], _LUMA_GRID)
        for reach in self._dip_reaches:
            found = find_dips(grids, LUMA_CELLS, spread, reach, self._done - self._first, end - self._first)
            self.dips += [(self._first + number, reach) for number in found]

    def _returns(self, grids: np.ndarray, at: int, peak: float) -> bool:
        """Is the picture before the peak soon seen again: a flash of light, not a cut?"""
        if at == 0:
            return False
        later = grids[at + 1 : at + 1 + self._flash_reach]
        if len(later) == 0:
            return False
        jump = float(np.abs(grids[at] - grids[at - 1]).mean())
        back = float(np.abs(later - grids[at - 1]).mean(axis=1).min())
        return back < 0.35 * jump


def _same_content(a: np.ndarray, b: np.ndarray, residue: float) -> bool:
    """Is it one scene, passed over slowly or seen at another exposure? Never if an end is an empty picture.

    A camera moving over soft shapes also gives nearly straight mixes. For a wave moved by an angle to either
    side, the middle misses the mix by tan(angle / 2) / 2 of the change and the ends correlate by
    cos(2 angle): what has this little residue and yet less in common is a mix of two pictures.
    """
    a, b = a[:LUMA_CELLS], b[:LUMA_CELLS]
    x, y = a - a.mean(), b - b.mean()
    if min(x.std(), y.std()) < FLAT:
        return False
    correlation = float((x * y).mean() / (x.std() * y.std()))
    moved = math.cos(4 * math.atan(2 * residue)) - _MOVED_MARGIN
    content = float(np.abs(x - y).mean() / max(np.abs(a - b).mean(), 1.0))
    return correlation > min(_MOST_CORRELATION, moved) or content < _LEAST_CONTENT


def dissolves(middles: Sequence[int], shortest_run: int) -> list[int]:
    """The centre picture of each run of middles; runs bridge gaps of a few pictures."""
    centres = []
    run: list[int] = []
    for number in [*sorted(set(middles)), None]:
        if run and (number is None or number - run[-1] > 3):
            if len(run) >= shortest_run:
                centres.append(run[len(run) // 2])
            run = []
        if number is not None:
            run.append(number)
    return centres


def fades(brightness: np.ndarray, reach: int) -> list[int]:
    """The middle picture of each dark stretch that has clearly lighter pictures within `reach` on both sides."""
    dark = np.flatnonzero(brightness < DARK)
    if len(dark) == 0:
        return []
    found = []
    for stretch in np.split(dark, np.flatnonzero(np.diff(dark) > 1) + 1):
        first, last = int(stretch[0]), int(stretch[-1])
        level = float(brightness[first : last + 1].min())
        before, after = brightness[max(0, first - reach) : first], brightness[last + 1 : last + 1 + reach]
        if len(before) and len(after) and min(before.max(), after.max()) > level + LIT_ABOVE_DARK:
            found.append((first + last + 1) // 2)
    return found
