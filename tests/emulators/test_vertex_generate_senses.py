"""The senses by themselves: telling speech from sound, recognising side by side, keeping what was found."""

import io
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from emulators.clock import ManualClock
from emulators.vertex.context import context_from
from emulators.vertex.generate import colours, sound
from emulators.vertex.generate.kept_evidence import KeptEvidence
from emulators.vertex.generate.listening import Listener
from emulators.vertex.generate.question import MediaPart
from emulators.vertex.generate.reading import Reader
from emulators.vertex.generate.recogniser_pool import RecogniserPool
from emulators.vertex.generate.seeing import look_at_film
from emulators.vertex.generate.speech_gate import SpeechGate
from emulators.vertex.generate.warmth import Resting
from emulators.vertex.generate.witness import Senses, Stretch
from tests.emulators.made_media import Scene, film, silence, spoken, tone, wav

GARDEN = "We need more water for the garden."


@pytest.fixture
def pool():
    pool = RecogniserPool(2)
    yield pool
    pool.stop()


def words(heard: list) -> str:
    return " ".join(word for word, *_ in heard)


def test_speech_is_told_from_tones_noise_and_silence() -> None:
    gate = SpeechGate()
    noise = np.random.default_rng(1).normal(0, 3000, 48_000).astype(np.int16)
    for other in (tone(3), noise, silence(3), silence(0)):
        assert gate.spans(other) == []
    (span,) = gate.spans(np.concatenate([silence(1), spoken(GARDEN), silence(1)]))
    assert span[0] == pytest.approx(1.0, abs=0.3)
    assert span[1] == pytest.approx(1.0 + len(spoken(GARDEN)) / 16_000, abs=0.5)


def test_a_long_speech_is_cut_into_spans_a_recogniser_can_take() -> None:
    endless = np.concatenate([spoken(GARDEN)[4000:36_000]] * 20)
    spans = SpeechGate().spans(endless)
    assert len(spans) > 2
    assert all(end - start < 16 for start, end in spans)


def test_without_the_right_gate_nothing_is_recognised_and_the_answer_says_why(tmp_path: Path, pool: RecogniserPool) -> None:
    other = tmp_path / "silero_vad_v6.onnx"
    other.write_bytes(b"some other model")
    sound_track = wav(spoken(GARDEN))
    heard = Listener(pool, SpeechGate(lambda: other)).listen(lambda: io.BytesIO(sound_track), 0.0, 2.0)
    assert heard.utterances == ()
    assert heard.source == "speech recognition is not installed"
    assert heard.loudness > -40
    assert pool.pids() == set()


def test_two_utterances_are_recognised_by_two_processes_and_in_order(pool: RecogniserPool) -> None:
    numbers = spoken("one two three four five").tobytes()
    heard = pool.words([spoken(GARDEN).tobytes(), numbers] * 2)
    assert len(pool.pids()) == 2
    assert "garden" in words(heard[0])
    assert "three four five" in words(heard[1])
    assert heard[0] == heard[2]  # what was heard before does not colour what is heard next
    assert heard[1] == heard[3]


def test_a_recogniser_that_dies_is_replaced_and_its_words_are_not_lost(pool: RecogniserPool) -> None:
    first = pool.words([spoken(GARDEN).tobytes()])
    (before,) = pool.pids()
    os.kill(before, signal.SIGKILL)
    assert pool.words([spoken(GARDEN).tobytes()]) == first
    assert before not in pool.pids()


def test_resting_ends_the_processes_and_work_starts_new_ones(pool: RecogniserPool) -> None:
    pool.words([spoken(GARDEN).tobytes()])
    clock = ManualClock()
    resting = Resting(clock, pool.rest, idle=300)
    with resting.awake():
        clock.advance(1000)
        assert not resting.rest_if_idle()  # work in progress is never put to rest
    clock.advance(299)
    assert not resting.rest_if_idle()
    clock.advance(2)
    assert resting.rest_if_idle()
    assert pool.pids() == set()
    assert "garden" in words(pool.words([spoken(GARDEN).tobytes()])[0])


