"""Reads words in pictures with the OCR model that comes inside the rapidocr package; nothing is downloaded."""

import gc
import queue
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from PIL import Image

from emulators.vertex.generate.evidence import Line

MIN_CONFIDENCE = 0.6
SAME = 0.85
SAME_PLACE = 0.6  # of the larger box
SAME_LOOK = 24.0  # mean difference in levels, of 255
_PATCH = (32, 8)


Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class _Seen:
    """Words that were recognised: where they stood, and what that place looked like in a coarse grid."""

    box: Box
    patch: np.ndarray

    def shows(self, pixels: np.ndarray, box: Box) -> bool:
        """Whether the same words stand in this picture's box: it covers the place, which looks as it did."""
        left, top = max(self.box[0], box[0]), max(self.box[1], box[1])
        right, bottom = min(self.box[2], box[2]), min(self.box[3], box[3])
        common = max(0, right - left) * max(0, bottom - top)
        if common < SAME_PLACE * max(_area(self.box), _area(box)):
            return False
        return float(np.abs(_patch(pixels, self.box) - self.patch).mean()) < SAME_LOOK


class Reader:
    """Up to `engines` OCR engines side by side, each loaded when first needed; `unload` gives their memory back.

    Each engine has one thread: two threads in one engine cost 1.6 times the work, which only pays on an idle machine.
    """

    def __init__(self, engines: int = 1) -> None:
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(max(1, engines)):
            self._free.put(None)  # a place for an engine that is not loaded yet

    def read(self, image: Image.Image, at: float) -> list[Line]:
        """The lines of text in an RGB picture, top to bottom."""
        return [line for _, line in self._recognise(_pixels(image), at)]

    def read_moments(self, pictures: Sequence[tuple[float, Image.Image]]) -> list[Line]:
        """The lines of several moments of one stretch.

        Finding where words stand costs about as much as recognising them: words that stay where they were are not recognised
        again, and after the first moment that adds none to what was seen the rest are not looked at.
        """
        seen: list[_Seen] = []
        lines: list[Line] = []
        for number, (at, image) in enumerate(pictures):
            pixels = _pixels(image)
            fresh = self._recognise(pixels, at) if number == 0 else self._recognise_new(pixels, at, seen)
            if number and not fresh:
                break
            seen += [_Seen(box, _patch(pixels, box)) for box, _ in fresh]
            lines += [line for _, line in fresh]
        return lines

    def _recognise(self, pixels: np.ndarray, at: float) -> list[tuple[Box, Line]]:
        found = self._ask(pixels)
        if found.txts is None or found.boxes is None or found.scores is None:
            return []
        said = zip(found.txts, found.scores, found.boxes, strict=True)
        return [(_around(corners), line) for text, score, corners in said if (line := _line(text, score, corners, pixels, at))]

    def _recognise_new(self, pixels: np.ndarray, at: float, seen: list["_Seen"]) -> list[tuple[Box, Line]]:
        boxes = self._ask(pixels, use_rec=False).boxes
        fresh = []
        for corners in [] if boxes is None else boxes:
            box = _around(corners)
            if any(known.shows(pixels, box) for known in seen):
                continue
            said = self._ask(np.ascontiguousarray(_cut(pixels, box)), use_det=False)
            if said.txts and (line := _line(said.txts[0], said.scores[0], corners, pixels, at)):
                fresh.append((box, line))
        return fresh

    def _ask(self, pixels: np.ndarray, *, use_det: bool = True, use_rec: bool = True) -> Any:
        """Every part is named in every call: an engine remembers what the last one left out."""
        engine = self._free.get()
        try:
            engine = engine or _load()
            return engine(pixels, use_det=use_det, use_cls=False, use_rec=use_rec)
        finally:
            self._free.put(engine)

    def unload(self) -> None:
        """Drops the engines that nobody uses at this moment."""
        places = 0
        with suppress(queue.Empty):
            while True:
                self._free.get_nowait()
                places += 1
        for _ in range(places):
            self._free.put(None)
        gc.collect()


def _box(corners: Any, size: tuple[int, int]) -> tuple[float, ...]:
    """Left, top, width and height of four corners, as shares of the picture."""
    points = np.clip(np.asarray(corners, dtype=float) / size, 0.0, 1.0)
    low, high = points.min(axis=0), points.max(axis=0)
    return tuple(round(float(value), 4) for value in (*low, *(high - low)))


def _pixels(image: Image.Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _line(text: str, score: float, corners: np.ndarray, pixels: np.ndarray, at: float) -> Line | None:
    """None for what is too doubtful or too short to be words."""
    if score < MIN_CONFIDENCE or sum(letter.isalnum() for letter in text) < 2:
        return None
    tall = (np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2
    height, width = pixels.shape[:2]
    where = _box(corners, (width, height))
    return Line(text.strip(), round(float(score), 3), round(float(tall) / height, 4), round(at, 3), where)


def _around(corners: np.ndarray) -> Box:
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    return max(0, int(left)), max(0, int(top)), int(right), int(bottom)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box[1] : box[3], box[0] : box[2]]


def _patch(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The box in grey on a small grid, so that a little grain or a shifted pixel makes no difference."""
    return np.asarray(Image.fromarray(_cut(pixels, box)).convert("L").resize(_PATCH), dtype=np.float32)


def _load() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "Det.limit_type": "max",
            "Det.limit_side_len": 640,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def without_repeats(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Each text once, where it was first seen, in its best reading."""
    kept: list[Line] = []
    for line in lines:
        for index, seen in enumerate(kept):
            if _alike(seen.text, line.text):
                if line.confidence > seen.confidence:
                    kept[index] = replace(line, height=max(line.height, seen.height), at=seen.at)
                break
        else:
            kept.append(line)
    return tuple(kept)


def _alike(one: str, other: str) -> bool:
    a, b = one.casefold().replace(" ", ""), other.casefold().replace(" ", "")
    if a == b:
        return True
    # Digits carry meaning: "Platform 3" and "Platform 4" are two texts, however alike they look.
    if [c for c in a if c.isdigit()] != [c for c in b if c.isdigit()] or min(len(a), len(b)) < 6:
        return False
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= SAME
