"""Sound comes out at 16 kHz in media time, and what is heard in it is placed where it is."""

import io
import wave

import numpy as np
import pytest

from shared.media.audio import SAMPLE_RATE, audio_span, sound
from shared.media.hearing import activity, listen
from tests.media.making import babble, film, recording, shots, silence, tone

CODECS = [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libopus"), ("ipod", "aac")]


def whole(data: bytes) -> np.ndarray:
    pieces = list(sound(io.BytesIO(data), chunk_samples=7_000))
    assert all(piece.dtype == np.int16 for piece in pieces)
    assert all(len(piece) == 7_000 for piece in pieces[:-1])
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(samples))


def first_loud(samples: np.ndarray) -> float:
    return float(np.flatnonzero(np.abs(samples) > 3000)[0]) / SAMPLE_RATE


@pytest.mark.parametrize(("format", "codec"), CODECS)
def test_a_tone_keeps_its_pitch_its_length_and_its_place(format: str, codec: str) -> None:
    made = np.concatenate((silence(1.0), tone(700, 1.0)))
    samples = whole(recording(made, format=format, codec=codec))
    assert len(samples) / SAMPLE_RATE == pytest.approx(2.0, abs=0.08)
    assert first_loud(samples) == pytest.approx(1.0, abs=0.06)
    assert pitch(samples[20_000:30_000]) == pytest.approx(700, abs=5)


def test_a_film_without_sound_gives_none() -> None:
    silent = film(shots(10))
    assert len(whole(silent)) == 0
    assert activity(io.BytesIO(silent)).speech == ()


def test_sound_of_a_film_lines_up_with_its_pictures() -> None:
    data = film(shots(75), sound=np.concatenate((silence(2.0), tone(500, 1.0))))
    assert first_loud(whole(data)) == pytest.approx(2.0, abs=0.05)


def with_gap(before: float, gap: float, after: float) -> bytes:
    """A file whose timestamps leave out `gap` seconds."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        for start, seconds in ((0.0, before), (before + gap, after)):
            samples = tone(600, seconds, SAMPLE_RATE)
            for at in range(0, len(samples), 800):
                frame = av.AudioFrame.from_ndarray(samples[at : at + 800].reshape(1, -1), format="s16", layout="mono")
                frame.sample_rate, frame.pts = SAMPLE_RATE, round(start * SAMPLE_RATE) + at
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def test_a_gap_in_the_timestamps_is_silence() -> None:
    samples = whole(with_gap(1.0, 2.0, 1.0))
    assert len(samples) / SAMPLE_RATE == pytest.approx(4.0, abs=0.05)
    assert np.abs(samples[17_000:47_000]).max() == 0
    assert np.abs(samples[49_000:]).max() > 3000


def test_a_span_is_a_wav_of_exactly_that_stretch() -> None:
    data = film(shots(100), sound=np.concatenate((silence(2.0), tone(900, 1.0), silence(1.0))))
    with wave.open(io.BytesIO(audio_span(io.BytesIO(data), 1.5, 3.5))) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, SAMPLE_RATE)
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
    assert len(samples) == 2 * SAMPLE_RATE
    assert first_loud(samples) == pytest.approx(0.5, abs=0.05)
    assert pitch(samples[10_000:20_000]) == pytest.approx(900, abs=5)


def test_a_span_past_the_end_and_a_span_of_a_silent_film_are_silence() -> None:
    for data in (recording(tone(500, 1.0)), film(shots(25))):
        with wave.open(io.BytesIO(audio_span(io.BytesIO(data), 5.0, 5.5))) as wav:
            assert wav.getnframes() == SAMPLE_RATE // 2
            assert not any(wav.readframes(wav.getnframes()))


def test_speech_is_heard_where_it_is_and_a_pause_divides_it() -> None:
    made = np.concatenate((silence(1.0), babble(3.0), silence(1.0), babble(2.0, seed=8), silence(1.0)))
    spans = activity(io.BytesIO(recording(made))).speech
    assert [(round(s.start), round(s.end)) for s in spans] == [(1, 4), (5, 7)]


@pytest.mark.parametrize(
    "made",
    [
        silence(4.0),
        tone(440, 4.0),
        np.random.default_rng(2).normal(0, 4000, 48_000 * 4).astype(np.int16),
        np.concatenate([tone(hertz, 0.5) for hertz in (262, 330, 392, 523, 392, 330, 262, 196)]),
    ],
    ids=["silence", "one tone", "noise", "a scale"],
)
def test_what_is_not_speech_is_not_taken_for_it(made: np.ndarray) -> None:
    assert activity(io.BytesIO(recording(made))).speech == ()


def test_changes_of_sound_are_placed_where_they_happen() -> None:
    noise = np.random.default_rng(3).normal(0, 3000, 16_000 * 4).astype(np.int16)
    parts = [tone(440, 4.0, 16_000), tone(1500, 4.0, 16_000), noise, silence(4.0, 16_000)]
    assert listen([np.concatenate(parts)]).changes == pytest.approx([4.0, 8.0, 12.0], abs=0.1)


def test_hearing_does_not_depend_on_how_the_sound_is_cut_into_chunks() -> None:
    samples = np.concatenate((silence(1.0, 16_000), babble(4.0, 16_000), tone(800, 3.0, 16_000)))
    assert listen([samples]) == listen(np.array_split(samples, 23))
