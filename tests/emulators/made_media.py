"""Films, pictures and speech made for tests, so that what is in them is known."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demo.speech import voice

RATE = 16_000
FRAMES_A_SECOND = 10
SIZE = (640, 360)


@dataclass(frozen=True)
class Scene:
    """A still scene of a film: seconds it lasts, its colour, and lines of text on it."""

    seconds: float
    colour: str = "black"
    text: Sequence[str] = ()


def picture(colour: str, text: Sequence[str] = (), size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=size[1] // 8)
    for row, line in enumerate(text):
        draw.text((size[0] // 16, size[1] // 8 + row * size[1] // 4), line, font=font, fill="white")
    return image


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def film(
    scenes: Sequence[Scene],
    sound: np.ndarray | None = None,
    subtitles: Sequence[tuple[float, float, str]] = (),
) -> bytes:
    """A Matroska film of the scenes with the given 16 kHz sound and text track."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        video: Any = container.add_stream("mpeg4", rate=FRAMES_A_SECOND)
        video.width, video.height, video.pix_fmt, video.bit_rate = *SIZE, "yuv420p", 2_000_000
        audio: Any = container.add_stream("pcm_s16le", rate=RATE, layout="mono") if sound is not None else None
        track: Any = container.add_mux_stream("subrip") if subtitles else None
        for scene in scenes:
            image = picture(scene.colour, scene.text)
            for _ in range(round(scene.seconds * FRAMES_A_SECOND)):
                container.mux(video.encode(av.VideoFrame.from_image(image)))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            _write_sound(container, audio, sound)
        for start, end, line in subtitles:
            packet = av.Packet(line.encode())
            packet.stream = track
            packet.time_base = track.time_base
            packet.pts = packet.dts = round(start / track.time_base)
            packet.duration = round((end - start) / track.time_base)
            container.mux(packet)
    return out.getvalue()


def _write_sound(container: Any, audio: Any, sound: np.ndarray) -> None:
    for start in range(0, len(sound), 1600):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1600], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def wav(sound: np.ndarray) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as container:
        _write_sound(container, container.add_stream("pcm_s16le", rate=RATE, layout="mono"), sound)
    return out.getvalue()


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.int16)


def tone(seconds: float, hertz: float = 440.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


@cache
def spoken(words: str) -> np.ndarray:
    """The words in a synthetic English voice, slow enough to be understood."""
    speaker = voice()
    said = speaker.say(words, words_a_minute=130).astype(np.float32)
    at = np.arange(int(len(said) * RATE / speaker.rate)) * speaker.rate / RATE
    return np.interp(at, np.arange(len(said)), said).astype(np.int16)
