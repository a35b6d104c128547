"""The only place that opens media: content decides the format, and nothing but the given file is ever read."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from shared.media.sniff import HEAD_BYTES, Kind, sniff

MAX_PIXELS = 50_000_000
MAX_STREAMS = 64
# Damage is survivable; a file that is nothing but damage is not worth the rest of its bytes.
MAX_BAD_PACKETS = 2_000

AVStream = VideoStream | AudioStream


class UnreadableMedia(Exception):
    """The file itself is at fault; trying again cannot help.

    `code` is one of empty_file, unsupported_media, unreadable_media, truncated_media, media_too_large.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _Source:
    """Hands bytes to ffmpeg and remembers a failing store, which ffmpeg would report as damaged media."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.failure: BaseException | None = None

    def read(self, count: int) -> bytes:
        try:
            return self._source.read(count)
        except BaseException as failure:
            self.failure = failure
            raise

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._source.seek(offset, whence)
        except (ValueError, OSError):
            return -1  # ffmpeg asks for impossible places in damaged files; it copes with a refusal

    def tell(self) -> int:
        return self._source.tell()


class Container:
    """An open audio or video file. Times are seconds since the earliest picture or sound in it."""

    def __init__(self, container: InputContainer, kind: Kind, source: _Source, size: int) -> None:
        self.av = container
        self.kind = kind
        self.size = size
        self.bad_packets = 0
        self._source = source
        covers = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
        self.has_cover_art = bool(covers)
        self.video = _best(container, "video", [s for s in container.streams.video if s not in covers])
        self.audio = _best(container, "audio", list(container.streams.audio))
        self.subtitles: list[SubtitleStream] = list(container.streams.subtitles)
        self.start = self._earliest_start()

    def _earliest_start(self) -> float:
        starts = [
            float(s.start_time * s.time_base)
            for s in (self.video, self.audio)
            if s is not None and s.start_time is not None and s.time_base is not None
        ]
        return min(starts, default=0.0)

    def time_of(self, item: Any) -> float | None:
        """When a packet or frame is shown, in seconds; None if the file does not say."""
        if item.pts is None or item.time_base is None:
            return None
        return float(item.pts * item.time_base) - self.start

    def packets(self, *streams: Any) -> Iterator[Packet]:
        """The packets in file order, then one empty packet for each stream, which flushes its decoder.

        Damage ends the iteration early instead of raising; a failing store raises what it raised.
        """
        packets = self.av.demux(*streams)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except FFmpegError:
                self.check_source()
                self.bad_packets += 1
                if self.bad_packets > MAX_BAD_PACKETS:
                    break
                packets = self.av.demux(*streams)
                if self._source.tell() >= self.size:
                    break
                continue
            yield packet
        self.check_source()

    def frames(self, stream: AVStream) -> Iterator[Any]:
        """Every frame that can be decoded; packets that cannot are counted in `bad_packets`."""
        for packet in self.packets(stream):
            yield from self.decode(packet)

    def decode(self, packet: Packet) -> list[Any]:
        try:
            return packet.decode()
        except (FFmpegError, ValueError, MemoryError) as error:
            self.check_source()
            self.bad_packets += 1
            if self.bad_packets > MAX_BAD_PACKETS:
                raise UnreadableMedia("unreadable_media", "The file is damaged beyond reading.") from error
            return []

    def seek(self, time: float) -> None:
        """Moves to the last key frame at or before `time` seconds; a file that cannot seek starts over."""
        try:
            self.av.seek(int((time + self.start) * 1_000_000), backward=True)
        except FFmpegError:
            self.check_source()
            with suppress(FFmpegError):
                self.av.seek(0, backward=True, any_frame=True)
            self.check_source()

    def check_source(self) -> None:
        if self._source.failure is not None:
            raise self._source.failure


def _best(container: InputContainer, kind: Literal["video", "audio"], streams: list[Any]) -> Any:
    if not streams:
        return None
    best = container.streams.best(kind)
    return best if best in streams else streams[0]


def read_kind(source: BinaryIO) -> tuple[Kind, int]:
    """Format and size in bytes of a seekable file; refuses what the product does not take in."""
    size = source.seek(0, io.SEEK_END)
    if size == 0:
        raise UnreadableMedia("empty_file", "The file is empty.")
    source.seek(0)
    head = source.read(HEAD_BYTES)
    source.seek(0)
    kind = sniff(head)
    if kind is None:
        raise UnreadableMedia("unsupported_media", "This is not a video, audio or image format we can read.")
    return kind, size


@contextmanager
def open_media(source: BinaryIO) -> Iterator[Container]:
    """Opens audio or video for demuxing and decoding; raises UnreadableMedia, or what the source raised.

    Still images are not opened here: see shared.media.pictures.open_image.
    """
    kind, size = read_kind(source)
    if kind.family != "stream":
        raise UnreadableMedia("unsupported_media", "This is a still image, not audio or video.")
    guarded = _Source(source)
    try:
        container = av.open(
            guarded,
            "r",
            format=kind.demuxer,
            options={
                "format_whitelist": kind.whitelist,
                "protocol_whitelist": "none",  # no protocol has this name: the file cannot lead anywhere else
                "max_streams": str(MAX_STREAMS),
                "max_pixels": str(MAX_PIXELS),
            },
            metadata_errors="replace",
            buffer_size=256 * 1024,
        )
    except (FFmpegError, ValueError, MemoryError) as error:
        if guarded.failure is not None:
            raise guarded.failure from None
        raise UnreadableMedia("unreadable_media", "The file is damaged and cannot be opened.") from error
    try:
        opened = Container(container, kind, guarded, size)
        _refuse_oversized(opened)
        yield opened
    finally:
        container.close()


def _refuse_oversized(container: Container) -> None:
    if container.video is None and container.audio is None:
        raise UnreadableMedia("unreadable_media", "The file holds neither pictures nor sound.")
    if container.video is not None:
        context = container.video.codec_context
        if context is None:
            raise UnreadableMedia("unsupported_media", "The video is in a codec we cannot read.")
        if context.width * context.height > MAX_PIXELS:
            raise UnreadableMedia("media_too_large", f"Pictures over {MAX_PIXELS:,} pixels are refused.")
        context.options = {"max_pixels": str(MAX_PIXELS)}  # a later frame may claim another size
        context.thread_type = "AUTO"
