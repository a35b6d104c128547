"""A stretch of media as a small file of its own, for models that take bytes and not addresses."""

import io
from fractions import Fraction
from typing import Any, BinaryIO

import av

from shared.media.audio import audio_span
from shared.media.opener import Container, open_media
from shared.media.pictures import open_image, thumbnail, upright_picture

SIDE = 640
FRAMES_A_SECOND = 8
MAX_BYTES = 14 * 1024 * 1024
_BITS_A_SECOND = 900_000
_AUDIO_BITS = 64_000
_RATE = 16_000


class ClipTooLong(ValueError):
    """The stretch does not fit into one request, however small its pictures are made."""


def picture_clip(source: BinaryIO) -> tuple[bytes, str]:
    """A picture as JPEG of at most 1280 pixels, and its type."""
    return thumbnail(open_image(source), 1280), "image/jpeg"


def sound_clip(source: BinaryIO, start: float, end: float) -> tuple[bytes, str]:
    """The sound of a stretch as 16 kHz WAV, and its type."""
    return _checked(audio_span(source, start, end)), "audio/wav"


def film_clip(open_source: Any, start: float, end: float) -> tuple[bytes, str]:
    """Pictures and sound of a stretch as a small MP4 that begins at its own second 0, and its type."""
    seconds = max(end - start, 0.1)
    bits = min(_BITS_A_SECOND, int(MAX_BYTES * 7 / seconds) - _AUDIO_BITS)
    if bits < 50_000:
        raise ClipTooLong(f"a stretch of {seconds:.0f} s is too long to be passed on; use shorter segments")
    out = io.BytesIO()
    with open_media(open_source()) as container, av.open(out, "w", format="mp4") as target:
        audio: Any = target.add_stream("aac", rate=_RATE, layout="mono") if container.audio is not None else None
        _write_pictures(container, target, start, end, bits)
        if audio is not None:
            _write_sound(target, audio, audio_span(open_source(), start, end)[44:])
    return _checked(out.getvalue()), "video/mp4"


def _checked(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise ClipTooLong("the stretch is too large to be passed on; use shorter segments")
    return data


def _write_pictures(container: Container, target: Any, start: float, end: float, bits: int) -> None:
    video: Any = None
    container.seek(start)
    next_at = start
    for frame in container.frames(container.video):  # type: ignore[arg-type]
        at = container.time_of(frame)
        if at is None or at < next_at - 1e-3:
            continue
        if at >= end:
            break
        image = upright_picture(frame, SIDE)
        image = image.crop((0, 0, max(2, image.width // 2 * 2), max(2, image.height // 2 * 2)))
        if video is None:
            video = target.add_stream("libx264", rate=FRAMES_A_SECOND, options={"preset": "veryfast"})
            video.width, video.height, video.pix_fmt, video.bit_rate = image.width, image.height, "yuv420p", bits
        picture = av.VideoFrame.from_image(image)
        place = int((at - start) * FRAMES_A_SECOND + 1e-6)
        picture.time_base, picture.pts = Fraction(1, FRAMES_A_SECOND), place
        target.mux(video.encode(picture))
        next_at = start + (place + 1) / FRAMES_A_SECOND
    if video is not None:
        target.mux(video.encode(None))


def _write_sound(target: Any, audio: Any, pcm: bytes) -> None:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=_RATE, frame_size=1024)
    for begin in range(0, len(pcm) // 2 * 2, 32_000):
        piece = pcm[begin : begin + 32_000]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
        frame.sample_rate, frame.pts = _RATE, begin // 2
        frame.planes[0].update(piece.ljust(frame.planes[0].buffer_size, b"\0"))
        for ready in resampler.resample(frame):
            target.mux(audio.encode(ready))
    for ready in resampler.resample(None):
        target.mux(audio.encode(ready))
    target.mux(audio.encode(None))
