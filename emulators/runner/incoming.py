"""A request's body on its way in: small ones whole, large ones read by the handler's thread while they arrive."""

import io

from anyio import from_thread

from emulators.runner.asgi import Receive

SMALL = 1024 * 1024


class Gone(Exception):
    """The client hung up before its request was whole."""


async def read_small(receive: Receive) -> io.BytesIO:
    """A body that was announced to be small."""
    body = io.BytesIO()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Gone
        body.write(event.get("body", b""))
        if not event.get("more_body"):
            body.seek(0)
            return body


class Incoming(io.RawIOBase):
    """To be read in a worker thread. A client that hangs up looks like the end of the body, which no parser takes for whole."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._kept and not self._ended:
            from_thread.run(self._fill)
        count = min(len(buffer), len(self._kept))
        buffer[:count] = self._kept[:count]
        self._kept = self._kept[count:]
        return count

    async def drain(self, limit: int) -> None:
        """Takes in what is still to come, up to `limit` bytes."""
        taken = 0
        while not self._ended and taken <= limit:
            self._kept = b""
            await self._fill()
            taken += len(self._kept)

    async def _fill(self) -> None:
        """Waits for the next piece that is not empty, or the end."""
        while not self._kept and not self._ended:
            event = await self._receive()
            self._kept = event.get("body", b"")
            self._ended = event["type"] == "http.disconnect" or not event.get("more_body")
