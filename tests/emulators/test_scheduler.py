"""Jobs run at their times: on the engine with a clock that stands still, and once over HTTP."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from emulators.clock import ManualClock, MovableClock
from emulators.dispatch.delivery import Bearer
from emulators.faults import Fault, Faults
from emulators.scheduler.cron import Cron
from emulators.scheduler.engine import Engine
from emulators.scheduler.job import Job
from emulators.scheduler.server import serve
from tests.emulators.endpoint import Endpoint

TICK = Job("tick", "http://work.test/tick", every_seconds=60, body=b"{}")


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * *", "2026-01-01 00:00:30", "2026-01-01 00:01:00"),
        ("* * * * *", "2026-01-01 00:01:00", "2026-01-01 00:02:00"),
        ("*/15 * * * *", "2026-01-01 00:46:00", "2026-01-01 01:00:00"),
        ("5-10/5 3,4 * * *", "2026-01-01 03:05:00", "2026-01-01 03:10:00"),
        ("0 0 29 feb *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"),
        ("30 9 * * mon-fri", "2026-01-02 10:00:00", "2026-01-05 09:30:00"),
        ("0 0 * * 7", "2026-01-01 00:00:00", "2026-01-04 00:00:00"),
        ("0 0 13 * fri", "2026-01-01 00:00:00", "2026-01-02 00:00:00"),  # either day field is enough
        ("0 0 31 12 *", "2026-12-31 00:00:00", "2027-12-31 00:00:00"),
    ],
)
def test_a_cron_expression_names_the_next_minute(expression: str, after: str, expected: str) -> None:
    assert Cron.parse(expression).next_after(utc(after)) == utc(expected)


@pytest.mark.parametrize("expression", ["* * * *", "60 * * * *", "*/0 * * * *", "a * * * *", "5-1 * * * *", "* * 0 * *"])
def test_a_cron_expression_that_makes_no_sense_is_refused(expression: str) -> None:
    with pytest.raises(ValueError):
        Job("job", "http://work.test", cron=expression)


def test_a_date_that_never_comes_is_said_to_never_come() -> None:
    with pytest.raises(ValueError, match="never"):
        Cron.parse("0 0 30 feb *").next_after(0)


def test_a_job_runs_each_time_its_interval_has_passed() -> None:
    clock = ManualClock()
    engine = Engine(None, clock, [TICK])
    assert engine.due(clock()) == []
    assert engine.next_due_at() == clock() + 60
    clock.advance(60)

    (delivery,) = engine.due(clock())

    assert (delivery.method, delivery.url, delivery.body) == ("POST", "http://work.test/tick", b"{}")
    assert delivery.headers["X-CloudScheduler"] == "true"
    assert delivery.headers["X-CloudScheduler-JobName"] == "tick"
    assert delivery.headers["X-CloudScheduler-ScheduleTime"] == "2023-11-14T22:14:20Z"
    engine.succeeded(delivery.id, 200)
    assert engine.next_due_at() == clock() + 60


def test_a_run_that_takes_too_long_is_not_overlapped_and_what_it_missed_becomes_one_run() -> None:
    clock = ManualClock()
    engine = Engine(None, clock, [TICK])
    clock.advance(60)
    (first,) = engine.due(clock())
    clock.advance(600)
    assert engine.due(clock()) == []
    assert engine.next_due_at() is None
    engine.failed(first.id, 500)

    (second,) = engine.due(clock())
    engine.succeeded(second.id)
    assert engine.due(clock()) == []
    assert engine.next_due_at() == clock() + 60


def test_runs_missed_while_nothing_was_up_become_one(tmp_path: Path) -> None:
    clock = ManualClock()
    path = tmp_path / "scheduler.sqlite"
    engine = Engine(path, clock, [TICK])
    clock.advance(60)
    ran_at = clock()
    engine.succeeded(engine.due(clock())[0].id, 204)
    engine.close()
    clock.advance(86_400)

    again = Engine(path, clock, [TICK])

    assert (again.state("tick").last_run, again.state("tick").last_status) == (ran_at, 204)
    assert len(again.due(clock())) == 1
    again.succeeded("tick")
    assert again.due(clock()) == []


def test_a_changed_schedule_counts_from_now(tmp_path: Path) -> None:
    clock = ManualClock()
    path = tmp_path / "scheduler.sqlite"
    Engine(path, clock, [Job("tick", TICK.url, every_seconds=86_400)]).close()

    again = Engine(path, clock, [TICK])

    assert again.next_due_at() == clock() + 60


def test_a_forced_run_leaves_the_schedule_as_it_was() -> None:
    clock = ManualClock()
    engine = Engine(None, clock, [TICK])
    engine.run("tick")
    (delivery,) = engine.due(clock())
    engine.succeeded(delivery.id)

    assert engine.due(clock()) == []
    assert engine.next_due_at() == clock() + 60


def test_a_job_needs_one_schedule_and_a_plain_name() -> None:
    for wrong in ({}, {"every_seconds": 1, "cron": "* * * * *"}, {"every_seconds": 0}):
        with pytest.raises(ValueError):
            Job("tick", TICK.url, **wrong)
    with pytest.raises(ValueError):
        Job("two words", TICK.url, every_seconds=1)


def test_a_job_can_be_run_by_its_url_and_is_signed() -> None:
    with Endpoint() as worker:
        job = Job("tick", f"{worker.url}/tick", every_seconds=3600, bearer=Bearer("work", "scheduler@p.test"))
        faults = Faults()
        server = serve(Engine(None, MovableClock(), [job]), faults, sign=lambda audience, email: f"{email} to {audience}")
        jobs = f"http://127.0.0.1:{server.port}/v1/projects/p/locations/l/jobs"

        answer = httpx.post(f"{jobs}/tick:run")
        (seen,) = worker.wait_for(1)
        missing, unknown = httpx.post(f"{jobs}/other:run"), httpx.get(f"{jobs}/tick")
        faults.order(Fault("scheduler.RunJob", status=503))
        refused = httpx.post(f"{jobs}/tick:run")
        server.stop()

    assert answer.json()["name"] == "projects/p/locations/l/jobs/tick"
    assert (seen.path, seen.headers["Authorization"]) == ("/tick", "Bearer scheduler@p.test to work")
    assert (missing.status_code, missing.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert refused.status_code == 503


def test_a_job_runs_by_itself_when_its_time_comes() -> None:
    with Endpoint() as worker:
        clock = MovableClock()
        engine = Engine(None, clock, [Job("tick", worker.url, cron="* * * * *")])
        server = serve(engine, Faults())
        clock.advance(60)
        server.dispatcher.wake()
        worker.wait_for(1)
        server.stop()
