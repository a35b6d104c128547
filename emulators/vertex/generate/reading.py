"""Reads words in pictures with the OCR model that comes inside the rapidocr package; nothing is downloaded."""

import gc
import queue
from collections.abc import Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from PIL import Image

from emulators.vertex.generate.evidence import Line

MIN_CONFIDENCE = 0.6
SAME = 0.85


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
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        engine = self._free.get()
        try:
            engine = engine or _load()
            found = engine(pixels)
        finally:
            self._free.put(engine)
        if found.txts is None or found.boxes is None or found.scores is None:
            return []
        lines = []
        for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True):
            if score >= MIN_CONFIDENCE and sum(letter.isalnum() for letter in text) >= 2:
                tall = (np.linalg.norm(box[3] - box[0]) + np.linalg.norm(box[2] - box[1])) / 2
                share = float(tall) / image.height
                lines.append(Line(text.strip(), round(float(score), 3), round(share, 4), round(at, 3)))
        return lines

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
                    kept[index] = Line(line.text, line.confidence, max(line.height, seen.height), seen.at)
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
