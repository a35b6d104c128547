"""Reads words in pictures with the OCR model that comes inside the rapidocr package; nothing is downloaded."""

import gc
import os
import threading
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from PIL import Image

from emulators.vertex.generate.evidence import Line

MIN_CONFIDENCE = 0.6
SAME = 0.85


class Reader:
    """One OCR engine, loaded at first use and used by one caller at a time; `unload` gives its memory back."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or max(1, min(2, os.cpu_count() or 1))
        self._engine: Any = None
        self._lock = threading.Lock()

    def read(self, image: Image.Image, at: float) -> list[Line]:
        """The lines of text in an RGB picture, top to bottom."""
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            found = self._engine(pixels)
        if found.txts is None or found.boxes is None or found.scores is None:
            return []
        lines = []
        for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True):
            if score >= MIN_CONFIDENCE and sum(letter.isalnum() for letter in text) >= 2:
                tall = (np.linalg.norm(box[3] - box[0]) + np.linalg.norm(box[2] - box[1])) / 2
                lines.append(Line(text.strip(), round(float(score), 3), round(float(tall) / image.height, 4), round(at, 3)))
        return lines

    def _load(self) -> Any:
        from rapidocr import RapidOCR

        return RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.log_level": "critical",
                "Det.limit_type": "max",
                "Det.limit_side_len": 640,
                "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def unload(self) -> None:
        with self._lock:
            self._engine = None
        gc.collect()


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