def test_what_two_ask_at_once_is_looked_for_once(tmp_path: Path) -> None:
    kept = KeptEvidence(tmp_path, ManualClock())
    entered, go_on = threading.Event(), threading.Event()
    looks: list[int] = []

    def look() -> dict:
        looks.append(1)
        entered.set()
        go_on.wait(10)
        return {"seen": "red"}

    answers: list = []
    askers = [threading.Thread(target=lambda: answers.append(kept.find("a", look))) for _ in range(3)]
    for asker in askers:
        asker.start()
    entered.wait(10)
    go_on.set()
    for asker in askers:
        asker.join(10)
    assert answers == [{"seen": "red"}] * 3
    assert len(looks) == 1
    kept.close()
    again = KeptEvidence(tmp_path, ManualClock())
    assert again.find("a", lambda: {"seen": "nothing new"}) == {"seen": "red"}


def test_a_look_that_fails_is_not_kept(tmp_path: Path) -> None:
    kept = KeptEvidence(tmp_path, ManualClock())

    def fail() -> dict:
        raise OSError("the store is away")

    with pytest.raises(OSError, match="away"):
        kept.find("a", fail)
    assert kept.find("a", lambda: {"seen": 1}) == {"seen": 1}


def test_the_least_recently_used_evidence_makes_room() -> None:
    clock = ManualClock()
    kept = KeptEvidence(None, clock, kept_rows=10)
    for name in "abcdefghijk":
        clock.advance(1)
        kept.find("a", lambda: {"found": "a"})
        kept.find(name, lambda name=name: {"found": name})
    assert kept.find("a", lambda: {"found": "anew"}) == {"found": "a"}
    assert kept.find("b", lambda: {"found": "anew"}) == {"found": "anew"}


def test_an_object_overwritten_under_the_same_name_is_looked_at_anew() -> None:
    objects = {"gs://b/film": film([Scene(1, "red")])}
    senses = Senses(context_from(ManualClock(), None, objects.__getitem__))
    part = MediaPart("gs://b/film", None, "video/x-matroska", 0.0, 1.0)
    before = Stretch(part, senses).look()
    objects["gs://b/film"] = film([Scene(1, "lime")])
    after = Stretch(part, senses).look()
    assert before is not None and before.colours[0][0] == "red"
    assert after is not None and after.colours[0][0] == "green"
    senses.close()


def test_a_stretch_between_two_frames_shows_the_frame_still_standing() -> None:
    look = look_at_film(io.BytesIO(film([Scene(1, "red"), Scene(1, "blue")])), 0.52, 0.55, Reader())
    assert look is not None
    assert look.colours[0][0] == "red"


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((200, 20, 20), "red"),
        ((250, 140, 20), "orange"),
        ((240, 230, 40), "yellow"),
        ((30, 160, 50), "green"),
        ((30, 60, 200), "blue"),
        ((130, 40, 180), "purple"),
        ((250, 120, 190), "pink"),
        ((110, 70, 30), "brown"),
        ((128, 128, 128), "grey"),
        ((250, 250, 250), "white"),
        ((10, 10, 10), "black"),
    ],
)
def test_colours_are_called_what_people_call_them(rgb: tuple[int, int, int], name: str) -> None:
    assert colours.shares(np.full((4, 4, 3), rgb, np.uint8)) == [(name, 1.0)]


def test_sound_is_measured_in_level_silence_and_tones() -> None:
    loudness, quiet, tonal = sound.measure(np.concatenate([tone(1), silence(1)]))
    assert loudness == pytest.approx(20 * np.log10(8000 / 32768 / 2), abs=0.5)
    assert quiet == pytest.approx(0.5, abs=0.05)
    assert tonal > 0.9
    noise = np.random.default_rng(1).normal(0, 3000, 32_000).astype(np.int16)
    assert sound.measure(noise)[2] < 0.1
