"""What the senses tell beside an answer, and the measures that came with it."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.clock import ManualClock
from emulators.vertex.answers import ApiError
from emulators.vertex.context import context_from
from emulators.vertex.generate.evidence import Hearing, Line, Look, Utterance
from emulators.vertex.generate.facts import Facts
from emulators.vertex.generate.fill import Filler
from emulators.vertex.generate.listening import Listener
from emulators.vertex.generate.movement import movement
from emulators.vertex.generate.reading import Reader
from emulators.vertex.generate.recogniser_pool import SPHINX, RecogniserPool, whisper_folder
from emulators.vertex.generate.seeing import look_at_film, look_at_image
from emulators.vertex.generate.shape import read_shape
from emulators.vertex.generate.speech_gate import SpeechGate
from shared.domain.errors import ApiError as Refused
from shared.domain.mending import mend
from shared.domain.provider_schema import Relief
from shared.domain.schema import admit, to_provider, validate
from tests.emulators.made_media import Scene, film, picture, png, silence, spoken, wav
from tests.emulators.test_vertex_generate_filling import HEARING, LOOK, Seen

TEXT = {"type": "string"}
WORDS = (("we", 61.5, 61.7, 0.9), ("met", 61.7, 62.0, 0.7))


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def told(schema: dict[str, Any], witness: Seen) -> tuple[Any, dict[str, Any]]:
    filler = Filler(Facts(witness))
    return filler.answer(read_shape(schema)), filler.sources.told


def test_each_value_is_told_with_the_line_the_words_or_the_measure_it_comes_from() -> None:
    schema = an_object(speaker=TEXT, location=TEXT, motion_percent={"type": "number"}, word_count={"type": "integer"}, mood=TEXT)
    data, sources = told(schema, Seen())
    assert data["speaker"] == "Jane Doe"
    assert sources["speaker"][0]["sense"] == "reading" and sources["speaker"][0]["text"] == "Speaker: Jane Doe"
    assert sources["location"][0] == {
        "sense": "hearing", "text": "we met outside the old station", "start": 61.5, "end": 63.0, "confidence": 0.8,
        "by": "pocketsphinx en-US",
    }  # fmt: skip
    assert sources["motion_percent"] == [{"sense": "measuring", "of": "motion", "value": 30.0}]
    assert sources["word_count"] == [{"sense": "measuring", "of": "counted", "value": 6}]
    assert "mood" not in sources and set(sources) <= set(data)


def test_words_and_boxes_fill_the_lists_that_ask_for_them() -> None:
    hearing = Hearing("x", "en", (Utterance(61.5, 62.0, "we met", 0.8, WORDS),), ((61.4, 63.1),))
    look = Look(640, 360, True, (Line("EXIT", 0.98, 0.1, 61.0, (0.1, 0.2, 0.3, 0.05)),))
    word = an_object(text=TEXT, start_seconds={"type": "number"})
    number = {"type": "array", "items": {"type": "integer"}}
    schema = an_object(
        utterances={"type": "array", "items": an_object(text=TEXT, words={"type": "array", "items": word})},
        on_screen_text={"type": "array", "items": an_object(text=TEXT, box_2d=number)},
    )
    data, sources = told(schema, Seen(look, hearing))
    assert data["utterances"][0]["words"] == [
        {"text": "we", "start_seconds": 61.5},
        {"text": "met", "start_seconds": 61.7},
    ]
    assert data["on_screen_text"] == [{"text": "EXIT", "box_2d": [200, 100, 250, 400]}]
    assert sources["utterances[]"][0]["words"] == [list(one) for one in WORDS]
    assert sources["on_screen_text[]"][0]["box"] == (0.1, 0.2, 0.3, 0.05)


def test_every_word_heard_has_its_own_time_within_its_utterance() -> None:
    pool = RecogniserPool(1)
    sound = wav(np.concatenate([silence(1), spoken("We need more water for the garden."), silence(1)]))
    heard = Listener(pool, SpeechGate()).listen(lambda: io.BytesIO(sound), 0.0, 5.0)
    pool.stop()
    assert heard.utterances
    for one in heard.utterances:
        assert " ".join(word for word, *_ in one.words) == one.text
        starts = [start for _, start, _, _ in one.words]
        assert starts == sorted(starts) and one.start <= starts[0] and one.words[-1][2] <= one.end + 0.01
    assert Hearing.from_json(json.loads(json.dumps(heard.to_json()))) == heard


def test_a_line_that_was_read_is_told_with_the_box_it_stands_in() -> None:
    look = look_at_image(io.BytesIO(png(picture("navy", ["MARKET STREET"]))), Reader())
    left, top, width, height = look.lines[0].box
    assert (left, top) == pytest.approx((1 / 16, 0.14), abs=0.03)
    assert 0.4 < width < 0.7 and 0.08 < height < 0.16
    assert Look.from_json(json.loads(json.dumps(look.to_json()))) == look


GROUND = np.random.default_rng(3).integers(0, 255, (36, 64)).astype(np.float32)


def views(move: str, count: int = 8) -> list[np.ndarray]:
    import cv2

    wide = cv2.GaussianBlur(cv2.resize(GROUND, (640, 360), interpolation=cv2.INTER_CUBIC), (0, 0), 2)
    made = []
    for number in range(count):
        left, top, share = {"pan": (4 * number, 0, 1), "tilt": (0, 4 * number, 1), "zoom": (0, 0, 1 - 0.03 * number)}.get(
            move, (0, 0, 1)
        )
        width, height = round(400 * share), round(225 * share)
        middle = wide[60 + top + (225 - height) // 2 :, 60 + left + (400 - width) // 2 :][:height, :width]
        made.append(cv2.resize(np.ascontiguousarray(middle), (128, 72), interpolation=cv2.INTER_AREA))
    return made


@pytest.mark.parametrize("move", ["static", "pan", "tilt", "zoom"])
def test_the_movement_of_the_camera_is_told_by_how_the_picture_shifts(move: str) -> None:
    pictures = views(move)
    assert movement(pictures, [0.2 * number for number in range(len(pictures))]) == move


def test_movement_is_not_told_where_there_is_too_little_to_see() -> None:
    assert movement([np.zeros((72, 128), np.float32)] * 8, [0.2 * n for n in range(8)]) is None
    assert movement(views("pan", 2), [0.0, 0.2]) is None


def test_a_card_of_text_a_blank_and_a_soft_picture_are_told_apart() -> None:
    schema = an_object(
        shot_type={"type": "string", "enum": ["Title card", "Blank", "Panning"]},
        camera_motion=TEXT,
        is_blurry={"type": "boolean"},
    )

    def look(**values: Any) -> Any:
        return told(schema, Seen(Look(640, 360, True, **values), None))[0]

    card = (Line("THE END", 0.9, 0.3, 0.0, (0.1, 0.3, 0.8, 0.3)),)
    assert look(lines=card, motion=0.0, sharpness=200.0) == {"shot_type": "Title card", "is_blurry": False}
    assert look(sharpness=0.0) == {"shot_type": "Blank", "is_blurry": True}
    assert look(sharpness=90.0, movement="pan") == {"shot_type": "Panning", "camera_motion": "pan", "is_blurry": False}


def test_a_film_is_measured_for_sharpness_and_a_still_camera() -> None:
    seen = look_at_film(io.BytesIO(film([Scene(2, "navy", ["MARKET STREET"])])), 0.0, 2.0, Reader())
    assert seen is not None and seen.movement == "static" and seen.sharpness > 30


def test_a_whisper_folder_counts_only_with_a_model_in_it_and_the_package_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert whisper_folder({}) is None
    assert whisper_folder({"WHISPER_MODEL_DIR": str(tmp_path)}) is None
    (tmp_path / "model.bin").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    assert whisper_folder({"WHISPER_MODEL_DIR": str(tmp_path)}) is None
    assert RecogniserPool(1).engine == SPHINX


PACKAGE = """
from types import SimpleNamespace as Made
class WhisperModel:
    def __init__(self, folder, device, compute_type, cpu_threads, local_files_only):
        assert device == "cpu" and local_files_only
        self.folder = folder
    def transcribe(self, samples, word_timestamps, condition_on_previous_text, vad_filter, beam_size):
        assert samples.dtype == "float32" and abs(samples).max() <= 1 and not condition_on_previous_text
        word = Made(word=" Jardin", start=0.1, end=len(samples) / 16000, probability=0.75)
        return iter([Made(words=[word]), Made(words=None)]), Made(language="fr")
