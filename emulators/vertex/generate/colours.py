"""The names of colours, as most people would say them, and how much of a picture each takes."""

import numpy as np

NAMES = ("black", "white", "grey", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown")
# Upper hue bound in degrees of each name round the wheel; red closes the circle.
_HUES = ((14, "red"), (42, "orange"), (68, "yellow"), (165, "green"), (195, "cyan"), (260, "blue"), (295, "purple"))
MIN_SHARE = 0.08


def shares(rgb: np.ndarray) -> list[tuple[str, float]]:
    """Colour names of an (…, 3) picture of bytes with their share of the area, largest first; specks left out."""
    pixels = rgb.reshape(-1, 3).astype(np.float32) / 255
    counts = np.bincount(_indices(pixels), minlength=len(NAMES)) / max(1, len(pixels))
    order = np.argsort(-counts, kind="stable")
    return [(NAMES[i], round(float(counts[i]), 3)) for i in order if counts[i] >= MIN_SHARE]


def saturation(rgb: np.ndarray) -> float:
    """Mean colourfulness from 0 (greys only) to 1."""
    pixels = rgb.reshape(-1, 3).astype(np.float32)
    return float(np.mean(np.ptp(pixels, axis=1)) / 255)


def _indices(pixels: np.ndarray) -> np.ndarray:
    high, low = pixels.max(axis=1), pixels.min(axis=1)
    chroma = high - low
    hue = _hue(pixels, high, chroma)
    named = np.full(len(pixels), NAMES.index("pink"))
    for bound, name in reversed(_HUES):
        named[hue < bound] = NAMES.index(name)
    named[hue >= 345] = NAMES.index("red")
    warm_dark = (hue >= 14) & (hue < 50) & (high < 0.6)
    named[warm_dark] = NAMES.index("brown")
    dull = chroma < 0.12
    named[dull] = NAMES.index("grey")
    named[dull & (high > 0.82)] = NAMES.index("white")
    named[high < 0.16] = NAMES.index("black")
    return named


def _hue(pixels: np.ndarray, high: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    red, green, blue = pixels[:, 0], pixels[:, 1], pixels[:, 2]
    safe = np.where(chroma == 0, 1, chroma)
    hue = np.where(
        high == red,
        ((green - blue) / safe) % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return hue * 60
