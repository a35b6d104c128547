"""Makes small films, recordings and pictures whose cuts, colours and tones are known."""

import io
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

RATE = 25
SIZE = (320, 180)


def scene(seed: int, moment: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """An RGB picture of coloured blobs, its own for each seed, drifting slowly with `moment`."""
    random = np.random.default_rng(seed)
    width, height = size
    coarse = random.integers(20, 236, (6, 10, 3), dtype=np.uint8)
    wide = np.asarray(Image.fromarray(coarse).resize((width + 64, height), Image.Resampling.BICUBIC))
    shift = abs((moment + 63) % 126 - 63)  # there and back again
    return np.ascontiguousarray(wide[:, shift : shift + width])


def shots(*lengths: int, first_seed: int = 1, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Pictures of one scene after another; a cut lies wherever a new length begins."""
    return [scene(first_seed + n, at, size) for n, length in enumerate(lengths) for at in range(length)]


def dissolve(before: np.ndarray, after: np.ndarray, length: int) -> list[np.ndarray]:
    shares = [(step + 1) / (length + 1) for step in range(length)]
    return [(before * (1 - share) + after * share).astype(np.uint8) for share in shares]


def film(
    pictures: Iterable[np.ndarray],
    *,
    codec: str = "libx264",
    format: str = "mp4",
    rate: int = RATE,
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    turn: int = 0,
    sound: np.ndarray | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    subtitle: tuple[float, float] | None = None,
) -> bytes:
    """The pictures as a file; `times` are milliseconds for each, `turn` is degrees counter-clockwise."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"  # some options make ffmpeg open its own output a second time
        with av.open(str(path), "w", format=format, options=options or {}) as container:
            _write_film(container, list(pictures), codec, rate, pixels, times, turn, sound, codec_options, subtitle)
        return path.read_bytes()


def _write_film(
    container: av.container.OutputContainer,
    pictures: list[np.ndarray],
    codec: str,
    rate: int,
    pixels: str,
    times: Sequence[int] | None,
    turn: int,
    sound: np.ndarray | None,
    codec_options: dict[str, str] | None,
    subtitle: tuple[float, float] | None,
) -> None:
    video = container.add_stream(codec, rate=rate)
    video.height, video.width = pictures[0].shape[:2]
    video.pix_fmt = pixels
    fast = {"preset": "ultrafast", "crf": "20"} if codec.startswith("libx26") else {"b": "3000000"}
    if codec.startswith("libvpx"):
        fast = {"deadline": "realtime", "cpu-used": "8", "b": "2000000"}
    video.options = codec_options if codec_options is not None else fast
    if times is not None:
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
    if turn:
        video.set_display_rotation(turn)
    audio = None
    if sound is not None:
        audio = container.add_stream("libopus" if container.format.name == "webm" else "aac", rate=48_000, layout="mono")
    words = spoken = None
    if subtitle is not None:
        lines = "1\n{} --> {}\nwhat is said\n\n".format(*(f"00:00:{at:06.3f}".replace(".", ",") for at in subtitle))
        spoken = av.open(io.BytesIO(lines.encode()), format="srt")
        words = container.add_stream_from_template(spoken.streams.subtitles[0])
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number if times is None else times[number]
        frame.time_base = Fraction(1, rate) if times is None else Fraction(1, 1000)
        container.mux(video.encode(frame))
    container.mux(video.encode())
    if audio is not None and sound is not None:
        _write_sound(container, audio, sound, 48_000)
    if words is not None and spoken is not None:
        for packet in spoken.demux():
            if packet.size:
                packet.stream = words
                container.mux(packet)
        spoken.close()


def recording(
    samples: np.ndarray,
    *,
    codec: str = "pcm_s16le",
    format: str = "wav",
    rate: int = 48_000,
    cover: bytes | None = None,
    quality: int | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """Mono int16 samples as an audio file; a `quality` asks for a varying bit rate."""
    out = io.BytesIO()
    with av.open(out, "w", format=format, options=options or {}) as container:
        audio = container.add_stream(codec, rate=rate, layout="mono")
        if quality is not None:
            audio.options = {"flags": "+qscale", "global_quality": str(quality * 118)}
        picture = None
        if cover is not None:
            picture = container.add_stream("mjpeg", rate=1)
            with Image.open(io.BytesIO(cover)) as image:
                picture.width, picture.height = image.size
            picture.pix_fmt = "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            container.start_encoding()
            packet = av.Packet(cover)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = picture, 0, 0, True
            packet.time_base = Fraction(1, 1)
            container.mux(packet)
        _write_sound(container, audio, samples, rate)
    return out.getvalue()


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, samples: np.ndarray, rate: int) -> None:
    at = 0
    for piece in np.array_split(samples, max(1, len(samples) // 1024)):
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        at += len(piece)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def tone(hertz: float, seconds: float, rate: int = 48_000, level: float = 0.4) -> np.ndarray:
    moments = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * hertz * moments) * level * 32767).astype(np.int16)


def silence(seconds: float, rate: int = 48_000) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.int16)


def babble(seconds: float, rate: int = 48_000, seed: int = 5) -> np.ndarray:
    """A buzz with gliding pitch cut into syllables with hissing between: the shape of speech, no words."""
    random = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    made = 0.0
    while made < seconds:
        voiced, hiss, gap = random.uniform(0.10, 0.18), random.uniform(0.03, 0.06), random.uniform(0.03, 0.07)
        moments = np.arange(round(voiced * rate)) / rate
        pitch = random.uniform(100, 180) * (1 + 0.15 * moments / voiced)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        buzz = sum(np.sin(k * phase) / k for k in range(1, 18)) * np.hanning(len(moments))
        noise = random.normal(0, 0.15, round(hiss * rate))
        parts += [buzz * 0.3, noise * 0.3, np.zeros(round(gap * rate))]
        made += voiced + hiss + gap
    joined = np.concatenate(parts)[: round(seconds * rate)]
    return (np.clip(joined, -1, 1) * 20_000).astype(np.int16)


def picture(format: str = "JPEG", size: tuple[int, int] = SIZE, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(scene(3, 0, size)).save(out, format, **options)
    return out.getvalue()
