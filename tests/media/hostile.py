"""Two hundred and more files made to mislead, to exhaust or to break whoever opens them."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.media.making import film, picture, recording, shots, tone

Named = tuple[str, bytes]

MAGICS = {
    "mp4": b"\x00\x00\x00\x18ftypmp42",
    "mkv": b"\x1a\x45\xdf\xa3",
    "avi": b"RIFF\x00\x00\x00\x00AVI ",
    "wav": b"RIFF\xff\xff\xff\x7fWAVEfmt ",
    "mp3": b"ID3\x03\x00\x00\x00\x00\x00\x0a",
    "ogg": b"OggS\x00\x02",
    "flac": b"fLaC\x00\x00\x00\x22",
    "jpg": b"\xff\xd8\xff\xe0",
    "png": b"\x89PNG\r\n\x1a\n",
    "gif": b"GIF89a",
    "heic": b"\x00\x00\x00\x18ftypheic",
}


def corpus(canary: str) -> Iterator[Named]:
    """(name, content); those that point elsewhere point at `canary`, a path or an address."""
    yield "empty.mp4", b""
    yield from pointing(canary)
    yield from _random()
    yield from _cut_off()
    yield from _flipped()
    yield from _bombs()
    yield from _lying_headers()


def pointers(target: str) -> dict[str, bytes]:
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "dash": f"<?xml version='1.0'?><MPD><BaseURL>{target}</BaseURL></MPD>".encode(),
        "svg": f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{target}'/></svg>".encode(),
        "xxe": f"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM '{target}'>]><svg>&e;</svg>".encode(),
        "eps": f"%!PS-Adobe-3.0 EPSF-3.0\n({target}) run\n".encode(),
        "mvg": f"push graphic-context\nimage over 0,0 0,0 '{target}'\n".encode(),
    }


def pointing(canary: str) -> Iterator[Named]:
    for name, body in pointers(canary).items():
        yield f"{name}.mp4", body
        for magic, start in MAGICS.items():
            yield f"{name}-behind-{magic}", start + b"\n" + body


def _random() -> Iterator[Named]:
    for seed in range(12):
        body = np.random.default_rng(seed).bytes(40 + 700 * seed)
        yield f"random-{seed}", body
        for magic in ("mp4", "mkv", "mp3"):
            yield f"random-{seed}-behind-{magic}", MAGICS[magic] + body


def _originals() -> dict[str, bytes]:
    moving, sound = shots(12, 12, size=(160, 96)), tone(300, 1.0)
    return {
        "mp4": film(moving, sound=sound, options={"movflags": "faststart"}),
        "mkv": film(moving, format="matroska"),
        "webm": film(moving, format="webm", codec="libvpx"),
        "avi": film(moving, format="avi", codec="mpeg4"),
        "wav": recording(sound),
        "png": picture("PNG"),
        "jpg": picture("JPEG"),
        "gif": picture("GIF"),
        "webp": picture("WEBP"),
        "tiff": picture("TIFF"),
    }


def _cut_off() -> Iterator[Named]:
    for name, whole in _originals().items():
        for part in (0.03, 0.3, 0.6):
            yield f"cut-off-{part:g}.{name}", whole[: int(len(whole) * part)]


def _flipped() -> Iterator[Named]:
    for name, whole in _originals().items():
        for seed in range(4):
            random = np.random.default_rng(seed)
            damaged = bytearray(whole)
            for at in random.integers(0, len(damaged), 30):
                damaged[at] ^= 1 << int(random.integers(8))
            yield f"flipped-{seed}.{name}", bytes(damaged)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _bombs() -> Iterator[Named]:
    for side in (8_000, 13_000, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        rows = zlib.compress(bytes(min(20_000_000, (side // 8 + 1) * side)), 9)
        yield f"bomb-{side}.png", MAGICS["png"] + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    text = zlib.compress(bytes(30_000_000), 9)
    small = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 1, 0, 0, 0, 0))
    yield "text-bomb.png", MAGICS["png"] + small + _chunk(b"zTXt", b"k\x00\x00" + text) + _chunk(b"IEND", b"")
    frames = [Image.new("P", (1, 1), n % 2) for n in range(2_000)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=10)
    yield "many-frames.gif", out.getvalue()
    wide = bytearray(picture("GIF"))
    wide[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield "wide.gif", bytes(wide)
    flat = bytearray(picture("BMP"))
    flat[18:26] = struct.pack("<ii", 2_000_000_000, 2_000_000_000)
    yield "wide.bmp", bytes(flat)


def _atom(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def _lying_headers() -> Iterator[Named]:
    whole = _originals()
    nested = b""
    for _ in range(20_000):
        nested = _atom(b"moov", nested) if len(nested) < 4_000_000 else nested
    yield "nested.mp4", _atom(b"ftyp", b"mp42\x00\x00\x00\x00mp42") + nested[:200_000]
    yield "nested.mkv", MAGICS["mkv"] + b"\x84\x42\x82\x81m" + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" * 20_000
    yield "streams.mp4", _atom(b"ftyp", b"mp42\x00\x00\x00\x00mp42") + _atom(b"moov", _atom(b"trak", b"") * 100_000)
    for rate in (0, 1, 0xFFFFFFFF):
        head = bytearray(whole["avi"])
        at = head.index(b"avih") + 8
        head[at : at + 4] = struct.pack("<I", rate)
        yield f"rate-{rate}.avi", bytes(head)
    for size in (0, 0xFFFFFFFF):
        head = bytearray(whole["wav"])
        at = head.index(b"data") + 4
        head[at : at + 4] = struct.pack("<I", size)
        yield f"length-{size}.wav", bytes(head)
    for scale in (0, 1, 0xFFFFFFFF):
        head = bytearray(whole["mp4"])
        at = head.index(b"mvhd") + 16
        head[at : at + 8] = struct.pack(">II", scale, 0xFFFFFFFF)
        yield f"scale-{scale}.mp4", bytes(head)
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08" + b"\xff\xff" + b"\x01\x12\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff" * 900
    yield "exif.jpg", b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole["jpg"][2:]
    yield "zip-behind.png", whole["png"] + b"PK\x03\x04" + bytes(500)
    yield "script-behind.gif", whole["gif"] + b"<script>alert(1)</script>"
    yield "page.mp4", b"<html><body><video src='x'></video></body></html>"
    yield "program.mp4", b"\x7fELF\x02\x01\x01" + bytes(2_000)
