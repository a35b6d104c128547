"""What a media file is and how long it lasts, from its content."""

from dataclasses import dataclass
from typing import Any, BinaryIO

from shared.media.opener import Container, UnreadableMedia, open_media, read_kind
from shared.media.pictures import open_image
from shared.media.sniff import AAC, AVI, MKV, MP3, WAV, WEBM, Kind

# Below this size every packet is looked at; above it only the last seconds, found by seeking.
DEMUX_WHOLE_BYTES = 64 * 1024 * 1024
_TAIL_SECONDS = 10.0
MAX_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Subtitles:
    index: int
    codec: str
    language: str


@dataclass(frozen=True)
class MediaInfo:
    """Facts about one file. Durations and rates are in seconds and per second; sizes in upright pixels."""

    media_type: str  # video, audio or image
    format: str
    mime_type: str
    duration: float  # 0.0 for an image
    width: int = 0
    height: int = 0
    rotation: int = 0  # degrees counter-clockwise that the stored picture has to be turned
    frame_rate: float = 0.0  # average; 0.0 if unknown or not a video
    has_video: bool = False
    has_audio: bool = False
    has_cover_art: bool = False
    audio_sample_rate: int = 0
    video_codec: str = ""
    audio_codec: str = ""
    subtitles: tuple[Subtitles, ...] = ()
    truncated: bool = False


def probe(source: BinaryIO, *, allow_truncated: bool = False) -> MediaInfo:
    """Describes a seekable file; raises UnreadableMedia.

    A file that ends well before what its header promises is refused as truncated_media, unless
    `allow_truncated`: then `duration` is what is really there and `truncated` says so.
    """
    kind, size = read_kind(source)
    if kind.family == "stream":
        missing = _missing_part(source, kind, size)
        with open_media(source) as container:
            return _describe(container, allow_truncated, missing)
    image = open_image(source)
    return MediaInfo("image", kind.format, kind.mime_type, 0.0, image.width, image.height)


def _missing_part(source: BinaryIO, kind: Kind, size: int) -> float:
    """How much of a RIFF file is not there, 0 to 1. Its readers guess lengths from the bytes they find,
    so only the size in its first line gives an interrupted upload away."""
    if kind not in (AVI, WAV):
        return 0.0
    head = source.read(8)
    source.seek(0)
    promised = int.from_bytes(head[4:8], "little") + 8
    streamed = promised >= 0xFFFFFFFF or promised == 8 or head[:4] == b"RF64"  # written without knowing
    return 0.0 if streamed else max(0.0, 1.0 - size / promised)


def _describe(container: Container, allow_truncated: bool, missing: float) -> MediaInfo:
    promised = _promised(container)
    found, reached = _measured_end(container, promised)
    if missing > 0.0:
        promised = max(promised, found / (1.0 - missing))
    truncated = promised - reached > max(1.0, 0.02 * promised)
    if found > MAX_SECONDS:
        raise UnreadableMedia("media_too_large", f"Media longer than {MAX_SECONDS // 3600} hours is refused.")
    if found <= 0.0:
        raise UnreadableMedia("unreadable_media", "Nothing in the file can be played.")
    if truncated and not allow_truncated:
        raise UnreadableMedia(
            "truncated_media", f"The file promises {promised:.1f} s but ends after {found:.1f} s; it is incomplete."
        )
    width, height, rotation = _picture_shape(container)
    video, audio = container.video, container.audio
    media_type = "video" if video is not None else "audio"
    return MediaInfo(
        media_type=media_type,
        format=container.kind.format,
        mime_type=_mime_type(container.kind, media_type),
        duration=round(found, 6),
        width=width,
        height=height,
        rotation=rotation,
        frame_rate=_frame_rate(video),
        has_video=video is not None,
        has_audio=audio is not None,
        has_cover_art=container.has_cover_art,
        audio_sample_rate=int(audio.codec_context.sample_rate or 0) if audio is not None else 0,
        video_codec=video.codec_context.name if video is not None else "",
        audio_codec=audio.codec_context.name if audio is not None else "",
        subtitles=tuple(Subtitles(s.index, _codec_name(s), s.language or "") for s in container.subtitles),
        truncated=truncated,
    )


def _promised(container: Container) -> float:
    """The end the header announces, 0.0 if it announces none."""
    if container.kind in (MP3, AAC):
        return 0.0  # no such header: ffmpeg guesses from the first bit rate, wrongly where that varies
    ends = [
        float((s.start_time or 0) * s.time_base + s.duration * s.time_base) - container.start
        for s in (container.video, container.audio)
        if s is not None and s.duration and s.time_base is not None
    ]
    if ends:
        return max(ends)
    whole = float(container.av.duration or 0) / 1_000_000
    # Matroska counts from its own zero, wherever the first picture lies.
    return max(0.0, whole - container.start) if container.kind in (MKV, WEBM) else whole


def _measured_end(container: Container, promised: float) -> tuple[float, float]:
    """When the last sound or picture ends, and when the last of anything does (subtitles may run on)."""
    if container.size > DEMUX_WHOLE_BYTES and promised > 2 * _TAIL_SECONDS:
        container.seek(promised - _TAIL_SECONDS)
        found, reached = _last_ends(container)
        if reached >= promised - 1.0:
            return found, reached
        container.seek(0.0)
    return _last_ends(container)


def _last_ends(container: Container) -> tuple[float, float]:
    filler = {s.index: _usual_length(s) for s in (container.video, container.audio) if s is not None}
    found = reached = 0.0
    for packet in container.packets():
        if packet.size == 0 or packet.is_discard:
            continue
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.time_base is None:
            continue
        shown = float(stamp * packet.time_base) - container.start
        length = float(packet.duration * packet.time_base) if packet.duration else 0.0
        reached = max(reached, shown + length)
        if packet.stream_index in filler:
            found = max(found, shown + (length or filler[packet.stream_index]))
    return found, max(found, reached)


def _usual_length(stream: Any) -> float:
    rate = getattr(stream, "average_rate", None) or getattr(stream, "guessed_rate", None)
    return float(1 / rate) if rate else 0.0


def _frame_rate(video: Any) -> float:
    if video is None:
        return 0.0
    return float(video.average_rate or video.guessed_rate or 0)


def _picture_shape(container: Container) -> tuple[int, int, int]:
    """Upright width and height, and the rotation; the turn is only known once a frame is decoded."""
    video = container.video
    if video is None:
        return 0, 0, 0
    container.seek(0.0)
    rotation = 0
    for frame in container.frames(video):
        rotation = frame.rotation % 360
        break
    else:
        raise UnreadableMedia("unreadable_media", "No picture of the video can be decoded.")
    width, height = video.codec_context.width, video.codec_context.height
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)


def _codec_name(stream: Any) -> str:
    return stream.codec_context.name if stream.codec_context is not None else ""


def _mime_type(kind: Kind, media_type: str) -> str:
    return kind.mime_type.replace("video/", "audio/") if media_type == "audio" else kind.mime_type
