"""Dissolves between moving pictures, by contrast: two pictures laid over each other have less of it than either alone.

In a mix of shares (1 - a) and a of two unrelated pictures the variance is (1 - a)^2 A + a^2 B: it sinks along a parabola to the
half in the middle, in all parts of the picture at once. Movement within the shots does not disturb that, as it does a comparison
of pictures; and what moves through a shot dims the parts of the picture one after the other.
"""

import numpy as np

HALF_LENGTHS = (0.25, 0.375, 0.54, 0.75)  # seconds from the middle to either end
_BLOCKS = (3, 4)
_LEAST_VARIANCE = 16.0  # a part of the picture with less shows nothing that could sink
_LEAST_PARTS = 4
_LEAST_DIP = 0.42  # how far the middle is below the mean of the ends, as a part of it; 0.5 if they are unrelated
_LEAST_CHANGE = 14.0  # mean difference of the ends, in levels of 255
_MOST_CORRELATION = 0.5
_MOST_RESIDUE = 0.22  # how far the curve is from the parabola at its quarters, as a part of the ends' mean
_PART_SINKS, _PARTS_SINKING = 0.8, 0.7


def variances(luma: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """For each picture of a stack of coarse luma grids the variance within each part of it."""
    rows, columns = (side // parts for side, parts in zip(grid, _BLOCKS, strict=True))
    parts = luma.reshape(len(luma), _BLOCKS[0], rows, _BLOCKS[1], columns)
    return parts.var(axis=(2, 4)).reshape(len(luma), -1)


def find_dips(grids: np.ndarray, luma_cells: int, spread: np.ndarray, reach: int, low: int, high: int) -> list[int]:
    """Which of the pictures from `low` to `high` are middles of a dissolve that reaches so many pictures to either side.

    `grids` are coarse pictures, luma first; `spread` are their variances by part.
    """
    low, high = max(low, reach + 1), min(high, len(grids) - reach - 1)
    if low >= high:
        return []
    # Over three pictures each, so that one noisy picture decides nothing.
    smooth = (spread[:-2] + spread[1:-1] + spread[2:]) / 3
    middle, before, after = (smooth[low - 1 + by : high - 1 + by] for by in (0, -reach, reach))
    ends = (before + after) / 2
    lively = ends > _LEAST_VARIANCE
    strength = np.maximum((ends * lively).sum(axis=1), 1e-6)
    sinks = (middle * lively).sum(axis=1) / strength <= 1 - _LEAST_DIP
    parts = np.maximum(lively.sum(axis=1), 1)
    sinking = ((middle < _PART_SINKS * ends) & lively).sum(axis=1) / parts
    likely = sinks & (lively.sum(axis=1) >= _LEAST_PARTS) & (sinking >= _PARTS_SINKING)
    found = []
    for at in np.flatnonzero(likely):
        number = low + int(at)
        if _parabola(smooth, number, reach, lively[at], strength[at]) and _unlike(grids, luma_cells, number, reach):
            found.append(number)
    return found


def _parabola(smooth: np.ndarray, number: int, reach: int, lively: np.ndarray, strength: float) -> bool:
    before, middle, after = (smooth[number - 1 + by][lively] for by in (-reach, 0, reach))
    shared = 2 * middle - (before + after) / 2  # what the two pictures have in common, told by the middle
    quarter = reach // 2
    for side in (-1, 1):
        share = 0.5 + side * quarter / reach / 2
        expected = (1 - share) ** 2 * before + share**2 * after + 2 * share * (1 - share) * shared
        if abs(expected.sum() - smooth[number - 1 + side * quarter][lively].sum()) > _MOST_RESIDUE * strength:
            return False
    return True


def _unlike(grids: np.ndarray, luma_cells: int, number: int, reach: int) -> bool:
    before, after = grids[number - reach], grids[number + reach]
    if float(np.abs(after - before).mean()) < _LEAST_CHANGE:
        return False
    x, y = before[:luma_cells] - before[:luma_cells].mean(), after[:luma_cells] - after[:luma_cells].mean()
    return float((x * y).mean()) <= _MOST_CORRELATION * max(1e-6, float(x.std() * y.std()))
