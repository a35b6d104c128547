"""A model of the user's own answers instead: what reaches it, and how its answers and refusals come back."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from emulators.clock import ManualClock
from emulators.faults import Faults
from emulators.vertex.context import context_from
from emulators.vertex.generate.wire import generation
from tests.emulators.made_media import Scene, film, picture, png, silence, spoken

PATH = "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent"
SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}, "mood": {"type": "string"}}}
SOUND = np.concatenate([silence(0.2), spoken("We need more water for the garden."), silence(2)])[:64_000]
OBJECTS = {
    "gs://b/film": film([Scene(2, "red"), Scene(2, "blue")], SOUND),
    "gs://b/sign": png(picture("lime", ["OPEN"])),
}


class Server:
    """Remembers what it was asked and answers what it was told, as model servers do."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.status, self.reply = 200, {}  # type: int, dict[str, Any]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, {"object": "list", "data": [{"id": "local-vision", "object": "model"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self._answer(outer.status, outer.reply)

            def _answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def asking(
    environment: dict[str, str], uri: str | None, schema: dict = SCHEMA, span: tuple[str, str] | None = ("2s", "4s")
) -> Any:
    """The emulator's answer to one question, over its own wire."""
    context = context_from(ManualClock(), None, OBJECTS.__getitem__)
    parts: list[dict[str, Any]] = [{"text": "Say what is there."}]
    if uri:
        clip = {"videoMetadata": {"startOffset": span[0], "endOffset": span[1]}} if span else {}
        parts.append({"fileData": {"fileUri": uri, "mimeType": "video/mp4"}, **clip})
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    body = {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}
    return TestClient(Starlette(routes=generation(Faults(), context, environment).routes)).post(PATH, json=body)


def completion(text: str, **choice: Any) -> dict[str, Any]:
    return {
        "id": "c1", "object": "chat.completion", "model": "local-vision-7b",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, **choice}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }  # fmt: skip


def test_gemini_is_sent_the_stretch_itself_and_its_answer_comes_back_as_it_is(server: Server) -> None:
    server.reply = {
        "candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "STOP"}],
        "modelVersion": "gemini-2.5-flash-001",
    }
    answer = asking({"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": server.url}, "gs://b/film")
    assert answer.json() == server.reply
    ((path, headers, body),) = server.asked
    assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert headers["x-goog-api-key"] == "k"
    assert body["generationConfig"]["responseJsonSchema"] == SCHEMA
    clip = body["contents"][0]["parts"][0]["inlineData"]
    assert clip["mimeType"] == "video/mp4"
    assert "gs://" not in json.dumps(body)
    with av.open(io.BytesIO(base64.b64decode(clip["data"]))) as sent:
        frames = [frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0) for frame in sent.decode(video=0)]
        assert len(frames) / 8 == pytest.approx(2, abs=0.5)
        assert all(blue > red + 100 for red, _, blue in frames)  # the red half of the film stayed here
        assert sent.streams.audio[0].duration is not None


def test_gemini_refusals_keep_their_status_and_words(server: Server) -> None:
    server.status, server.reply = 429, {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}
    answer = asking({"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": server.url}, None)
    assert answer.status_code == 429
    assert answer.json()["error"] == {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}


def test_an_openai_server_is_shown_frames_and_told_what_was_heard(server: Server) -> None:
    server.reply = completion('```json\n{"headline": "blue", "mood": "calm"}\n```')
    answer = asking({"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": "secret"}, "gs://b/film", span=("0s", "4s")).json()
    assert json.loads(answer["candidates"][0]["content"]["parts"][0]["text"]) == {"headline": "blue", "mood": "calm"}
    assert answer["modelVersion"] == "local-vision-7b"
    assert answer["usageMetadata"] == {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}
    ((path, headers, body),) = server.asked
    assert (path, headers["authorization"], body["model"]) == ("/v1/chat/completions", "Bearer secret", "local-vision")
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    content = body["messages"][-1]["content"]
    frames = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert len(frames) == 4
    assert all(url.startswith("data:image/jpeg;base64,") for url in frames)
    assert any("garden" in part["text"] for part in content if part["type"] == "text")


def test_questions_about_sound_alone_are_not_sent_to_a_model_without_ears(server: Server) -> None:
    schema = {"type": "object", "properties": {"transcript": {"type": "string"}}}
    answer = asking({"OPENAI_BASE_URL": server.url}, "gs://b/film", schema, ("0s", "4s")).json()
    assert answer["modelVersion"] == "offline-evidence"
    assert "garden" in answer["candidates"][0]["content"]["parts"][0]["text"]
    assert server.asked == []


def test_a_picture_goes_along_whole_and_an_answer_cut_short_says_so(server: Server) -> None:
    server.reply = completion('{"headline": "OP', finish_reason="length")
    answer = asking({"OPENAI_BASE_URL": server.url, "OPENAI_MODEL": "mine"}, "gs://b/sign", span=None).json()
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert server.asked[0][2]["model"] == "mine"


@pytest.mark.parametrize(("theirs", "ours"), [(429, 429), (401, 401), (422, 400), (500, 503), (502, 503)])
def test_refusals_of_an_openai_server_become_googles(server: Server, theirs: int, ours: int) -> None:
    server.status, server.reply = theirs, {"error": {"message": "no", "type": "x"}}
    answer = asking({"OPENAI_BASE_URL": server.url, "OPENAI_MODEL": "mine"}, None)
    assert (answer.status_code, answer.json()["error"]["message"]) == (ours, "no")


def test_a_model_server_that_is_not_there_is_unavailable() -> None:
    answer = asking({"OPENAI_BASE_URL": "http://127.0.0.1:9", "OPENAI_MODEL": "mine"}, None)
    assert answer.status_code == 503
    assert answer.json()["error"]["status"] == "UNAVAILABLE"
