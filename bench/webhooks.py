"""What is told of an event, and how soon: to the receiver of a webhook, and to an open event stream.

Events are written as stages write them, row first and fact after, at an even rate and whether or not the site keeps up. Each
concerns one of several indexes, and each index has one webhook. What is measured begins before the row is written.
"""

import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import jwt

from bench.figure import Figure
from bench.receiving import Receiver
from bench.site import BenchSite, fresh
from shared.config import Settings
from shared.domain.events import EventType, MediaPayload
from shared.domain.ids import derived_id
from shared.messaging import topics
from shared.store import documents
from shared.store import events as rows

_INDEXES = 5
_OF_A_FILM = (EventType.MEDIA_CREATED, EventType.MEDIA_PROCESSING_STARTED, EventType.MEDIA_PROCESSING_COMPLETED)
_RATE, _SECONDS = 50, 60.0
_LADDER, _STEP_SECONDS = (10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200), 8.0  # events a second, until the site does not keep up
_PATIENCE = 30.0  # seconds, after which what has not come counts as this late
_FIRST_ATTEMPT, _STREAM = 2.0, 1.5  # seconds, p95


@dataclass
class _Told:
    """Moments by event: when it began, reached its receiver, and reached the stream."""

    begun: dict[str, float] = field(default_factory=dict)
    received: dict[str, float] = field(default_factory=dict)
    streamed: dict[str, float] = field(default_factory=dict)

    def late(self, arrived: dict[str, float]) -> list[float]:
        return sorted(arrived.get(one, begun + _PATIENCE) - begun for one, begun in self.begun.items())

    @property
    def complete(self) -> bool:
        return len(self.received) >= len(self.begun) <= len(self.streamed)


def run() -> list[Figure]:
    with fresh() as site:
        indexes = _webhooks(site)
        receiver = Receiver()
        try:
            for index_id in indexes:
                _hook(site, index_id, receiver.url)
            return _measure(_Producer(site, indexes), site, receiver)
        finally:
            receiver.stop()


def _measure(producer: "_Producer", site: BenchSite, receiver: Receiver) -> list[Figure]:
    producer.produce(_LADDER[0], 3.0, _Told(), site, receiver)  # connections are opened and code is loaded before anything counts
    figures: list[Figure] = []
    kept, broken = 0.0, 0.0
    for rate in _LADDER:
        step = producer.produce(rate, _STEP_SECONDS, _Told(), site, receiver)
        late, streamed = _p95(step.late(step.received)), _p95(step.late(step.streamed))
        figures.append(Figure(f"  at {rate} events/s for {_STEP_SECONDS:.0f} s: first attempt, p95", late, "s"))
        figures.append(Figure("    an event in an open stream, p95", streamed, "s"))
        if late >= _FIRST_ATTEMPT or streamed >= _STREAM:
            broken = float(rate)
            break
        kept = float(rate)
    told = producer.produce(_RATE, _SECONDS, _Told(), site, receiver)
    attempts, streams = told.late(told.received), told.late(told.streamed)
    return [
        Figure(f"first attempt at {_RATE} events/s for {_SECONDS:.0f} s, p95", _p95(attempts), "s", f"< {_FIRST_ATTEMPT:g}"),
        Figure("  median", statistics.median(attempts), "s"),
        Figure("  slowest", attempts[-1], "s"),
        Figure(f"  not heard of within {_PATIENCE:.0f} s of the last", len(told.begun) - len(told.received), "events", "<= 0"),
        Figure("an event in an open stream at the same rate, p95", _p95(streams), "s", f"< {_STREAM:g}"),
        Figure("  median", statistics.median(streams), "s"),
        *figures,
        Figure("highest rate of these at which both hold", kept, "events/s", f">= {_RATE}"),
        Figure("rate at which one breaks, 0 if none of these does", broken, "events/s"),
    ]


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _webhooks(site: BenchSite) -> list[str]:
    api = site.api()
    try:
        return [api.index(f"Measured {number}")["index_id"] for number in range(_INDEXES)]
    finally:
        api.close()


def _hook(site: BenchSite, index_id: str, url: str) -> None:
    body = {"name": "Measured", "url": f"{url}/{index_id}", "events": _OF_A_FILM, "index_ids": [index_id]}
    answer = httpx.post(f"{site.credentials['base_url']}/webhooks", json=body, headers=_key(site), trust_env=False, timeout=30)
    answer.raise_for_status()


def _key(site: BenchSite) -> dict[str, str]:
    return {"X-API-Key": site.credentials["api_key"]}


class _Producer:
    """Writes events of the site's own tenant."""

    def __init__(self, site: BenchSite, indexes: list[str]) -> None:
        told = site.environment()
        os.environ.update(told)  # Google's clients read their emulators' variables themselves
        settings = Settings.from_env()
        self._store, self._topics = documents.connect(settings), topics.connect(settings)
        self._user = jwt.decode(site.credentials["bearer_token"], options={"verify_signature": False})["sub"]
        self._tenant = derived_id("tenant", told["JWT_ISSUER"], self._user)
        self._indexes, self._serial = indexes, 0

    def produce(self, rate: int, seconds: float, told: _Told, site: BenchSite, receiver: Receiver) -> _Told:
        """Events at an even pace, then whatever time those need that are still on their way."""
        receiver.heard = told.received
        with _stream(site, told.streamed), ThreadPoolExecutor(8) as writers:
            begins = time.monotonic()
            for number in range(int(rate * seconds)):
                time.sleep(max(0.0, begins + number / rate - time.monotonic()))
                self._serial += 1
                writers.submit(self._event, self._serial, told)
            ends = time.monotonic() + _PATIENCE
            writers.shutdown()
            while not told.complete and time.monotonic() < ends:
                time.sleep(0.1)
        return told

    def _event(self, serial: int, told: _Told) -> None:
        begun = time.monotonic()
        index_id, batch = self._indexes[serial % len(self._indexes)], self._store.batch()
        payload = MediaPayload(video_id=f"vid_{serial}", media_type="video", title=f"film {serial}", index_id=index_id)
        fact = rows.record(
            self._store, batch, _OF_A_FILM[serial % len(_OF_A_FILM)], payload, tenant=self._tenant, user_id=self._user,
            resource_id=f"vid_{serial}", video_id=f"vid_{serial}", index_id=index_id, occurrence=serial,
        )  # fmt: skip
        told.begun[fact.event_id] = begun
        batch.commit()
        self._topics.publish(fact)


@contextmanager
def _stream(site: BenchSite, seen: dict[str, float]) -> Iterator[None]:
    """An open event stream, whose events are noted until the block ends."""
    client = httpx.Client(headers=_key(site), trust_env=False, timeout=30)
    opened, over = threading.Event(), threading.Event()

    def follow() -> None:
        try:
            with client.stream("GET", f"{site.credentials['base_url']}/processing/events/stream") as answer:
                answer.raise_for_status()
                opened.set()
                _note(answer, seen)
        except (httpx.HTTPError, OSError):
            if not over.is_set():
                raise

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    if not opened.wait(30):
        raise RuntimeError("the event stream did not open")
    try:
        yield
    finally:
        over.set()  # the thread sees it with the next heartbeat
        client.close()


def _note(answer: httpx.Response, seen: dict[str, float]) -> None:
    for line in answer.iter_lines():
        if line.startswith("data:"):
            seen.setdefault(json.loads(line[5:]).get("event_id", ""), time.monotonic())
