"""Files made to mislead or to break: each ends in a typed refusal, and nothing else is ever opened."""

import io
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from shared.media.audio import sound
from shared.media.cuts import find_cuts
from shared.media.hearing import activity
from shared.media.opener import UnreadableMedia, open_media
from shared.media.pictures import open_image
from shared.media.probe import probe
from shared.media.survey import survey
from tests.media.making import film, picture, recording, shots, silence, tone

CODES = {"empty_file", "unsupported_media", "unreadable_media", "truncated_media", "media_too_large"}


def code_of(data: bytes) -> str:
    with pytest.raises(UnreadableMedia) as caught:
        probe(io.BytesIO(data))
    assert caught.value.code in CODES
    assert caught.value.message
    return caught.value.code


@pytest.fixture(scope="module")
def small_film() -> bytes:
    return film(shots(20, 20), sound=tone(300, 1.6))


@pytest.fixture
def victim(tmp_path: Path, small_film: bytes) -> Path:
    path = tmp_path / "victim.mp4"
    path.write_bytes(small_film)
    return path


def playlists(target: str) -> dict[str, bytes]:
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "dash": f"<?xml version='1.0'?><MPD><BaseURL>{target}</BaseURL></MPD>".encode(),
        "svg": f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{target}'/></svg>".encode(),
        "html": b"<html><body>hello</body></html>",
        "text": b"just some words " * 300,
        "m3u with a mark": b"\xef\xbb\xbf#EXTM3U\n" + target.encode(),
        "rtsp text": b"RTSPtextrtsp://127.0.0.1/x",
        "ffmetadata": b";FFMETADATA1\ntitle=x\n",
        "mpeg-ts": (b"\x47\x40\x00\x10" + b"\xff" * 184) * 20,
        "flv": b"FLV\x01\x05\x00\x00\x00\x09" + bytes(200),
    }


@pytest.mark.parametrize("name", list(playlists("")))
def test_a_file_that_points_elsewhere_is_an_unsupported_format(name: str, victim: Path) -> None:
    assert code_of(playlists(str(victim))[name]) == "unsupported_media"


@pytest.mark.parametrize(
    "magic", [b"\x00\x00\x00\x18ftypmp42", b"\x1a\x45\xdf\xa3", b"RIFF\x00\x00\x00\x00AVI ", b"ID3\x03", b"OggS"]
)
def test_a_playlist_behind_a_media_signature_reaches_nothing(magic: bytes, victim: Path) -> None:
    for body in playlists(victim.as_uri()).values():
        assert code_of(magic + b"\n" + body) in {"unreadable_media", "unsupported_media"}


def test_no_socket_is_opened_by_any_hostile_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        target = f"http://127.0.0.1:{server.getsockname()[1]}/x.mp4"
        for body in playlists(target).values():
            code_of(body)
            code_of(b"\x00\x00\x00\x18ftypmp42" + body)
        with pytest.raises(BlockingIOError):
            server.accept()


