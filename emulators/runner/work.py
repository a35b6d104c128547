"""The work process: every pipeline stage behind its own path, called by queues, subscriptions and the clock."""

import gc
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter, to_thread

from emulators.runner import child
from emulators.runner.asgi import Receive, Scope, Send, answer, header, serve_until_told
from emulators.runner.invoker import CannotCheck, Invokers
from emulators.runner.site import Site
from infra.manifests import Manifest, load_manifests

if TYPE_CHECKING:
    from shared.work.stage import Stage

_LARGEST_MESSAGE = 12 * 1024 * 1024  # a push of 10 MB in base64 would be larger, and is none of ours


class GoneAway(Exception):
    """The caller hung up before it had said all."""


class TooLarge(Exception):
    """The message exceeds what any of our senders sends."""


@dataclass
class Mounted:
    """A stage, and how many of its messages one instance works on at once."""

    stage: "Stage[Any, Any]"
    concurrency: int
    limiter: CapacityLimiter | None = None

    def room(self) -> CapacityLimiter:
        if self.limiter is None:  # made inside the loop it belongs to
            self.limiter = CapacityLimiter(self.concurrency)
        return self.limiter


class Work:
    """`POST /<function-name>` is that function's stage; `GET /health` says that all are loaded."""

    def __init__(self, stages: dict[str, Mounted], invokers: Invokers) -> None:
        self._stages = stages
        self._invokers = invokers
        self._checks: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].strip("/")
        if scope["method"] == "GET" and path == "health":
            return await answer(send, 200, b"{}")
        mounted = self._stages.get(path)
        if mounted is None or scope["method"] != "POST":
            return await answer(send, 404 if mounted is None else 405)
        try:
            if not await self._may_call(header(scope, b"authorization"), path):
                return await answer(send, 403)
            body = await _whole(receive)
        except CannotCheck:
            return await answer(send, 503)
        except GoneAway:
            return None
        except TooLarge:
            return await answer(send, 413)
        said = await to_thread.run_sync(mounted.stage.receive, body, limiter=mounted.room())
        headers = [(key.lower().encode(), value.encode()) for key, value in said.headers.items()]
        await answer(send, said.status, b"", headers)

    async def _may_call(self, authorization: str, path: str) -> bool:
        if self._invokers.knows(authorization, path):
            return True
        if self._checks is None:
            self._checks = CapacityLimiter(4)
        return await to_thread.run_sync(self._invokers.may_call, authorization, path, limiter=self._checks)


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise GoneAway
        body += event.get("body", b"")
        if len(body) > _LARGEST_MESSAGE:
            raise TooLarge
        if not event.get("more_body"):
            return bytes(body)


def mount(manifests: Iterable[Manifest]) -> dict[str, Mounted]:
    """Imports every stage; each keeps its clients for its first message."""
    stages = {}
    for manifest in manifests:
        if manifest.group == "pipeline":
            stages[manifest.name] = Mounted(importlib.import_module(manifest.module).stage, manifest.concurrency)
    return stages


def run(site: Site, descriptor: int) -> None:
    gc.disable()  # importing makes many objects and little rubbish
    work = Work(mount(load_manifests()), Invokers(f"{site.url('identity')}/jwks"))
    gc.enable()
    child.settle()
    child.give_way()
    serve_until_told(work, descriptor)
