"""Tiny films, recordings and pictures with known shots, made on the spot."""

import io
from collections.abc import Sequence

import av
import numpy as np
from PIL import Image

RATE = 12
COLOURS = {"red": (200, 30, 30), "green": (30, 170, 60), "blue": (30, 60, 200), "grey": (120, 120, 120)}


def film(shots: Sequence[str], *, seconds_each: float = 5.0, tone: bool = False, size: tuple[int, int] = (160, 96)) -> bytes:
    """An MP4 whose shots are plain colours that drift a little, so that each looks unlike the next."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = size[0], size[1], "yuv420p"
        audio = container.add_stream("aac", rate=16000, layout="mono") if tone else None
        for number, name in enumerate(shots):
            for step in range(int(seconds_each * RATE)):
                picture = np.empty((size[1], size[0], 3), np.uint8)
                picture[:] = COLOURS[name]
                left = (number * 37 + step) % (size[0] - 20)
                picture[20:40, left : left + 20] = 255 - np.array(COLOURS[name], np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            _add_tone(container, audio, len(shots) * seconds_each)
    return target.getvalue()


def _add_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    samples = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16000)) / 16000)).astype(np.int16)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def picture(colour: str = "red") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (120, 80), COLOURS[colour]).save(target, "PNG")
    return target.getvalue()