"""


def test_words_and_language_of_a_whisper_model_are_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is played by one with the same door: its models are not to be had here."""
    (tmp_path / "faster_whisper.py").write_text(PACKAGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = RecogniserPool(1, "/models/small")
    [heard] = pool.hear([silence(0.5).tobytes()])
    pool.stop()
    assert pool.engine == "faster-whisper (small)"
    assert (heard.language, heard.words) == ("fr", [("Jardin", 0.1, 0.5, 0.75)])


def test_the_senses_end_their_recognisers_with_the_server() -> None:
    from emulators.faults import Faults
    from emulators.vertex.generate.wire import generation

    made = generation(Faults(), context_from(ManualClock(), None, lambda uri: b""), {})
    made.close()
    assert made.routes


NAMES = st.sampled_from(["headline", "colour", "spoken_words", "count", "mood", "start", "box", "is_static", "$ref", "x"])
LEAVES = st.sampled_from(
    [
        TEXT,
        True,
        {},
        {"type": "null"},
        {"type": "object"},
        {"type": "array"},
        {"const": "on"},
        {"const": None},
        {"enum": ["a", None, 3]},
        {"enum": [True, False]},
        {"type": "string", "pattern": "^A", "minLength": 3},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5},
        {"type": "number", "minimum": 0, "maximum": 0.5},
        {"type": ["integer", "null"]},
        {"$ref": "#/$defs/d"},
        {"not": {"type": "string"}},
        {"type": "array", "items": TEXT, "uniqueItems": True, "minItems": 2},
    ]
)


