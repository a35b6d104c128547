"""A sample film made by code: shots that differ in colour and motion, words to read and words to hear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demo.speech import NoVoice, voice

FRAMES_A_SECOND = 24
AUDIO_RATE = 44_100
_SHORTEST_SHOT = 4.0
_SILENCE_BEFORE, _SILENCE_AFTER = 0.4, 0.7


@dataclass(frozen=True)
class Scene:
    """What one shot shows and says; `colours` are its background's top and bottom, RGB."""

    title: str
    spoken: str
    colours: tuple[tuple[int, int, int], tuple[int, int, int]]
    movement: tuple[float, float]  # of the disc, in picture widths and heights per second


@dataclass(frozen=True)
class Shot:
    """A scene in its place; seconds from the start of the film."""

    scene: Scene
    start: float
    end: float


# Sentences that a small recogniser can follow in a machine's voice.
SCENES = (
    Scene(
        "HARBOR AT DAWN",
        "Early in the morning the sailors are leaving the water.",
        ((20, 40, 90), (240, 150, 90)),
        (0.16, 0.0),
    ),
    Scene(
        "CITY MARKET",
        "Fresh apples and oranges are selling for three dollars.",
        ((190, 60, 40), (250, 210, 120)),
        (-0.2, 0.05),
    ),
    Scene(
        "MOUNTAIN TRAIN",
        "In winter the travelers are looking at the mountains.",
        ((225, 235, 245), (90, 130, 170)),
        (0.3, -0.08),
    ),
    Scene(
        "SPACE STATION",
        "Two astronauts are looking down at the blue planet.",
        ((5, 5, 20), (40, 10, 70)),
        (0.05, 0.18),
    ),
    Scene(
        "SUMMER GARDEN",
        "Yellow flowers are growing in the beautiful garden.",
        ((70, 150, 60), (200, 220, 90)),
        (-0.1, -0.12),
    ),
)


def make_film(path: Path, size: tuple[int, int] = (960, 540), scenes: Sequence[Scene] = SCENES) -> list[Shot]:
    """Writes an mp4 of H.264 and AAC and answers where its shots are."""
    sounds = _sounds(scenes)
    shots, at = [], 0.0
    for scene, sound in zip(scenes, sounds, strict=True):
        # Whole frames, so that picture and sound end together and the next cut is exactly where it is said to be.
        length = np.ceil(max(_SHORTEST_SHOT, len(sound) / AUDIO_RATE) * FRAMES_A_SECOND) / FRAMES_A_SECOND
        shots.append(Shot(scene, round(at, 4), round(at + float(length), 4)))
        at += float(length)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        picture = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"preset": "veryfast", "crf": "23"})
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        picture.gop_size = FRAMES_A_SECOND * 2
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        for number, image in enumerate(_frames(shots, size)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        _write_sound(container, audio, _track(shots, sounds))
    return shots


def _frames(shots: Sequence[Shot], size: tuple[int, int]) -> Iterator[np.ndarray]:
    for shot in shots:
        still, disc = _still(shot.scene, size), _disc(size[1] // 7)
        for number in range(round((shot.end - shot.start) * FRAMES_A_SECOND)):
            yield _with_disc(still, disc, shot.scene, number / FRAMES_A_SECOND)


def _still(scene: Scene, size: tuple[int, int]) -> np.ndarray:
    """What does not move: the background, and the title on a dark band that keeps it readable over every colour."""
    top, bottom = (np.array(colour, np.float32) for colour in scene.colours)
    ramp = np.linspace(0, 1, size[1], dtype=np.float32)[:, None, None]
    colours = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (size[1], size[0], 3)).astype(np.uint8)
    image = Image.fromarray(colours)
    font = ImageFont.load_default(size=size[1] // 8)
    box = font.getbbox(scene.title)
    left, upper, margin = (size[0] - box[2]) // 2, int(size[1] * 0.66), size[1] // 24
    draw = ImageDraw.Draw(image)
    draw.rectangle((left - margin, upper - margin // 2, left + box[2] + margin, upper + box[3] + margin), fill=(12, 12, 12))
    draw.text((left, upper), scene.title, fill=(255, 255, 255), font=font)
    return np.asarray(image)


def _disc(radius: int) -> np.ndarray:
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return columns**2 + rows**2 <= radius**2


def _with_disc(still: np.ndarray, disc: np.ndarray, scene: Scene, seconds: float) -> np.ndarray:
    """The still picture with the disc where it has moved to, always above the title."""
    height, width, side = *still.shape[:2], len(disc)
    left = int(_bounced(0.3 + scene.movement[0] * seconds) * (width - side))
    upper = int(_bounced(0.3 + scene.movement[1] * seconds) * 0.3 * height)
    picture = still.copy()
    picture[upper : upper + side, left : left + side][disc] = np.array(scene.colours[0], np.uint8)[::-1]
    return picture


def _bounced(place: float) -> float:
    """Between 0 and 1: what leaves at one side comes back the way it went, for a jump would look like a cut."""
    return 1 - abs(1 - place % 2)


def _sounds(scenes: Sequence[Scene]) -> list[np.ndarray]:
    """One per scene: the spoken sentence between silences, or a tone of its own where nothing here can speak."""
    try:
        speaker = voice()
        return [_padded(_resampled(speaker.say(scene.spoken), speaker.rate)) for scene in scenes]
    except NoVoice:
        times = np.arange(int(AUDIO_RATE * 3)) / AUDIO_RATE
        return [_padded((np.sin(2 * np.pi * (220 + 110 * n) * times) * 6000).astype(np.int16)) for n in range(len(scenes))]


def _padded(sound: np.ndarray) -> np.ndarray:
    before, after = (np.zeros(int(AUDIO_RATE * seconds), np.int16) for seconds in (_SILENCE_BEFORE, _SILENCE_AFTER))
    return np.concatenate([before, sound, after])


def _resampled(sound: np.ndarray, rate: int) -> np.ndarray:
    times = np.arange(int(len(sound) * AUDIO_RATE / rate)) * rate / AUDIO_RATE
    return np.interp(times, np.arange(len(sound)), sound).astype(np.int16)


def _track(shots: Sequence[Shot], sounds: Sequence[np.ndarray]) -> np.ndarray:
    track = np.zeros(round(shots[-1].end * AUDIO_RATE), np.int16)
    for shot, sound in zip(shots, sounds, strict=True):
        start = round(shot.start * AUDIO_RATE)
        track[start : start + len(sound)] = sound[: len(track) - start]
    return track


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, track: np.ndarray) -> None:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=AUDIO_RATE, frame_size=1024)
    frame = av.AudioFrame.from_ndarray(track[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, 0, Fraction(1, AUDIO_RATE)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


if __name__ == "__main__":
    import sys

    make_film(Path(sys.argv[1]))
