"""A model service on the wire, whose answers a test decides: what it is asked is kept, what it says is a function."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Say = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]

DIMENSIONS = 768


def answer(data: Any, *, finish: str = "STOP") -> tuple[int, dict[str, Any]]:
    """A generateContent response carrying `data` as JSON text."""
    return 200, {
        "candidates": [{"content": {"role": "model", "parts": [{"text": json.dumps(data)}]}, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18},
        "modelVersion": "scripted-model",
    }


def refusal(status: int, message: str = "ordered") -> tuple[int, dict[str, Any]]:
    return status, {"error": {"code": status, "message": message, "status": "UNAVAILABLE"}}


def asks_for(body: dict[str, Any], field: str) -> bool:
    """Whether the response schema of a question has this property."""
    schema = body.get("generationConfig", {}).get("responseJsonSchema") or {}
    return field in schema.get("properties", {})


class Gemini:
    """`say` decides each generateContent; embeddings are derived from the text, so equal texts lie together."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.say: Say = lambda body: answer({"utterances": []} if asks_for(body, "utterances") else {})
        self.refuse_to_embed: Callable[[dict[str, Any]], tuple[int, dict[str, Any]] | None] = lambda body: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        self.asked.clear()
        self.refuse_to_embed = lambda body: None
        self.say = lambda body: answer({"utterances": []} if asks_for(body, "utterances") else {})

    def _respond(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path.endswith(":generateContent"):
            with self._lock:
                self.asked.append(body)
            return self.say(body)
        if path.endswith(":embedContent"):
            refused = self.refuse_to_embed(body)
            return refused or (200, {"embedding": {"values": vector_of(json.dumps(body.get("content") or body))}})
        return refusal(404, f"no such method: {path}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                status, said = service._respond(self.path.split("?")[0], body)
                payload = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: Any) -> None:
                """Tests read what was asked, not a log."""

        return Handler


def vector_of(text: str) -> list[float]:
    """Each word adds to the places it hashes to: texts that share words lie near each other."""
    import zlib

    values = [0.0] * DIMENSIONS
    for word in text.lower().split():
        values[zlib.crc32(word.encode()) % DIMENSIONS] += 1.0
    values[0] += 0.001
    return values
