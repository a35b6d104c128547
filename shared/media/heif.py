"""HEIF photographs (HEIC): the box structure of ISO/IEC 23008-12, read just far enough to decode one picture.

Phones store a photograph as a grid of HEVC tiles that share one header; ffmpeg shows the tiles as unrelated
films, so the picture is put together here.
"""

import io
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

import av
from av.error import FFmpegError
from PIL import Image

MAX_META_BYTES = 8 * 1024 * 1024
MAX_ITEM_BYTES = 128 * 1024 * 1024
MAX_TILES = 1024
_MAX_BOXES = 10_000


class BrokenHeif(ValueError):
    """The boxes contradict themselves or end too early."""


class ForeignCoding(ValueError):
    """The picture is coded in something other than HEVC."""


class TooLarge(ValueError):
    """The picture has more pixels than were allowed."""


@dataclass
class _Item:
    kind: bytes = b""
    in_meta: bool = False
    extents: list[tuple[int, int]] = field(default_factory=list)
    properties: list[int] = field(default_factory=list)


class _Fields:
    """Big-endian numbers read one after another; running out of bytes is BrokenHeif."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise BrokenHeif("a box ends too early")
        self.at += size
        return self.data[self.at - size : self.at]


def read_heif(source: BinaryIO, max_pixels: int) -> Image.Image:
    """The primary picture, upright, in RGB; raises BrokenHeif, ForeignCoding or TooLarge."""
    photograph = _Photograph(source, _find_meta(source), max_pixels)
    return photograph.picture(photograph.primary)


def _find_meta(source: BinaryIO) -> bytes:
    size = source.seek(0, io.SEEK_END)
    at = 0
    for _ in range(64):
        source.seek(at)
        head = source.read(16)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if length == 1 and len(head) == 16:
            length, header = int.from_bytes(head[8:], "big"), 16
        elif length == 0:
            length = size - at
        if length < header:
            break
        if kind == b"meta":
            if length > MAX_META_BYTES or at + length > size:
                break
            source.seek(at + header)
            return source.read(length - header)
        at += length
    raise BrokenHeif("the file has no description of its picture")


def _boxes(data: bytes, at: int = 0) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    while at + 8 <= len(data) and len(found) < _MAX_BOXES:
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if length == 0:
            length = len(data) - at
        if length < 8 or at + length > len(data):
            raise BrokenHeif("a box is longer than its parent")
        found.append((kind, data[at + 8 : at + length]))
        at += length
    return found


class _Photograph:
    def __init__(self, source: BinaryIO, meta: bytes, max_pixels: int) -> None:
        self._source = source
        self._max_pixels = max_pixels
        self._items: dict[int, _Item] = {}
        self._tiles: dict[int, list[int]] = {}
        self._properties: list[tuple[bytes, bytes]] = []
        self._stored = b""
        self.primary = 0
        readers = {b"pitm": self._read_primary, b"iinf": self._read_kinds, b"iloc": self._read_places}
        readers |= {b"iprp": self._read_properties, b"iref": self._read_references}
        for kind, body in _boxes(meta, 4):
            if kind == b"idat":
                self._stored = body
            elif kind in readers:
                readers[kind](body)

    def picture(self, number: int) -> Image.Image:
        item = self._item(number)
        image = self._grid(number, item) if item.kind == b"grid" else self._tile(item)
        for kind, body in self._properties_of(item):
            if kind == b"irot" and body:
                image = image.rotate(90 * (body[0] & 3), expand=True)
            elif kind == b"imir" and body:
                flip = Image.Transpose.FLIP_TOP_BOTTOM if body[0] & 1 else Image.Transpose.FLIP_LEFT_RIGHT
                image = image.transpose(flip)
        return image

    def _grid(self, number: int, item: _Item) -> Image.Image:
        fields = _Fields(self._bytes_of(item), 1)
        wide = fields.number(1) & 1
        rows, columns = fields.number(1) + 1, fields.number(1) + 1
        width, height = fields.number(4 if wide else 2), fields.number(4 if wide else 2)
        tiles = self._tiles.get(number, [])
        if rows * columns != len(tiles) or len(tiles) > MAX_TILES or not width or not height:
            raise BrokenHeif("the grid does not fit its tiles")
        self._allow(width, height)
        whole = Image.new("RGB", (width, height))
        for place, tile in enumerate(tiles):
            part = self._tile(self._item(tile))
            whole.paste(part, (place % columns * part.width, place // columns * part.height))
        return whole

    def _tile(self, item: _Item) -> Image.Image:
        if item.kind not in (b"hvc1", b"hev1"):
            raise ForeignCoding(f"pictures coded as {item.kind.decode('latin-1')} are not read")
        properties = dict(self._properties_of(item))
        if b"hvcC" not in properties:
            raise BrokenHeif("a picture has no decoder settings")
        if b"ispe" in properties:
            size = _Fields(properties[b"ispe"], 4)
            self._allow(size.number(4), size.number(4))
        decoder = av.CodecContext.create("hevc", "r")
        decoder.extradata = properties[b"hvcC"]
        decoder.options = {"max_pixels": str(self._max_pixels)}
        decoder.thread_count = 1
        try:
            frames = [*decoder.decode(av.Packet(self._bytes_of(item))), *decoder.decode(None)]
            if not frames:
                raise BrokenHeif("a picture holds no frame")
            self._allow(frames[0].width, frames[0].height)
            return frames[0].to_image()
        except FFmpegError as error:
            raise BrokenHeif("a picture cannot be decoded") from error

    def _allow(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise TooLarge(f"{width} x {height} pixels")

    def _item(self, number: int) -> _Item:
        if number not in self._items:
            raise BrokenHeif(f"item {number} is missing")
        return self._items[number]

    def _properties_of(self, item: _Item) -> list[tuple[bytes, bytes]]:
        return [self._properties[at - 1] for at in item.properties if 0 < at <= len(self._properties)]

    def _bytes_of(self, item: _Item) -> bytes:
        if sum(length for _, length in item.extents) > MAX_ITEM_BYTES:
            raise BrokenHeif("an item is larger than any picture")
        parts = []
        for start, length in item.extents:
            if item.in_meta:
                part = self._stored[start : start + length]
            else:
                self._source.seek(start)
                part = self._source.read(length)
            if len(part) != length:
                raise BrokenHeif("the file ends before its picture: truncated")
            parts.append(part)
        return b"".join(parts)

    def _read_primary(self, body: bytes) -> None:
        fields = _Fields(body)
        self.primary = fields.number(2 if fields.number(4) >> 24 == 0 else 4)

    def _read_kinds(self, body: bytes) -> None:
        fields = _Fields(body)
        fields.number(2 if fields.number(4) >> 24 == 0 else 4)
        for kind, entry in _boxes(body, fields.at):
            if kind != b"infe":
                continue
            inside = _Fields(entry)
            version = inside.number(4) >> 24
            if version < 2:
                continue
            number = inside.number(2 if version == 2 else 4)
            inside.number(2)
            self._items.setdefault(number, _Item()).kind = inside.take(4)

    def _read_places(self, body: bytes) -> None:
        fields = _Fields(body)
        version = fields.number(4) >> 24
        sizes, more = fields.number(1), fields.number(1)
        offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
        index_size = more & 15 if version else 0
        for _ in range(fields.number(2 if version < 2 else 4)):
            item = self._items.setdefault(fields.number(2 if version < 2 else 4), _Item())
            method = fields.number(2) & 15 if version else 0
            if fields.number(2) != 0 or method > 1:
                raise BrokenHeif("a picture lies outside its file")
            item.in_meta = method == 1
            base = fields.number(base_size)
            for _ in range(fields.number(2)):
                fields.number(index_size)
                start = base + fields.number(offset_size)
                item.extents.append((start, fields.number(length_size)))

    def _read_properties(self, body: bytes) -> None:
        for kind, inside in _boxes(body):
            if kind == b"ipco":
                self._properties = _boxes(inside)
            elif kind == b"ipma":
                self._read_associations(_Fields(inside))

    def _read_associations(self, fields: _Fields) -> None:
        head = fields.number(4)
        size = 2 if head & 1 else 1
        for _ in range(fields.number(4)):
            item = self._items.setdefault(fields.number(2 if head >> 24 == 0 else 4), _Item())
            for _ in range(fields.number(1)):
                item.properties.append(fields.number(size) & (0x7FFF if size == 2 else 0x7F))

    def _read_references(self, body: bytes) -> None:
        fields = _Fields(body)
        size = 2 if fields.number(4) >> 24 == 0 else 4
        for kind, inside in _boxes(body, 4):
            if kind == b"dimg":
                entry = _Fields(inside)
                whole = entry.number(size)
                self._tiles[whole] = [entry.number(size) for _ in range(entry.number(2))]
