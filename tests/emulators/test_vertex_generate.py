"""Google's own client asks the emulator about media whose content is known."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from emulators.clock import ManualClock
from emulators.faults import Fault, Faults
from emulators.vertex.server import serve
from tests.emulators.made_media import Scene, film, picture, png, silence, spoken, tone, wav

SCENE = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "scene": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "people": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}, "emotion": {"type": "string"}}},
                },
            },
        },
    },
}
TRANSCRIPT = {
    "type": "object",
    "properties": {
        "language": {"type": "string", "description": "BCP 47 code of the language spoken, empty if nobody speaks"},
        "utterances": {
            "type": "array",
            "description": "Everything that is spoken, in order",
            "items": {
                "type": "object",
                "properties": {
                    "start_seconds": {"type": "number", "description": "start in seconds from the start of the media"},
                    "end_seconds": {"type": "number", "description": "end in seconds from the start of the media"},
                    "text": {"type": "string", "description": "verbatim words spoken"},
                },
                "required": ["start_seconds", "end_seconds", "text"],
            },
        },
    },
    "required": ["utterances"],
}
GARDEN = "We need more water for the garden."


class Cloud:
    """The emulator, a bucket in memory, and Google's client pointed at them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults = Faults()
        self.server = serve(None, self.faults, ManualClock(), self._read)
        self.client = genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(token="local"),
            http_options=types.HttpOptions(base_url=f"http://127.0.0.1:{self.server.port}"),
        )

    def _read(self, uri: str) -> bytes:
        if uri not in self.objects:
            raise FileNotFoundError(uri)
        return self.objects[uri]

    def put(self, name: str, data: bytes) -> str:
        uri = f"gs://media/{name}"
        self.objects[uri] = data
        return uri

    def ask(
        self, schema: dict, *, uri: str = "", mime: str = "video/x-matroska", span: Any = None, text: str = "Fill it."
    ) -> Any:
        parts = [types.Part(text=text)]
        if uri:
            offsets = types.VideoMetadata(start_offset=f"{span[0]}s", end_offset=f"{span[1]}s") if span else None
            parts.append(types.Part(file_data=types.FileData(file_uri=uri, mime_type=mime), video_metadata=offsets))
        config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)
        return self.client.models.generate_content(
            model="gemini-2.5-flash", contents=[types.Content(role="user", parts=parts)], config=config
        )

    def filled(self, schema: dict, **question: Any) -> Any:
        answer = json.loads(self.ask(schema, **question).text)
        jsonschema_rs.validate(schema, answer)
        return answer


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("GEMINI_API_KEY", "OPENAI_BASE_URL"):  # whoever runs the tests may have a model of their own
            environment.delenv(name, raising=False)
        cloud = Cloud()
    yield cloud
    cloud.server.stop()


@pytest.fixture(scope="module")
def news(cloud: Cloud) -> str:
    """Three seconds of red with words, then four of blue with other words, over tone, speech and silence."""
    sound = np.concatenate([tone(3.0), silence(0.3), spoken(GARDEN), silence(4.0)])[: 7 * 16_000]
    scenes = [Scene(3, "darkred", ["MINISTER RESIGNS", "Central Station"]), Scene(4, "navy", ["PLATFORM SEVEN"])]
    return cloud.put("news", film(scenes, sound))


def test_a_headline_is_the_biggest_text_of_its_own_stretch_only(cloud: Cloud, news: str) -> None:
    assert "MINISTER" in cloud.filled(SCENE, uri=news, span=(0, 3))["headline"]
    assert "PLATFORM" in cloud.filled(SCENE, uri=news, span=(3, 7))["headline"]


def test_a_location_is_named_only_if_words_name_one_and_nobody_is_made_up(cloud: Cloud, news: str) -> None:
    first = cloud.filled(SCENE, uri=news, span=(0, 3))
    second = cloud.filled(SCENE, uri=news, span=(3, 7))
    assert first["scene"] == {"location": "Central Station", "people": []}
    assert second["scene"] == {"people": []}


def test_spoken_words_come_back_with_their_times_in_the_media(cloud: Cloud, news: str) -> None:
    heard = cloud.filled(TRANSCRIPT, uri=news, span=(3, 7))
    assert heard["language"] == "en"
    assert "water for the garden" in " ".join(one["text"] for one in heard["utterances"])
    assert 3.0 <= heard["utterances"][0]["start_seconds"] < 3.9
    assert heard["utterances"][-1]["end_seconds"] < 6.5


def test_a_tone_is_not_taken_for_speech(cloud: Cloud, news: str) -> None:
    heard = cloud.filled(TRANSCRIPT, uri=news, span=(0, 3))
    assert heard == {"utterances": []}


def test_a_subtitle_track_is_believed_before_any_recognition(cloud: Cloud) -> None:
    sound = np.concatenate([silence(0.5), spoken(GARDEN), silence(2)])[: 4 * 16_000]
    lines = [(0.5, 2.0, "Guten Morgen, Köln."), (2.5, 3.5, "Bis morgen.")]
    uri = cloud.put("subtitled", film([Scene(4, "green")], sound, lines))
    heard = cloud.filled(TRANSCRIPT, uri=uri, span=(0, 2.2))
    assert [one["text"] for one in heard["utterances"]] == ["Guten Morgen, Köln."]
    assert heard["utterances"][0]["start_seconds"] == pytest.approx(0.5, abs=0.05)


