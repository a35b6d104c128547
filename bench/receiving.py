"""A receiver of webhooks that notes when each message first arrived, and answers at once."""

import asyncio
import threading
import time
from asyncio import StreamReader, StreamWriter


class Receiver:
    """`heard` is message id → moment, of `time.monotonic`; set another to begin anew."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:]
            fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
            self.heard.setdefault(fields.get("webhook-id", ""), time.monotonic())
            await reader.readexactly(int(fields.get("content-length", "0")))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # who sends may hang up
        finally:
            writer.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