def atom(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def test_a_film_whose_samples_lie_in_another_file_is_not_followed(small_film: bytes, victim: Path) -> None:
    # An external data reference: flags 0 and a path where "in this file" would be flags 1.
    inside = struct.pack(">I4sI", 12, b"url ", 1)
    outside = struct.pack(">I4sI", 12, b"alis", 0)
    assert inside in small_film
    changed = small_film.replace(inside, outside)
    with open_media(io.BytesIO(changed)) as container:
        assert container.av.format.name.startswith("mov")


def test_an_empty_file_says_so() -> None:
    assert code_of(b"") == "empty_file"


@pytest.mark.parametrize("length", [1, 3, 12, 100, 5000])
def test_random_bytes_are_refused(length: int) -> None:
    for seed in range(20):
        code_of(np.random.default_rng(seed).bytes(length))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_half_an_image_is_refused(format: str) -> None:
    data = picture(format)
    assert code_of(data[: len(data) // 2]) in {"truncated_media", "unreadable_media"}


def png_bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_000, 13_000, 30_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(side: int) -> None:
    bomb = png_bomb(side, side)
    assert len(bomb) < 200_000
    assert code_of(bomb) == "media_too_large"


def test_a_film_that_claims_giant_pictures_is_refused() -> None:
    data = film(shots(3), codec="mpeg4")
    visual = data.index(b"mp4v") + 4 + 24
    giant = data[:visual] + struct.pack(">HH", 65_000, 65_000) + data[visual + 4 :]
    try:
        info = probe(io.BytesIO(giant))
    except UnreadableMedia as refused:
        assert refused.code in {"media_too_large", "unreadable_media"}
    else:
        # The picture itself says its size; the container's claim is then only a lie without effect.
        assert (info.width, info.height) == (320, 180)


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.8])
def test_a_film_cut_off_in_the_middle_is_refused(part: float, options: dict[str, str]) -> None:
    # Index at the front: the header promises more than is there. Index at the end: nothing can be read at all.
    data = film(shots(50, 50, 50), options=options)
    code = code_of(data[: int(len(data) * part)])
    assert code in {"truncated_media", "unreadable_media"}
    if options and part >= 0.5:
        assert code == "truncated_media"


@pytest.mark.parametrize("format", ["matroska", "webm", "avi"])
def test_other_containers_cut_off_are_refused_too(format: str) -> None:
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(format, "libx264")
    data = film(shots(60, 60), format=format, codec=codec)
    assert code_of(data[: len(data) // 2]) == "truncated_media"


def test_what_is_left_of_a_truncated_film_can_still_be_described() -> None:
    data = film(shots(50, 50), options={"movflags": "faststart"})
    info = probe(io.BytesIO(data[: len(data) * 6 // 10]), allow_truncated=True)
    assert info.truncated
    assert 0.5 < info.duration < 3.9


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_never_escape_as_another_error(small_film: bytes, seed: int) -> None:
    random = np.random.default_rng(seed)
    damaged = bytearray(small_film)
    for at in random.integers(0, len(damaged), 40):
        damaged[at] ^= 1 << int(random.integers(8))
    for look in (probe, survey, find_cuts, activity, lambda source: list(sound(source))):
        try:
            look(io.BytesIO(bytes(damaged)))
        except UnreadableMedia as refused:
            assert refused.code in CODES


def test_damaged_packets_cost_their_pictures_and_no_more() -> None:
    data = bytearray(film(shots(60, 60), options={"movflags": "faststart"}, codec_options={"g": "12", "preset": "ultrafast"}))
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 3000] = b"\xff" * 3000
    found = survey(io.BytesIO(bytes(data)))
    assert found.pictures_seen > 90


def test_a_failing_store_is_not_taken_for_damaged_media(small_film: bytes) -> None:
    class Failing(io.BytesIO):
        reads = 0

        def read(self, count: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads > 2:
                raise ConnectionError("the store went away")
            return super().read(count)

    with pytest.raises(ConnectionError):
        probe(Failing(small_film))


def test_sound_of_an_image_is_asked_for_in_vain() -> None:
    with pytest.raises(UnreadableMedia) as caught:
        list(sound(io.BytesIO(picture("PNG"))))
    assert caught.value.code == "unsupported_media"
    with pytest.raises(UnreadableMedia):
        open_image(io.BytesIO(recording(silence(0.2))))


def test_a_header_without_any_packet_is_unreadable() -> None:
    data = recording(tone(300, 0.5))
    assert code_of(data[:44]) in {"unreadable_media", "truncated_media"}


def test_the_opener_is_the_only_place_that_opens_media() -> None:
    product = Path(__file__).resolve().parents[2]
    callers = [
        str(path.relative_to(product))
        for folder in ("shared", "functions")
        for path in (product / folder).rglob("*.py")
        if "av.open(" in path.read_text() or "ffmpeg -" in path.read_text()
    ]
    assert callers == ["shared/media/opener.py"]
