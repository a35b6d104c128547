"""Looks at a stretch of film or at a picture: a few sharp frames, their words and colours, and how much moves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from emulators.vertex.generate import colours
from emulators.vertex.generate.evidence import Line, Look
from emulators.vertex.generate.movement import movement
from emulators.vertex.generate.reading import Reader, without_repeats
from shared.media.opener import Container, open_media
from shared.media.pictures import open_image, sharpness, upright_picture

# Up to this many seconds every frame is decoded; beyond it key frames stand for the stretch, which is far cheaper.
WHOLE_SECONDS = 6.0
MOTION_STEP = 0.2
MOTION_WINDOW = 1.0
MAX_CANDIDATES = 12
MAX_STEPS = 300
# Key frames further apart than this on average would miss too much of what happens between them.
MAX_GAP = 3.0
MAX_READ = 3
READ_SIDE = 1280
CELLS = (64, 36)


@dataclass
class Candidate:
    """A moment of the film: its luma in a coarse and a finer grid, and the frame itself where it may be looked at closely."""

    at: float
    frame: Any
    cells: np.ndarray
    sharpness: float
    grey: np.ndarray


def look_at_image(source: BinaryIO, reader: Reader) -> Look:
    image = open_image(source)
    size = image.size
    image.thumbnail((READ_SIDE, READ_SIDE))
    return _look([(0.0, image)], reader.read(image, 0.0), size, moving=False)


def look_at_film(source: BinaryIO, start: float, end: float, reader: Reader) -> Look | None:
    """What [start, end) shows, in seconds; None where the file has no pictures."""
    with open_media(source) as container:
        if container.video is None:
            return None
        candidates, moves = _sample(container, start, end)
        if not candidates:
            return None
        chosen = [(c.at, upright_picture(c.frame, READ_SIDE)) for c in _worth_reading(candidates)]
    lines = reader.read_moments(chosen)
    frame = candidates[0].frame
    turned = frame.rotation % 180 != 0
    size = (frame.height, frame.width) if turned else (frame.width, frame.height)
    return replace(_look(chosen, lines, size, moving=True), motion=moves.share, shots=moves.shots, movement=moves.camera)


def _look(
    pictures: list[tuple[float, Image.Image]],
    lines: list[Line],
    size: tuple[int, int],
    *,
    moving: bool,
) -> Look:
    small = np.concatenate([np.asarray(image.resize((64, 36))).reshape(-1, 3) for _, image in pictures])
    luma = small @ np.array([0.299, 0.587, 0.114])
    return Look(
        width=size[0],
        height=size[1],
        moving_picture=moving,
        lines=without_repeats(lines),
        colours=tuple(colours.shares(small)),
        brightness=round(float(luma.mean()) / 255, 3),
        saturation=round(colours.saturation(small), 3),
        sharpness=round(max(_sharpness(image) for _, image in pictures), 1),
    )


def _sharpness(image: Image.Image) -> float:
    """Fine detail, measured at one size for all, in squared levels: below `SOFT` a picture looks blurred."""
    small = np.asarray(image.convert("L").resize((320, max(8, 320 * image.height // image.width)))).astype(np.float32)
    return sharpness(small)


@dataclass(frozen=True)
class Moves:
    """The share of the picture that moves, how the camera does, and the number of shots; None where it could not be told."""

    share: float | None
    camera: str | None
    shots: int | None

    @classmethod
    def of(cls, walk: list[Candidate], *, whole: bool) -> "Moves":
        share = _moving_share(walk)
        shots = _shots(walk) if whole else None
        camera = movement([c.grey for c in walk], [c.at for c in walk])
        return cls(None if share is None else round(share, 3), camera, shots)


def _sample(container: Container, start: float, end: float) -> tuple[list[Candidate], Moves]:
    """Frames to choose from, and what moves between them; shots are counted where every frame was seen."""
    apart = (end - start) / MAX_CANDIDATES
    if end - start > WHOLE_SECONDS:
        keys = _key_frames(container, start, end, apart)
        if len(keys) >= (end - start) / MAX_GAP:
            middle = keys[len(keys) // 2].at
            window = list(_walk(container, middle, min(end, middle + MOTION_WINDOW), MOTION_STEP, apart))
            return [c for c in keys if c.frame is not None], Moves.of(window, whole=False)
    walk = list(_walk(container, start, end, max(MOTION_STEP, (end - start) / MAX_STEPS), apart))
    return [c for c in walk if c.frame is not None], Moves.of(walk, whole=True)


def _key_frames(container: Container, start: float, end: float, apart: float) -> list[Candidate]:
    assert container.video is not None and container.video.codec_context is not None
    container.video.codec_context.skip_frame = "NONKEY"
    try:
        return list(_walk(container, start, end, (end - start) / MAX_STEPS, apart))
    finally:
        container.video.codec_context.skip_frame = "DEFAULT"


def _walk(container: Container, start: float, end: float, step: float, apart: float) -> Iterator[Candidate]:
    """What is shown in the stretch, at least `step` seconds apart; if nothing begins in it, what is still showing.

    Pictures themselves are kept only `apart` seconds from each other, so that a long stretch cannot fill the memory.
    """
    container.seek(start)
    showing = None
    next_at = next_kept = start
    seen = False
    for frame in container.frames(container.video):
        at = container.time_of(frame)
        if at is None or at < start - 1e-3:
            showing = frame
            continue
        if at >= end - 1e-3:
            break
        if at >= next_at - 1e-3:
            seen, next_at = True, at + step
            kept = at >= next_kept - 1e-3
            next_kept = at + apart if kept else next_kept
            yield _candidate(frame, at, kept)
    if not seen and showing is not None:
        yield _candidate(showing, start, True)


def _candidate(frame: Any, at: float, kept: bool) -> Candidate:
    grid = frame.reformat(width=CELLS[0] * 4, height=CELLS[1] * 4, format="gray").to_ndarray().astype(np.float32)
    cells = grid.reshape(CELLS[1], 4, CELLS[0], 4).mean(axis=(1, 3))
    bend = 2 * grid[:, 1:-1] - grid[:, :-2] - grid[:, 2:]
    return Candidate(at, frame if kept else None, cells, float(bend.var()), grid[::2, ::2].copy())


def _changes(walk: list[Candidate]) -> list[tuple[float, float]]:
    """For each step: mean change in levels, and the share of cells that changed visibly."""
    pairs = pairwise(walk)
    changes = [np.abs(b.cells - a.cells) for a, b in pairs]
    return [(float(change.mean()), float((change > 8).mean())) for change in changes]


def _is_cut(mean: float, others: float) -> bool:
    return mean > 24 and mean > 2.5 * others


def _shots(walk: list[Candidate]) -> int:
    means = [mean for mean, _ in _changes(walk)]
    usual = float(np.median(means)) if means else 0.0
    return 1 + sum(_is_cut(mean, usual) for mean in means)


def _moving_share(walk: list[Candidate]) -> float | None:
    """How much of the picture changes within a fifth of a second, cuts aside; None for a single frame."""
    changes = _changes(walk)
    if not changes:
        return None
    usual = float(np.median([mean for mean, _ in changes]))
    return float(np.mean([share for mean, share in changes if not _is_cut(mean, usual)] or [0.0]))


def _worth_reading(candidates: list[Candidate]) -> list[Candidate]:
    """The sharpest frame of each third, without those that show what was already chosen."""
    chosen: list[Candidate] = []
    for third in np.array_split(np.arange(len(candidates)), min(MAX_READ, len(candidates))):
        best = max((candidates[i] for i in third), key=lambda c: c.sharpness)
        if all((np.abs(best.cells - seen.cells) > 16).mean() > 0.004 for seen in chosen):
            chosen.append(best)
    return chosen
