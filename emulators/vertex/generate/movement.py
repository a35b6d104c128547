"""How the camera moves, told from how small grey pictures shift against each other."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

# Shares of the picture's width a second below which a shift is a tremble.
SLOW = 0.03
# How much of the picture must agree on a shift, as cv2.phaseCorrelate measures it.
AGREED = 0.12
# Of the steps that agree, how many must go the same way.
STEADY = 0.7
MIN_STEPS = 3
_FLAT = 3.0


def movement(pictures: Sequence[np.ndarray], times: Sequence[float]) -> str | None:
    """pan, tilt or zoom where most steps agree on it, static where hardly any shifts, else moving; None if there are too few.

    `pictures` are float32 grey pictures of one size, `times` their seconds.
    """
    steps = [
        shifts / max(b - a, 1e-3)
        for (before, after), (a, b) in zip(pairwise(pictures), pairwise(times), strict=True)
        if (shifts := _shifts(before, after)) is not None
    ]
    if len(steps) < MIN_STEPS:
        return None
    across, down, outwards = (np.array(values) for values in zip(*steps, strict=True))
    speeds = {"pan": across, "tilt": down, "zoom": outwards}
    name = max(speeds, key=lambda one: abs(float(np.median(speeds[one]))))
    speed = float(np.median(speeds[name]))
    if abs(speed) >= SLOW and float(np.mean(np.sign(speeds[name]) == np.sign(speed))) >= STEADY:
        return name
    return "static" if float(np.median(np.hypot(across, down))) < SLOW / 3 else "moving"


def _shifts(before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """Across, down and outwards, in shares of the width; None where the pictures have nothing in common, as at a cut."""
    if before.std() < _FLAT or after.std() < _FLAT:
        return None
    whole = _shift(before, after)
    height, width = before.shape
    top, bottom, left, right = (slice(0, height // 2), slice(height // 2, None), slice(0, width // 2), slice(width // 2, None))
    corners = ((top, left, (-1, -1)), (top, right, (1, -1)), (bottom, left, (-1, 1)), (bottom, right, (1, 1)))
    away = []
    for rows, columns, outwards in corners:
        shift = _shift(before[rows, columns], after[rows, columns])
        if shift is not None:
            away.append(float(shift @ np.array(outwards)) / 2)
    if whole is None and len(away) < 4:
        return None
    across, down = whole if whole is not None else (0.0, 0.0)
    return np.array([across, down, np.mean(away) if len(away) == 4 else 0.0]) / width


def _shift(before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    window = cv2.createHanningWindow(before.shape[::-1], cv2.CV_32F)
    shift, agreed = cv2.phaseCorrelate(np.ascontiguousarray(before), np.ascontiguousarray(after), window)
    return np.array(shift) if agreed >= AGREED else None
