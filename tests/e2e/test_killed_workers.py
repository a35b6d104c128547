"""The process that works is killed at random moments of runs on the running product: each run still ends complete, once.

Leases are shortened so that a dead worker's work is taken up within seconds.
"""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from demo.film import Shot
from tests.chat.test_streams import assert_grammar
from tests.chat.world import events_of
from tests.e2e.stack import Stack, alive, eventually
from tests.e2e.test_media_runs import begin_run, finished, made, results

LEASE_SECONDS = "3"
UP_SECONDS = 60.0


@pytest.mark.parametrize(
    "kills",
    [pytest.param(3, marks=pytest.mark.slow), pytest.param(50, marks=[pytest.mark.long, pytest.mark.chaos])],
)
def test_a_worker_killed_at_any_moment_costs_a_run_nothing_but_time(
    own_stack: Callable[..., Stack], film: tuple[Path, list[Shot]], kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_SECONDS", LEASE_SECONDS)
    stack, moments = own_stack("chaos"), random.Random(kills)
    path, shots = film
    left = kills
    with stack.client() as client:
        while left:
            run_id, video_id = begin_run(client, path)
            for _ in range(min(left, 3)):
                kill_worker(stack, after=moments.uniform(0.0, 3.0))
                left -= 1
            run = finished(client, run_id, 240)
            found = results(client, run_id, video_id)
            assert run["status"] == "completed", run
            assert run["completed_segments"] == run["total_segments"] == len(found) == len(shots)
            assert max(Counter(one["segment_id"] for one in found).values()) == 1
            calls = made(client.get(f"/prompt-runs/{run_id}/llm-calls"))
            answered = Counter((one["segment_id"], one["purpose"]) for one in calls if one["status"] == "completed")
            assert max(answered.values()) == 1, answered
        for _ in range(-(-kills // 5)):
            assert_answered_though_its_worker_died(stack, client)


def assert_answered_though_its_worker_died(stack: Stack, client: httpx.Client) -> None:
    """Killed while it waits for the model, which stands still meanwhile; whoever follows the turn sees nothing of it."""
    session = made(client.post("/chat/sessions", json={"title": ""}))["session_id"]
    models = stack.children()["models"]

    def at_work() -> bool:
        return [one["status"] for one in client.get(f"/chat/sessions/{session}/turns").json()] == ["processing"]

    with client.stream("POST", f"/chat/sessions/{session}/turns/stream", json={"message": "Where is the space station?"}) as body:
        os.kill(models, signal.SIGSTOP)
        try:
            eventually(at_work, 30, "a worker has the turn")
            kill_worker(stack, after=0.0)
        finally:
            os.kill(models, signal.SIGCONT)
        events = events_of(body.read())
    assert_grammar(events)
    assert events[-1]["type"] == "turn_completed" and events[-1]["turn"]["stats"]["attempts"] == 2, events[-1]


def kill_worker(stack: Stack, after: float) -> None:
    """At a moment that nothing in the product chose; returns once another worker has taken its place."""
    threading.Event().wait(after)  # the moment is what is random; there is no condition to wait for
    pid = eventually(lambda: stack.children().get("work"), UP_SECONDS, "a worker is there")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid), 10, "it is gone")
    eventually(lambda: stack.children().get("work", pid) != pid, UP_SECONDS, "another has come")