def deeper(inner: st.SearchStrategy) -> st.SearchStrategy:
    parts = st.lists(inner, min_size=1, max_size=3)
    objects = st.builds(
        lambda properties, closed: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties)[::2],
            "additionalProperties": not closed,
        },
        st.dictionaries(NAMES, inner, max_size=4),
        st.booleans(),
    )
    return st.one_of(
        objects,
        st.builds(lambda items, low: {"type": "array", "items": items, "minItems": low, "maxItems": 3}, inner, st.integers(0, 4)),
        st.builds(lambda word, of: {word: of}, st.sampled_from(["anyOf", "oneOf", "allOf"]), parts),
        st.builds(lambda of: {"type": "array", "prefixItems": of}, parts),
    )


@given(
    st.dictionaries(NAMES, st.recursive(LEAVES, deeper, max_leaves=8), max_size=4),
    st.sampled_from([Relief.NONE, Relief.BOUNDS, Relief.LENGTHS]),
    st.sampled_from([Seen(), Seen(None, None), Seen(LOOK, None), Seen(None, HEARING)]),
)
@settings(max_examples=250, deadline=None)
def test_what_passes_admission_is_answered_so_that_it_fits_or_is_refused_or_its_misfit_is_named(
    properties: dict[str, Any], relief: Relief, witness: Seen
) -> None:
    schema = {"type": "object", "properties": properties, "$defs": {"d": {"enum": ["abc", "Def"]}}}
    try:
        admit(schema)
        shape = read_shape(to_provider(schema, relief))
    except (Refused, ApiError) as refused:
        assert str(refused)
        return
    filler = Filler(Facts(witness))
    data = json.loads(json.dumps(filler.answer(shape)))
    json.dumps(filler.sources.told)
    for error in validate(schema, mend(schema, data).data):
        assert error.message


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("must match the regular expression ^[A-Z]", "We met outside the old station"),
        ("has at most 12 characters", "we met…"),
        ("must match the regular expression ^\\d+$", None),
        ("has at least 500 characters", None),
        ("must match the regular expression (", "we met outside the old station"),
        ("must match the regular expression ^(w+)+x?.*$. has at most 40 characters", "we met outside the old station"),
    ],
)
def test_rules_told_in_words_are_obeyed_or_the_field_stays_empty(rules: str, said: str | None) -> None:
    data, _ = told(an_object(spoken_words={"type": "string", "description": rules}), Seen(None))
    assert data.get("spoken_words") == said


def test_a_choice_that_may_be_null_is_null_when_it_cannot_be_known() -> None:
    schema = to_provider(an_object(kind={"enum": ["interview", "drama", None]}, shot_type={"enum": ["pan", None]}))
    data, _ = told(schema, Seen(None, None))
    assert data == {"kind": None, "shot_type": None}
