"""Sound as 16 kHz mono samples whose position is media time, and what can be told from it without a model."""

import io
import wave
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from shared.media.opener import Container, open_media

SAMPLE_RATE = 16_000
CHUNK_SAMPLES = 16_000 * 10
# A gap in the timestamps below this is jitter; above it silence is filled in so that time stays true.
_GAP_SAMPLES = SAMPLE_RATE // 20
_LONGEST_GAP_SECONDS = 6 * 3600
_LONGEST_SECONDS = 24 * 3600


def sound(source: BinaryIO, *, chunk_samples: int = CHUNK_SAMPLES) -> Iterator[np.ndarray]:
    """int16 mono chunks at 16 kHz; sample n of the whole is heard n / 16000 seconds into the media.

    Nothing at all for media without sound. Raises UnreadableMedia where the file cannot be opened.
    """
    with open_media(source) as container:
        yield from _chunked(container, chunk_samples)


def audio_span(source: BinaryIO, start: float, end: float) -> bytes:
    """The sound from `start` to `end` seconds as a mono 16 kHz WAV file; silence where there is none."""
    wanted = max(0, round((end - start) * SAMPLE_RATE))
    taken = np.zeros(wanted, np.int16)
    first = round(start * SAMPLE_RATE)
    with open_media(source) as container:
        if container.audio is not None:
            container.seek(max(0.0, start - 1.0))  # codecs need a moment to warm up
            for at, samples in _timed(container):
                if at >= first + wanted:
                    break
                low, high = max(at, first), min(at + len(samples), first + wanted)
                if low < high:
                    taken[low - first : high - first] = samples[low - at : high - at]
    return to_wav(taken)


def to_wav(samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> bytes:
    """A mono 16 bit WAV file of the samples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(sample_rate)
        wav.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def _chunked(container: Container, chunk_samples: int) -> Iterator[np.ndarray]:
    """The samples laid end to end in even chunks."""
    pending: list[np.ndarray] = []
    held = 0
    for samples in _continuous(container, chunk_samples):
        pending.append(samples)
        held += len(samples)
        while held >= chunk_samples:
            whole = np.concatenate(pending)
            yield whole[:chunk_samples]
            pending, held = [whole[chunk_samples:]], held - chunk_samples
    if held:
        yield np.concatenate(pending)


def _continuous(container: Container, chunk_samples: int) -> Iterator[np.ndarray]:
    """The timed samples in pieces without gap or overlap: silence is put in, what comes twice is dropped."""
    written = 0
    for at, samples in _timed(container):
        if written > _LONGEST_SECONDS * SAMPLE_RATE:
            break
        ahead = at - written
        if ahead > _LONGEST_GAP_SECONDS * SAMPLE_RATE:
            continue  # a broken timestamp, not a day of silence
        if ahead > _GAP_SAMPLES:
            for start in range(0, ahead, chunk_samples):
                yield np.zeros(min(chunk_samples, ahead - start), np.int16)
            written += ahead
        elif ahead < -_GAP_SAMPLES:
            samples = samples[-ahead:]
        yield samples
        written += len(samples)


def _timed(container: Container) -> Iterator[tuple[int, np.ndarray]]:
    """(position in samples, int16 mono samples) of every frame that decodes."""
    stream = container.audio
    if stream is None:
        return
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    position = 0
    for frame in container.frames(stream):
        shown = container.time_of(frame)
        if shown is not None:
            expected = round(shown * SAMPLE_RATE)
            if abs(expected - position) > _GAP_SAMPLES:
                position = expected
        frame.pts = None  # the resampler would fill gaps in its own way
        try:
            pieces = resampler.resample(frame)
        except (FFmpegError, ValueError):
            # The sound changed its shape midway (damage, or a joined file): begin a new resampler.
            resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            container.bad_packets += 1
            continue
        for piece in pieces:
            samples = piece.to_ndarray().reshape(-1)
            if position + len(samples) > 0:
                yield max(position, 0), samples[max(0, -position) :]
            position += len(samples)
