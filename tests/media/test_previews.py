"""The pictures that stand for a whole item show what is in it, when it is in it."""

import io

import numpy as np
import pytest
from PIL import Image

from shared.media.opener import UnreadableMedia
from shared.media.previews import MOST_TILES, TILE_SIDE, SpriteLayout, previews_of_film, previews_of_image
from tests.media.making import RATE, film, picture, recording, tone

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200)]


def coloured(seconds_each: float, size: tuple[int, int] = (160, 96)) -> list[np.ndarray]:
    return [np.full((size[1], size[0], 3), colour, np.uint8) for colour in COLOURS for _ in range(round(seconds_each * RATE))]


def tile(sheet: bytes, layout: SpriteLayout, number: int) -> np.ndarray:
    """The colour in the middle of a tile."""
    with Image.open(io.BytesIO(sheet)) as image:
        x = number % layout.columns * layout.tile_width + layout.tile_width // 2
        y = number // layout.columns * layout.tile_height + layout.tile_height // 2
        return np.array(image.getpixel((x, y)))


@pytest.mark.parametrize("keyframes", ["12", "250"])
def test_each_tile_shows_its_own_second_also_far_from_a_key_frame(keyframes: str) -> None:
    data = film(coloured(4.0), codec_options={"g": keyframes, "preset": "ultrafast"})
    made = previews_of_film(io.BytesIO(data), 20.0)
    assert made is not None and made.sprite is not None and made.layout is not None
    assert (made.layout.count, made.layout.interval) == (20, 1.0)
    for number in range(20):
        assert np.abs(tile(made.sprite, made.layout, number) - COLOURS[number // 4]).max() < 30, number


def test_a_gif_runs_through_the_whole_film() -> None:
    made = previews_of_film(io.BytesIO(film(coloured(2.0))), 10.0)
    assert made is not None
    with Image.open(io.BytesIO(made.gif)) as gif:
        seen = []
        for number in range(gif.n_frames):  # type: ignore[attr-defined]
            gif.seek(number)
            seen.append(gif.convert("RGB").getpixel((50, 50)))
    nearest = [min(range(5), key=lambda n: sum(abs(a - b) for a, b in zip(colour, COLOURS[n], strict=True))) for colour in seen]
    assert nearest == sorted(nearest)
    assert set(nearest) == set(range(5))


def test_a_long_film_has_no_more_than_its_share_of_tiles() -> None:
    times = [n * 40_000 for n in range(100)]
    data = film(coloured(0.8)[:100], format="matroska", times=times, codec_options={"g": "1", "preset": "ultrafast"})
    made = previews_of_film(io.BytesIO(data), 4_000.0)
    assert made is not None and made.layout is not None
    assert made.layout.count == MOST_TILES
    assert made.layout.interval == pytest.approx(40.0)


def test_an_upright_film_fits_its_tiles_and_its_preview() -> None:
    made = previews_of_film(io.BytesIO(film(coloured(0.5), turn=90)), 2.5)
    assert made is not None and made.layout is not None
    assert made.layout.tile_height == TILE_SIDE > made.layout.tile_width
    with Image.open(io.BytesIO(made.gif)) as gif:
        assert gif.height > gif.width


def test_a_still_picture_stands_for_itself() -> None:
    made = previews_of_image(io.BytesIO(picture("PNG")))
    assert made.gif.startswith(b"GIF8")
    assert made.sprite is None


def test_sound_has_no_pictures_and_damage_is_said() -> None:
    assert previews_of_film(io.BytesIO(recording(tone(300, 1.0))), 1.0) is None
    with pytest.raises(UnreadableMedia):
        previews_of_image(io.BytesIO(picture("PNG")[:60]))
