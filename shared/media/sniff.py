"""What a file is, judged by its first bytes alone; names and declared types are never asked."""

from dataclasses import dataclass

HEAD_BYTES = 4096
# A demuxer is named exactly, so nothing in the file can choose another one (playlists, concat scripts, SDP).
_MOV = "mov,mp4,m4a,3gp,3g2,mj2"


@dataclass(frozen=True)
class Kind:
    """A container or image format the product takes in."""

    format: str
    family: str  # "stream": PyAV demuxes it; "image": Pillow opens it; "heif": our own box reader does
    mime_type: str
    demuxer: str = ""
    whitelist: str = ""
    pillow: str = ""


MP4 = Kind("mp4", "stream", "video/mp4", "mov", _MOV)
M4A = Kind("m4a", "stream", "audio/mp4", "mov", _MOV)
MOV = Kind("mov", "stream", "video/quicktime", "mov", _MOV)
MKV = Kind("mkv", "stream", "video/x-matroska", "matroska", "matroska,webm")
WEBM = Kind("webm", "stream", "video/webm", "matroska", "matroska,webm")
AVI = Kind("avi", "stream", "video/x-msvideo", "avi", "avi")
WAV = Kind("wav", "stream", "audio/wav", "wav", "wav")
MP3 = Kind("mp3", "stream", "audio/mpeg", "mp3", "mp3")
FLAC = Kind("flac", "stream", "audio/flac", "flac", "flac")
OGG = Kind("ogg", "stream", "audio/ogg", "ogg", "ogg")
AAC = Kind("aac", "stream", "audio/aac", "aac", "aac")
JPEG = Kind("jpeg", "image", "image/jpeg", pillow="JPEG")
PNG = Kind("png", "image", "image/png", pillow="PNG")
WEBP = Kind("webp", "image", "image/webp", pillow="WEBP")
GIF = Kind("gif", "image", "image/gif", pillow="GIF")
BMP = Kind("bmp", "image", "image/bmp", pillow="BMP")
TIFF = Kind("tiff", "image", "image/tiff", pillow="TIFF")
HEIC = Kind("heic", "heif", "image/heic")
HEIF = Kind("heif", "heif", "image/heif")

_PREFIXES = (
    (b"fLaC", FLAC),
    (b"OggS", OGG),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)
_RIFF = {b"AVI ": AVI, b"AVIX": AVI, b"WAVE": WAV, b"WEBP": WEBP}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_FOREIGN_STILLS = {b"avif", b"avis"}
_OLD_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(head: bytes) -> Kind | None:
    """The format that begins with these bytes (give at least HEAD_BYTES if there are as many), or None."""
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else MKV
    if head.startswith(b"BM") and len(head) >= 26 and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 108, 124):
        return BMP
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[4:8] in _OLD_QUICKTIME_ATOMS:
        return MOV
    return _elementary_audio(head)


def _by_brand(head: bytes) -> Kind | None:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major} | {head[at : at + 4] for at in range(16, end - 3, 4)}
    if major == b"qt  ":
        return MOV
    if major in _FOREIGN_STILLS:
        return None
    if major in _HEIC_BRANDS:
        return HEIC
    if major in (b"mif1", b"msf1"):
        return None if brands & _FOREIGN_STILLS else HEIC if brands & _HEIC_BRANDS else HEIF
    return M4A if major in (b"M4A ", b"M4B ", b"M4P ") else MP4


def _elementary_audio(head: bytes) -> Kind | None:
    """MP3 and ADTS begin with a sync word and nothing else, possibly behind an ID3v2 tag."""
    if head.startswith(b"ID3") and len(head) >= 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        behind = head[10 + size :]
        # A tag longer than what we hold (cover art) is MP3 in practice.
        return (_elementary_audio(behind) if behind[:1] == b"\xff" else None) or (FLAC if behind.startswith(b"fLaC") else MP3)
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        layer = head[1] >> 1 & 3
        if layer == 0:
            return AAC if head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 15 < 13 else None
        version, bitrate, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
        return MP3 if version != 1 and bitrate != 15 and rate != 3 else None
    return None
