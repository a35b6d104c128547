"""What a tenant that asks twenty times as much as it may costs its neighbour.

The neighbour reads at an even pace all the time. The flood is a tenant of its own with a small plan, on and off in turns, so that
a busy moment of the machine falls on both alike.
"""

import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from google.cloud import firestore

from bench.figure import Figure
from bench.site import BenchSite, fresh
from shared.domain.ids import derived_id

_ALLOWED = 60  # requests that the flooding tenant may make, in a minute and in the hour: soon it is refused throughout
_TIMES = 20  # as many as that it does make
_TURNS, _TURN_SECONDS = 6, 4.0  # off, on, off, on…
_PACE = 0.02  # seconds between two requests of the neighbour
_SENDERS = 4
_USER = "flood@example.com"


@dataclass
class _Heard:
    """Of one kind of turn: seconds of each of the neighbour's requests, and how each was answered."""

    taken: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.taken, n=20)[-1]


def run() -> list[Figure]:
    with fresh() as site:
        api = site.api()
        index_id = api.index("Measured")["index_id"]
        api.close()
        path = f"{site.credentials['base_url']}/indexes/{index_id}"
        flooding = _Flood(site, path)
        flooding.spend()
        quiet, loud = _Heard(), _Heard()
        with httpx.Client(headers={"X-API-Key": site.credentials["api_key"]}, trust_env=False, timeout=30) as neighbour:
            _listen(neighbour, path, _Heard())
            for turn in range(_TURNS):
                if turn % 2:
                    with flooding.on():
                        _listen(neighbour, path, loud)
                else:
                    _listen(neighbour, path, quiet)
    errors = sum(count for status, count in (quiet.answers + loud.answers).items() if status != 200)
    sent = flooding.answers.total() / (_TURNS / 2 * _TURN_SECONDS)
    return [
        Figure(f"a neighbour's p95 beside a tenant at {_TIMES} times its limit, over alone", loud.p95 / quiet.p95, "x", "<= 1.5"),
        Figure("  alone, p95", quiet.p95 * 1000, "ms"),
        Figure("  beside the flood, p95", loud.p95 * 1000, "ms"),
        Figure("  the neighbour's errors", errors, "", "<= 0"),
        Figure("  the flood's requests", sent, "a second"),
        Figure("  of them refused", 100 * flooding.answers[429] / max(1, flooding.answers.total()), "%"),
    ]


def _listen(neighbour: httpx.Client, path: str, heard: _Heard) -> None:
    """One turn of the neighbour's requests, begun at an even pace whether or not the one before was slow."""
    ends, next_one = time.monotonic() + _TURN_SECONDS, time.monotonic()
    while time.monotonic() < ends:
        time.sleep(max(0.0, next_one - time.monotonic()))
        next_one = max(next_one + _PACE, time.monotonic())
        begun = time.perf_counter()
        heard.answers[neighbour.get(path).status_code] += 1
        heard.taken.append(time.perf_counter() - begun)


class _Flood:
    """A tenant with a small plan, and senders that ask twenty times as much while they are on."""

    def __init__(self, site: BenchSite, path: str) -> None:
        self.answers: Counter[int] = Counter()
        self._path, self._told = path, site.environment()
        self._on, self._lock = threading.Event(), threading.Lock()
        self._headers = {"Authorization": f"Bearer {self._token()}"}
        self._plan()

    def _token(self) -> str:
        """Of a user of its own, from the site's issuer."""
        identity = self._told["JWKS_URL"].rpartition("/")[0]
        answer = httpx.post(f"{identity}/users/token", json={"sub": _USER}, trust_env=False, timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def _plan(self) -> None:
        os.environ["FIRESTORE_EMULATOR_HOST"] = self._told["FIRESTORE_EMULATOR_HOST"]  # read by the client itself
        tenant = derived_id("tenant", self._told["JWT_ISSUER"], _USER)
        client = firestore.Client(project=self._told["PROJECT_ID"])
        client.document(f"tenants/{tenant}/plans/rate_limits").set({"limits": f"read={_ALLOWED}/{_ALLOWED}"})

    def spend(self) -> None:
        """All that it may ask, before anything is measured."""
        with httpx.Client(headers=self._headers, trust_env=False, timeout=30) as client:
            for _ in range(2 * _ALLOWED):
                if client.get(self._path).status_code == 429:
                    return
        raise RuntimeError("the flooding tenant is never refused")

    @contextmanager
    def on(self) -> Iterator[None]:
        self._on.set()
        senders = [threading.Thread(target=self._send) for _ in range(_SENDERS)]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            self._on.clear()
            for sender in senders:
                sender.join(30)

    def _send(self) -> None:
        pause = 60 * _SENDERS / (_ALLOWED * _TIMES)
        with httpx.Client(headers=self._headers, trust_env=False, timeout=30) as client:
            while self._on.is_set():
                begun = time.monotonic()
                status = client.get(self._path).status_code
                with self._lock:
                    self.answers[status] += 1
                time.sleep(max(0.0, pause - (time.monotonic() - begun)))
