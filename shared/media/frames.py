"""One decode pass over the pictures of a film, each seen as small Y, U and V planes taken without scaling."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import av
import numpy as np

from shared.media.opener import Container, UnreadableMedia

# Samples across the longer side. Plain striding, not averaging: the planes are read where the decoder
# left them, which costs a hundredth of a swscale pass and finds the same cuts.
SAMPLES_ACROSS = 128
_EIGHT_BIT = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p"}
_TEN_BIT_SHIFT = {"yuv420p10le": 2, "yuv422p10le": 2, "yuv444p10le": 2, "yuv420p12le": 4}
_ALPHA = {"yuva420p", "yuva422p", "yuva444p"}

LoopFilter = Literal["keep", "skip_unreferenced", "skip"]


@dataclass(frozen=True)
class Sample:
    """A picture at `time` seconds; `y`, `u`, `v` are small uint8 planes, `frame` the decoder's own picture.

    `flat` holds the three planes one after the other in one array.
    """

    time: float
    flat: np.ndarray
    shapes: tuple[tuple[int, int], ...]
    frame: av.VideoFrame

    @property
    def y(self) -> np.ndarray:
        return split(self.flat, self.shapes)[0]

    @property
    def u(self) -> np.ndarray:
        return split(self.flat, self.shapes)[1]

    @property
    def v(self) -> np.ndarray:
        return split(self.flat, self.shapes)[2]


def split(flat: np.ndarray, shapes: tuple[tuple[int, int], ...]) -> list[np.ndarray]:
    """The planes within one flat array, or within each row of a stack of them."""
    parts, at = [], 0
    for rows, columns in shapes:
        parts.append(flat[..., at : at + rows * columns].reshape(*flat.shape[:-1], rows, columns))
        at += rows * columns
    return parts


def samples(
    container: Container,
    *,
    loop_filter: LoopFilter = "keep",
    on_time: Callable[[float], None] | None = None,
) -> Iterator[Sample]:
    """Every decodable picture in the order it is shown, with strictly growing times.

    Skipping the loop filter saves a sixth of the decoding and leaves blocks visible in the pictures.
    """
    stream = container.video
    if stream is None:
        return
    context = stream.codec_context
    context.thread_type = "AUTO"
    if not context.is_open and loop_filter != "keep":
        level = "all" if loop_filter == "skip" else "noref"
        context.options = {**context.options, "skip_loop_filter": level}
    tick = float(stream.time_base) if stream.time_base is not None else 0.0
    usual = 1.0 / float(stream.average_rate) if stream.average_rate else 0.04
    latest = -usual
    for frame in container.frames(stream):
        time = None if frame.pts is None or not tick else frame.pts * tick - container.start
        if time is None or time <= latest:
            # Broken timestamps: go on at the film's own pace rather than lose the picture.
            time = latest + min(usual, 1e-3) if time is not None else latest + usual
        latest = time
        views = planes(frame)
        flat = np.concatenate([view.reshape(-1) for view in views])
        yield Sample(time, flat, tuple(view.shape for view in views), frame)
        if on_time is not None:
            on_time(time)


def planes(frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Small Y, U and V planes of one frame, whatever its pixel format."""
    name = frame.format.name
    if name in _EIGHT_BIT or name in _ALPHA:
        y, u, v = (_plane(frame, number) for number in range(3))
        return y, u, v
    shift = _TEN_BIT_SHIFT.get(name)
    if shift is not None:
        y, u, v = (_deep_plane(frame, number, shift) for number in range(3))
        return y, u, v
    try:
        scale = min(1.0, SAMPLES_ACROSS / max(frame.width, frame.height))
        small = frame.reformat(
            max(2, round(frame.width * scale)), max(2, round(frame.height * scale)), "yuv444p", interpolation="AREA"
        )
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableMedia("unsupported_media", f"Pictures stored as {name} cannot be read.") from error
    y, u, v = (_plane(small, number) for number in range(3))
    return y, u, v


def full_luma(frame: av.VideoFrame) -> np.ndarray | None:
    """The whole 8 bit Y plane without copying, or None where the frame has none."""
    if frame.format.name not in _EIGHT_BIT and frame.format.name not in _ALPHA:
        return None
    plane = frame.planes[0]
    return _bytes(plane).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def _bytes(plane: Any) -> np.ndarray:
    return np.frombuffer(plane, np.uint8)


def _plane(frame: av.VideoFrame, number: int) -> np.ndarray:
    plane = frame.planes[number]
    step = max(1, max(plane.width, plane.height) // SAMPLES_ACROSS)
    whole = _bytes(plane).reshape(-1, plane.line_size)
    return whole[step // 2 : plane.height : step, step // 2 : plane.width : step]


def _deep_plane(frame: av.VideoFrame, number: int, shift: int) -> np.ndarray:
    plane = frame.planes[number]
    step = max(1, max(plane.width, plane.height) // SAMPLES_ACROSS)
    whole = _bytes(plane).view(np.uint16).reshape(-1, plane.line_size // 2)
    return (whole[step // 2 : plane.height : step, step // 2 : plane.width : step] >> shift).astype(np.uint8)
