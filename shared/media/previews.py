"""Pictures that stand for a whole media item: a poster, a short looping GIF, and a sheet of small pictures for scrubbing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import av
from PIL import Image

from shared.media.opener import Container, open_media
from shared.media.pictures import open_image, preview_gif, thumbnail, to_jpeg, upright_picture

POSTER_AT = 0.1  # of the duration: past a black lead-in, still the beginning
GIF_PICTURES = 12
TILE_SIDE = 160
MOST_TILES = 100
COLUMNS = 10
CLOSEST_TILES_SECONDS = 1.0
_GIF_SIDE = 240
_DECODE_ON_SECONDS = 4.0  # a moment nearer than this is reached by decoding on, a farther one by seeking
_MAX_FRAMES_BETWEEN = 300


@dataclass(frozen=True)
class SpriteLayout:
    """Tile `n` stands `n % columns` to the right and `n // columns` down; it shows seconds from `n * interval` on."""

    count: int
    columns: int
    tile_width: int
    tile_height: int
    interval: float


@dataclass(frozen=True)
class Previews:
    """JPEG poster, GIF, and the JPEG sheet with its layout (none for a still picture)."""

    poster: bytes
    gif: bytes
    sprite: bytes | None = None
    layout: SpriteLayout | None = None


def previews_of_image(source: BinaryIO) -> Previews:
    """Of a still picture; its GIF has one picture. Raises UnreadableMedia."""
    image = open_image(source)
    return Previews(thumbnail(image), preview_gif([image]))


def previews_of_film(source: BinaryIO, duration: float) -> Previews | None:
    """Of a film of that many seconds, in one walk through it; None where no picture can be decoded. Raises UnreadableMedia."""
    interval = max(CLOSEST_TILES_SECONDS, duration / MOST_TILES)
    tiles_at = [(number + 0.5) * interval for number in range(min(MOST_TILES, max(1, math.ceil(duration / interval))))]
    gif_at = [duration * (number + 0.5) / GIF_PICTURES for number in range(GIF_PICTURES)]
    wanted = sorted([(at, "tile") for at in tiles_at] + [(at, "gif") for at in gif_at] + [(duration * POSTER_AT, "poster")])
    poster: bytes | None = None
    tiles: list[Image.Image] = []
    moving: list[Image.Image] = []
    with open_media(source) as container:
        for image, (_, purpose) in zip(_pictures_through(container, [at for at, _ in wanted]), wanted, strict=False):
            if purpose == "tile":
                tiles.append(_within(image, TILE_SIDE))
            elif purpose == "gif":
                moving.append(_within(image, _GIF_SIDE))
            else:
                poster = thumbnail(image)
    if poster is None or not moving or not tiles:
        return None
    sheet, (width, height) = _sheet(tiles)
    layout = SpriteLayout(len(tiles), min(COLUMNS, len(tiles)), width, height, interval)
    return Previews(poster, preview_gif(moving), sheet, layout)


def _pictures_through(container: Container, times: Sequence[float]) -> Iterator[Image.Image]:
    """The picture shown at each of the ascending times; the last one again for what lies behind the end."""
    stream = container.video
    if stream is None:
        return
    # Frames that no other one needs are not decoded, about half of most films: a moment is met within a frame or two.
    stream.codec_context.skip_frame = "NONREF"
    frames = container.frames(stream)
    latest: av.VideoFrame | None = None
    shown = 0.0
    for time in times:
        if latest is not None and time - shown > _DECODE_ON_SECONDS:
            container.seek(time)
            frames = container.frames(stream)
        for decoded, frame in enumerate(frames if latest is None or shown < time - 1e-3 else ()):
            at = container.time_of(frame)
            latest, shown = frame, shown if at is None else at
            if shown >= time - 1e-3 or decoded >= _MAX_FRAMES_BETWEEN:
                break
        if latest is None:
            return
        yield upright_picture(latest)


def _within(image: Image.Image, side: int) -> Image.Image:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BILINEAR)
    return small


def _sheet(tiles: Sequence[Image.Image]) -> tuple[bytes, tuple[int, int]]:
    """All tiles on one JPEG, and the size of each; a film that changes its shape is laid on black."""
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    columns = min(COLUMNS, len(tiles))
    sheet = Image.new("RGB", (columns * width, math.ceil(len(tiles) / columns) * height))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * width, number // columns * height))
    return to_jpeg(sheet), (width, height)
