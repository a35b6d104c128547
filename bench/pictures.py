"""Pictures made by code: textured scenes that no two seeds share, what people do to frames, and text on screen."""

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SCENE = (640, 360)
_LINES = (
    "The quick brown fox jumps over the lazy dog",
    "Flight BA 2490 to Lisbon departs at 17:45",
    "Total revenue grew by 12.5 % in 2024",
    "Breaking news: bridge closed after storm",
    "Contact: press office, room 3816",
    "Next week: how glaciers shape our valleys",
)
# ink, ground; None is a textured scene, as captions lie over pictures
_STYLES = (("white", "black"), ("black", "white"), ("white", "navy"), ("yellow", "darkgreen"), ("white", None))


def scene(seed: int, size: tuple[int, int] = SCENE) -> np.ndarray:
    """An RGB picture: soft coloured ground, grain, and some shapes. Eight in a row are shots of one place: they share its ground
    and the colours of its shapes."""
    place, chance = np.random.default_rng(seed // 8), np.random.default_rng(1_000 + seed)
    width, height = size
    ground = place.integers(20, 236, (int(place.integers(2, 5)), int(place.integers(2, 6)), 3)).astype(np.float32)
    picture = cv2.resize(ground, size, interpolation=cv2.INTER_CUBIC)
    colours = place.integers(0, 256, (5, 3)).astype(float)
    for octave in range(2, 7):
        noise = chance.normal(0, 26 / octave**0.5, (height * 2**octave // 256 + 2, width * 2**octave // 256 + 2, 1))
        picture = picture + cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)[..., None] * chance.uniform(0.3, 1.2, 3)
    for _ in range(int(chance.integers(5, 14))):
        colour = tuple(chance.choice(colours))
        x, y = int(chance.integers(0, width)), int(chance.integers(0, height))
        long, short = (int(value) for value in chance.integers(10, height // 3, 2))
        if chance.random() < 0.5:
            cv2.ellipse(picture, (x, y), (long, short), float(chance.integers(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x, y), (x + long, y + short), colour, int(chance.choice([-1, 2, 5])), cv2.LINE_AA)
    return np.clip(picture, 0, 255).astype(np.uint8)


def jpeg(rgb: np.ndarray, quality: int = 90) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality)
    return out.getvalue()


def cropped(rgb: np.ndarray, share: float, *, towards: float = 0.5) -> np.ndarray:
    """`share` of each side; `towards` 0 keeps the top left corner, 1 the bottom right one."""
    height, width = rgb.shape[:2]
    top, left = round(height * (1 - share) * towards), round(width * (1 - share) * towards)
    return np.ascontiguousarray(rgb[top : top + round(height * share), left : left + round(width * share)])


def resized(rgb: np.ndarray, share: float) -> np.ndarray:
    height, width = rgb.shape[:2]
    return cv2.resize(rgb, (max(8, round(width * share)), max(8, round(height * share))), interpolation=cv2.INTER_AREA)


def squeezed(rgb: np.ndarray, across: float) -> np.ndarray:
    height, width = rgb.shape[:2]
    return cv2.resize(rgb, (round(width * across), height), interpolation=cv2.INTER_AREA)


PERTURBED: dict[str, Callable[[np.ndarray], bytes]] = {
    "cropped to 90 %": lambda rgb: jpeg(cropped(rgb, 0.9)),
    "cropped to 75 %, off centre": lambda rgb: jpeg(cropped(rgb, 0.75, towards=0.2)),
    "cropped to 60 %": lambda rgb: jpeg(cropped(rgb, 0.6)),
    "half the size": lambda rgb: jpeg(resized(rgb, 0.5)),
    "a quarter of the size": lambda rgb: jpeg(resized(rgb, 0.25)),
    "squeezed to 4:3": lambda rgb: jpeg(squeezed(rgb, 0.75)),
    "JPEG quality 30": lambda rgb: jpeg(rgb, 30),
    "JPEG quality 10": lambda rgb: jpeg(rgb, 10),
    "all three": lambda rgb: jpeg(resized(cropped(rgb, 0.8, towards=0.7), 0.5), 25),
}


def caption(size: tuple[int, int], letters: int, style: int, seed: int) -> tuple[Image.Image, list[str]]:
    """A picture with lines of text `letters` pixels high, and the lines."""
    ink, ground = _STYLES[style]
    image = Image.new("RGB", size, ground) if ground else Image.fromarray(scene(seed, size) // 2)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=letters)
    left, step = size[0] // 20, round(letters * 2.2)
    room = size[0] - 2 * left
    fitting = [line for line in _LINES if draw.textlength(line, font=font) <= room]
    lines = fitting[: max(1, (size[1] - 2 * step) // step)]
    for row, line in enumerate(lines):
        draw.text((left, step + row * step), line, font=font, fill=ink)
    return image, lines


STYLES = range(len(_STYLES))
