"""Films of textured, moving pictures whose cuts, dissolves and fades are known to the picture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

RATE = 25
SIZE = (320, 180)
_WORLD = (960, 540)


@dataclass(frozen=True)
class Change:
    """A change of shot, from the last picture of the old shot alone to the first of the new one alone."""

    first: int
    last: int
    kind: str


class Shot:
    """A camera moving over a textured world with things moving in front of it."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._world = _texture(random)
        self._speed = random.uniform(-3.0, 3.0, 2)
        self._start = np.array([random.uniform(0.3, 0.7) * (w - s) for w, s in zip(_WORLD, SIZE, strict=True)])
        self._zoom = random.uniform(-0.002, 0.002)
        self._noise = np.random.default_rng(seed + 1)
        self._things = [
            (random.uniform(0, 1, 2) * SIZE, random.uniform(-5, 5, 2), random.integers(16, 50, 2), random.integers(0, 256, 3))
            for _ in range(int(random.integers(0, 4)))
        ]

    def picture(self, moment: int) -> np.ndarray:
        scale = float(np.clip(1.0 + self._zoom * moment, 0.6, 1.6))
        width, height = (round(side * scale) for side in SIZE)
        left, top = (
            round(_there_and_back(float(at + speed * moment), world - side))
            for at, speed, world, side in zip(self._start, self._speed, _WORLD, (width, height), strict=True)
        )
        seen = Image.fromarray(self._world[top : top + height, left : left + width]).resize(SIZE, Image.Resampling.BILINEAR)
        picture = np.asarray(seen).astype(np.int16)
        for at, speed, size, colour in self._things:
            x, y = (round(_there_and_back(float(a + s * moment), side)) for a, s, side in zip(at, speed, SIZE, strict=True))
            picture[y : y + size[1], x : x + size[0]] = colour
        picture = picture + self._noise.integers(-5, 6, picture.shape, dtype=np.int16)
        return np.clip(picture, 0, 255).astype(np.uint8)


def _there_and_back(place: float, most: float) -> float:
    most = max(1.0, most)
    return most - abs(place % (2 * most) - most)


def _texture(random: np.random.Generator) -> np.ndarray:
    """Noise of several finenesses in a palette of its own."""
    width, height = _WORLD
    total = np.zeros((height, width, 3), np.float32)
    for fineness, weight in ((4, 1.0), (12, 0.6), (40, 0.4), (160, 0.25)):
        coarse = random.uniform(0, 255, (max(2, fineness * height // width), fineness, 3)).astype(np.uint8)
        total += weight * np.asarray(Image.fromarray(coarse).resize(_WORLD, Image.Resampling.BICUBIC), np.float32)
    total = (total - total.mean()) / total.std()
    colour, contrast = random.uniform(60, 190, 3), random.uniform(25, 60, 3)
    return np.clip(total * contrast + colour, 0, 255).astype(np.uint8)


def textured_film(seed: int, shots: int, kinds: tuple[str, ...]) -> tuple[list[np.ndarray], list[Change]]:
    """The pictures of a film of that many shots, and where they change."""
    random = np.random.default_rng(seed)
    pictures: list[np.ndarray] = []
    changes: list[Change] = []
    before = Shot(seed * 1000)
    moment = 0
    for number in range(shots):
        for _ in range(int(random.integers(30, 80))):
            pictures.append(before.picture(moment))
            moment += 1
        if number + 1 == shots:
            break
        after = Shot(seed * 1000 + 10 * (number + 1))
        kind = str(random.choice(kinds))
        first = len(pictures) - 1
        made = list(_transition(kind, before, moment, after, random))
        pictures += made
        changes.append(Change(first, len(pictures), kind))
        before, moment = after, len(made)
    return pictures, changes


def _transition(kind: str, before: Shot, moment: int, after: Shot, random: np.random.Generator) -> Iterator[np.ndarray]:
    if kind == "dissolve":
        length = int(random.integers(12, 30))
        for step in range(length):
            share = (step + 1) / (length + 1)
            yield _mixed(before.picture(moment + step), after.picture(step), share)
    elif kind == "fade":
        out, dark, into = (int(random.integers(low, high)) for low, high in ((8, 20), (1, 8), (8, 20)))
        black = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for step in range(out):
            yield _mixed(before.picture(moment + step), black, (step + 1) / out)
        for _ in range(dark):
            yield black
        for step in range(into):
            yield _mixed(black, after.picture(out + dark + step), (step + 1) / into)


def _mixed(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    return (one * (1 - share) + other * share).astype(np.uint8)
