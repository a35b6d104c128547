"""Pictures handed out are upright, small and of the moment asked for."""

import io

import numpy as np
import pytest
from PIL import Image

from shared.media.opener import UnreadableMedia
from shared.media.pictures import open_image, pictures_at, preview_gif, sharpness, thumbnail
from shared.media.survey import survey
from tests.media.making import SIZE, film, picture, scene, shots


def half_and_half(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Red at the top, blue below."""
    made = np.zeros((size[1], size[0], 3), np.uint8)
    made[: size[1] // 2] = (220, 20, 20)
    made[size[1] // 2 :] = (20, 20, 220)
    return made


def side_of_red(image: Image.Image) -> str:
    pixels = np.asarray(image.convert("RGB")).astype(int)
    height, width = pixels.shape[:2]
    strips = {
        "top": pixels[: height // 4, :],
        "bottom": pixels[-height // 4 :, :],
        "left": pixels[:, : width // 4],
        "right": pixels[:, -width // 4 :],
    }
    return max(strips, key=lambda name: (strips[name][..., 0] - strips[name][..., 2]).mean())


@pytest.mark.parametrize(("turn", "side"), [(0, "top"), (90, "left"), (180, "bottom"), (270, "right")])
def test_a_turned_film_gives_upright_pictures(turn: int, side: str) -> None:
    data = film([half_and_half()] * 10, turn=turn)
    [image] = pictures_at(io.BytesIO(data), [0.1])
    assert image is not None
    assert side_of_red(image) == side
    [jpeg] = [candidate.jpeg for candidate in survey(io.BytesIO(data)).candidates]
    assert side_of_red(Image.open(io.BytesIO(jpeg))) == side


@pytest.mark.parametrize(("orientation", "side"), [(1, "top"), (3, "bottom"), (6, "right"), (8, "left")])
def test_a_photograph_is_turned_as_its_camera_says(orientation: int, side: str) -> None:
    out = io.BytesIO()
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.fromarray(half_and_half()).save(out, "JPEG", exif=tags)
    assert side_of_red(open_image(out)) == side


def test_the_picture_shown_at_a_time_is_the_one_given() -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    data = film([np.full((SIZE[1], SIZE[0], 3), colour, np.uint8) for colour in colours for _ in range(25)])
    images = pictures_at(io.BytesIO(data), [2.5, 0.2, 1.98, 1.02, 99.0])
    expected = [colours[2], colours[0], colours[1], colours[1], colours[2]]
    for image, colour in zip(images, expected, strict=True):
        assert image is not None
        assert np.abs(np.asarray(image)[90, 160].astype(int) - colour).max() < 25


def test_a_thumbnail_is_a_jpeg_within_its_side_and_never_enlarged() -> None:
    large = Image.open(io.BytesIO(thumbnail(Image.fromarray(scene(1, 0, (1280, 400))))))
    assert (large.format, large.size) == ("JPEG", (640, 200))
    assert Image.open(io.BytesIO(thumbnail(Image.fromarray(scene(1, 0, (100, 60)))))).size == (100, 60)


def test_transparent_parts_are_laid_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(out, "PNG")
    assert open_image(out).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "CMYK", "LA"])
def test_every_kind_of_pixel_becomes_rgb(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (16, 12)).save(out, "TIFF" if mode in ("CMYK", "LA") else "PNG")
    assert open_image(out).mode == "RGB"


def test_a_preview_is_a_small_looping_gif_of_the_given_pictures() -> None:
    gif = Image.open(io.BytesIO(preview_gif([Image.fromarray(scene(seed)) for seed in range(5)])))
    assert (gif.format, gif.size, gif.n_frames, gif.info["loop"]) == ("GIF", (240, 135), 5, 0)
    with pytest.raises(ValueError, match="at least one"):
        preview_gif([])


def test_the_sharper_of_two_pictures_is_kept() -> None:
    random = np.random.default_rng(6)
    crisp = random.integers(0, 255, (180, 320), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(crisp).resize((40, 22)).resize((320, 180)))
    assert sharpness(crisp) > 5 * sharpness(soft)
    wide = np.repeat(np.repeat(random.integers(0, 255, (45, 80), dtype=np.uint8), 4, 0), 4, 1)
    detailed = np.repeat(wide[..., None], 3, 2)
    plain = np.asarray(Image.fromarray(detailed).resize((20, 11)).resize(SIZE))
    found = survey(io.BytesIO(film([plain] * 12 + [detailed] * 12 + [plain] * 12)))
    best = max(found.candidates, key=lambda candidate: candidate.sharpness)
    assert 0.48 <= best.time < 0.96


def test_a_long_film_keeps_few_candidates() -> None:
    data = io.BytesIO(film(shots(500, size=(64, 48))))
    assert len(survey(data, duration=20.0).candidates) <= 11
    assert len(survey(data, duration=6000.0).candidates) <= 5


def test_an_image_opens_whatever_its_name_would_be() -> None:
    assert open_image(io.BytesIO(picture("WEBP"))).size == SIZE


@pytest.mark.parametrize("behind", [b"", b"\xff" * 20, b"\xff\xff\xff\xff\x00\x00\x00" + b"x" * 40])
def test_a_gif_broken_behind_its_name_is_damaged_however_large_the_damage_says_it_is(behind: bytes) -> None:
    with pytest.raises(UnreadableMedia) as refused:
        open_image(io.BytesIO(b"GIF89a" + behind))
    assert refused.value.code == "unreadable_media"
