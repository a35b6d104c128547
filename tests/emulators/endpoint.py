"""An HTTP endpoint on loopback that records what it is sent and answers as the test orders."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[Seen], tuple[int, dict[str, str]]]


class Endpoint:
    """`reply` decides status and headers of each answer; `wait_for(n)` returns once n requests came."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply: Reply = reply or (lambda seen: (200, {}))
        self.seen: list[Seen] = []
        self._changed = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Seen(self.command, self.path, dict(self.headers.items()), body)
                status, headers = endpoint.reply(seen)
                endpoint._record(seen)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                """Tests say what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _record(self, seen: Seen) -> None:
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout: float = 40.0) -> list[Seen]:
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.seen) >= count, timeout)
            assert arrived, f"{len(self.seen)} of {count} requests came"
            return list(self.seen)

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
