"""Photographs in HEIF boxes, put together by hand around HEVC pictures."""

import io
import re
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from shared.media.opener import UnreadableMedia
from shared.media.pictures import open_image
from shared.media.probe import probe
from tests.media.making import scene

TILE = (128, 96)


def box(name: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name: bytes, version: int, *bodies: bytes) -> bytes:
    return box(name, struct.pack(">I", version << 24), *bodies)


def coded(picture: np.ndarray) -> tuple[bytes, bytes]:
    """The hvcC settings and the one sample of a picture."""
    encoder = av.CodecContext.create("libx265", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.framerate, encoder.time_base = "yuv420p", Fraction(1), Fraction(1)
    encoder.options = {"preset": "ultrafast", "crf": "8", "x265-params": "log-level=none:info=0:pools=none"}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    frame.pts = 0
    stream = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    units = [unit for unit in re.split(rb"\x00\x00\x00?\x01", stream) if unit]
    settings = {unit[0] >> 1: unit for unit in units if unit[0] >> 1 in (32, 33, 34)}
    assert len(settings) == 3
    arrays = b"".join(struct.pack(">BHH", kind, 1, len(unit)) + unit for kind, unit in settings.items())
    sample = b"".join(struct.pack(">I", len(unit)) + unit for unit in units if unit[0] >> 1 < 32)
    return bytes([1]) + bytes(20) + bytes([3, 3]) + arrays, sample


def heic(
    tiles: list[np.ndarray],
    *,
    columns: int = 1,
    size: tuple[int, int] = TILE,
    turn: int = 0,
    mirror: int | None = None,
    brand: bytes = b"heic",
    kind: bytes = b"hvc1",
    claimed: tuple[int, int] | None = None,
) -> bytes:
    samples = [coded(tile) for tile in tiles]
    grid = len(tiles) > 1
    numbers = list(range(1, len(tiles) + 1))
    primary = 100 if grid else 1
    layout = struct.pack(">BBBBHH", 0, 0, len(tiles) // columns - 1, columns - 1, *size)
    kinds = [(number, kind) for number in numbers] + ([(100, b"grid")] if grid else [])
    infos = [full(b"infe", 2, struct.pack(">HH4s", number, 0, name), b"\0") for number, name in kinds]
    properties = [box(b"hvcC", samples[0][0]), full(b"ispe", 0, struct.pack(">II", *(claimed or TILE)))]
    shown = []
    if turn:
        properties.append(box(b"irot", bytes([turn // 90])))
        shown.append(len(properties))
    if mirror is not None:
        properties.append(box(b"imir", bytes([mirror])))
        shown.append(len(properties))
    wanted = {number: [1, 2] for number in numbers}
    wanted[primary] = [*wanted.get(primary, []), *shown]
    links = b"".join(struct.pack(">HB", n, len(w)) + bytes(w) for n, w in wanted.items())
    ipma = full(b"ipma", 0, struct.pack(">I", len(wanted)), links)
    references = box(b"dimg", struct.pack(f">HH{len(numbers)}H", 100, len(numbers), *numbers))

    def meta(first: int) -> bytes:
        places, at = b"", first
        for number, (_, sample) in zip(numbers, samples, strict=True):
            places += struct.pack(">HHHHII", number, 0, 0, 1, at, len(sample))
            at += len(sample)
        if grid:
            places += struct.pack(">HHHHII", 100, 1, 0, 1, 0, len(layout))
        iloc = full(b"iloc", 1, b"\x44\x00", struct.pack(">H", len(kinds)), places)
        parts = [
            full(b"hdlr", 0, bytes(4) + b"pict" + bytes(13)),
            full(b"pitm", 0, struct.pack(">H", primary)),
            full(b"iinf", 0, struct.pack(">H", len(infos)), *infos),
            iloc,
            box(b"iprp", box(b"ipco", *properties), ipma),
        ]
        if grid:
            parts += [full(b"iref", 0, references), box(b"idat", layout)]
        return full(b"meta", 0, *parts)

    head = box(b"ftyp", brand + bytes(4) + b"mif1" + b"heic")
    first = len(head) + len(meta(0)) + 8
    return head + meta(first) + box(b"mdat", *(sample for _, sample in samples))


def near(image: Image.Image, expected: np.ndarray) -> bool:
    seen = np.asarray(image).astype(int)
    return seen.shape == expected.shape and float(np.abs(seen - expected).mean()) < 6


def test_a_photograph_of_one_piece_is_opened() -> None:
    tile = scene(1, 0, TILE)
    data = heic([tile])
    info = probe(io.BytesIO(data))
    assert (info.media_type, info.format, info.mime_type) == ("image", "heic", "image/heic")
    assert (info.width, info.height) == TILE
    assert near(open_image(io.BytesIO(data)), tile)


def test_a_photograph_of_tiles_is_put_together_and_cut_to_its_size() -> None:
    tiles = [scene(seed, 0, TILE) for seed in range(6)]
    whole = np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])
    image = open_image(io.BytesIO(heic(tiles, columns=3, size=(350, 180))))
    assert near(image, whole[:180, :350])


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_photograph_is_turned_counter_clockwise_as_it_says(turn: int) -> None:
    tile = scene(2, 0, TILE)
    assert near(open_image(io.BytesIO(heic([tile], turn=turn))), np.rot90(tile, turn // 90))


def test_a_photograph_is_mirrored_as_it_says() -> None:
    tile = scene(2, 0, TILE)
    assert near(open_image(io.BytesIO(heic([tile], mirror=0))), tile[:, ::-1])
    assert near(open_image(io.BytesIO(heic([tile], mirror=1))), tile[::-1])


def test_the_general_brand_is_told_apart() -> None:
    data = heic([scene(1, 0, TILE)], brand=b"mif1")
    assert probe(io.BytesIO(data)).format == "heic"
    assert probe(io.BytesIO(data.replace(b"mif1mif1heic", b"mif1mif1mif1")[:])).format in ("heic", "heif")


def code_of(data: bytes) -> str:
    with pytest.raises(UnreadableMedia) as caught:
        probe(io.BytesIO(data))
    return caught.value.code


def test_damaged_photographs_are_refused_with_their_code() -> None:
    data = heic([scene(1, 0, TILE)])
    assert code_of(data[: len(data) // 2]) in {"truncated_media", "unreadable_media"}
    assert code_of(data[:-50]) == "truncated_media"
    assert code_of(data[:40]) == "unreadable_media"
    assert code_of(heic([scene(1, 0, TILE)], kind=b"av01")) == "unsupported_media"
    assert code_of(heic([scene(1, 0, TILE)], claimed=(60_000, 60_000))) == "media_too_large"


def test_a_grid_that_does_not_fit_its_tiles_is_refused() -> None:
    data = heic([scene(seed, 0, TILE) for seed in range(4)], columns=2, size=(256, 192))
    layout = struct.pack(">BBBBHH", 0, 0, 1, 1, 256, 192)
    assert code_of(data.replace(layout, struct.pack(">BBBBHH", 0, 0, 200, 200, 256, 192))) == "unreadable_media"
    assert code_of(data.replace(layout, struct.pack(">BBBBHH", 0, 0, 1, 1, 65535, 65535))) == "media_too_large"


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bits_in_the_boxes_never_escape_as_another_error(seed: int) -> None:
    random = np.random.default_rng(seed)
    damaged = bytearray(DAMAGED)
    for at in random.integers(24, DAMAGED.index(b"mdat"), 6):
        damaged[at] ^= 1 << int(random.integers(8))
    try:
        probe(io.BytesIO(bytes(damaged)))
    except UnreadableMedia as refused:
        assert refused.code in {"unreadable_media", "truncated_media", "media_too_large", "unsupported_media"}


DAMAGED = heic([scene(seed, 0, TILE) for seed in range(4)], columns=2, size=(256, 192))
