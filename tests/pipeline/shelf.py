"""Files at addresses of somebody's, of which some run out."""

import http.server
import threading
from typing import Any


class Shelf:
    """Serves one content at every path but those in `gone`, where an address ran out: a 403. `asked` are the paths in order."""

    def __init__(self, content: bytes) -> None:
        self.gone: set[str] = set()
        self.asked: list[str] = []
        shelf = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shelf.asked.append(self.path)
                body = b"expired" if self.path in shelf.gone else content
                self.send_response(403 if self.path in shelf.gone else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