def test_measures_fill_numbers_booleans_and_enums_by_what_their_names_mean(cloud: Cloud, news: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "dominantColour": {"type": "string", "enum": ["red", "green", "blue"]},
            "has_speech": {"type": "boolean"},
            "on_screen_text": {"type": "array", "items": {"type": "string"}},
            "text_present": {"type": "boolean"},
            "duration_seconds": {"type": "number"},
            "clip_start": {"type": "string", "description": "MM:SS from the start of the media"},
            "camera_motion_state": {"type": ["string", "null"]},
            "movement": {"type": "string", "enum": ["static", "moving"]},
            "number_of_shots": {"type": "integer"},
            "frame_width": {"type": "integer"},
            "mood": {"type": ["string", "null"], "enum": ["happy", "sad", None]},
        },
    }
    first = cloud.filled(schema, uri=news, span=(0, 3))
    assert first["dominantColour"] == "red"
    assert first["has_speech"] is False
    assert first["text_present"] is True
    assert first["duration_seconds"] == 3
    assert first["clip_start"] == "00:00.00"
    assert first["movement"] == "static"
    assert first["number_of_shots"] == 1
    assert first["frame_width"] == 640
    assert first["mood"] is None
    assert any("MINISTER" in line for line in first["on_screen_text"])
    whole = cloud.filled(schema, uri=news, span=(1, 6.5))
    assert whole["number_of_shots"] == 2
    assert whole["has_speech"] is True


def test_media_without_words_is_described_by_what_was_measured(cloud: Cloud) -> None:
    uri = cloud.put("plain", film([Scene(2, "red")], tone(2)))
    assert cloud.filled(SCENE, uri=uri, span=(0, 2))["headline"] == "red frame, static, tones"


def test_a_picture_is_read_without_times(cloud: Cloud) -> None:
    uri = cloud.put("sign", png(picture("blue", ["MARKET STREET"])))
    answer = cloud.ask({"type": "object", "properties": {"sign_text": {"type": "string"}}}, uri=uri, mime="image/png")
    assert json.loads(answer.text) == {"sign_text": "MARKET STREET"}
    assert answer.usage_metadata.prompt_tokens_details[-1].token_count == 258


def test_sound_alone_can_be_asked_about(cloud: Cloud) -> None:
    uri = cloud.put("note", wav(np.concatenate([silence(0.5), spoken(GARDEN), silence(0.5)])))
    schema = {"type": "object", "properties": {"summary": {"type": "string"}, "colour": {"type": ["string", "null"]}}}
    filled = cloud.filled(schema, uri=uri, mime="audio/wav", span=(0, 3))
    assert "garden" in filled["summary"]
    assert filled["colour"] is None


def test_the_answer_names_itself_and_what_it_did_not_know(cloud: Cloud, news: str) -> None:
    answer = cloud.ask(SCENE, uri=news, span=(3, 7))
    candidate = answer.candidates[0]
    assert answer.model_version == "offline-evidence"
    assert candidate.finish_reason.name == "STOP"
    note = json.loads(candidate.finish_message)
    assert {"scene.location", "scene.people"} <= set(note["unknown"])
    assert note["evidence"]["headline"][0]["sense"] == "reading" and "PLATFORM" in note["evidence"]["headline"][0]["text"]
    rates = {detail.modality.name: detail.token_count for detail in answer.usage_metadata.prompt_tokens_details}
    assert rates["VIDEO"] == 4 * 258
    assert rates["AUDIO"] == 4 * 32
    counted = cloud.client.models.count_tokens(model="gemini-2.5-flash", contents=[types.Part(text="hello there")])
    assert counted.total_tokens == 3


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"uri": "gs://media/nowhere"}, 404, "NOT_FOUND"),
        ({"uri": "broken"}, 400, "INVALID_ARGUMENT"),
        ({"span": (500, 510)}, 400, "INVALID_ARGUMENT"),
        ({"schema": {"type": "thing"}}, 400, "INVALID_ARGUMENT"),
        ({"schema": {"$ref": "#/$defs/nothing"}}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_what_cannot_be_answered_is_refused_as_google_refuses(
    cloud: Cloud, news: str, change: dict, code: int, status: str
) -> None:
    if change.get("uri") == "broken":
        change = {"uri": cloud.put("broken", b"\x00\x01 this is no film" * 50)}
    with pytest.raises(errors.ClientError) as refused:
        cloud.ask(**{"schema": SCENE, "uri": news, "span": (0, 3), **change})
    assert (refused.value.code, refused.value.status) == (code, status)


def test_an_ordered_failure_reaches_the_client_as_its_status(cloud: Cloud, news: str) -> None:
    cloud.faults.order(Fault("vertex.generateContent", status=429))
    with pytest.raises(errors.ClientError) as throttled:
        cloud.ask(SCENE, uri=news, span=(0, 3))
    assert throttled.value.status == "RESOURCE_EXHAUSTED"
    assert cloud.filled(SCENE, uri=news, span=(0, 3))["headline"]
