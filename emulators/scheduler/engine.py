"""Cloud Scheduler without sockets or threads: which job runs when, and when it last did."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from emulators.clock import Clock
from emulators.dispatch.delivery import Delivery
from emulators.dispatch.ledger import Ledger
from emulators.dispatch.refusal import not_found
from emulators.scheduler.job import Job

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY, schedule TEXT NOT NULL, next_at REAL NOT NULL, last_run REAL, last_status INTEGER);
"""


@dataclass
class State:
    """Times are seconds since the epoch; `last_status` is an HTTP status, 0 where no answer came."""

    next_at: float
    last_run: float | None = None
    last_status: int | None = None


class Engine:
    """Jobs are configuration, given at each start; when they last ran is kept under `path`, or in memory for None.

    Runs missed while nothing was up, or while a run took too long, are made up for by one.
    """

    def __init__(self, path: Path | None = None, clock: Clock = time.time, jobs: Sequence[Job] = ()) -> None:
        self.clock = clock
        self._ledger = Ledger(path, _SCHEMA)
        self._jobs: dict[str, Job] = {}
        self._states: dict[str, State] = {}
        self._under_way: set[str] = set()
        self._forced: set[str] = set()
        self._listeners: list[Callable[[], None]] = []
        self.configure(jobs)

    def configure(self, jobs: Sequence[Job]) -> None:
        """Replaces the jobs; one whose schedule is unchanged keeps its times."""
        with self._ledger.lock:
            self._jobs = {job.name: job for job in jobs}
            self._forced &= self._jobs.keys()
            now = self.clock()
            with self._ledger.writing() as db:
                rows = db.execute("SELECT name, schedule, next_at, last_run, last_status FROM jobs").fetchall()
                kept = {row[0]: row for row in rows}
                db.execute("DELETE FROM jobs")
                self._states = {}
                for job in jobs:
                    _, schedule, *times = kept.get(job.name, ("", "", 0.0, None, None))
                    state = State(*times)
                    if schedule != job.schedule:
                        state.next_at = job.next_after(now)
                    self._states[job.name] = state
                    self._save(job.name)
        self._tell()

    def state(self, name: str) -> State:
        with self._ledger.lock:
            return self._states[self._require(name).name]

    def job(self, name: str) -> Job:
        return self._require(name)

    def run(self, name: str) -> None:
        """Runs the job now, its schedule unchanged; one that is running already runs once more afterwards."""
        with self._ledger.lock:
            self._forced.add(self._require(name).name)
        self._tell()

    def reset(self) -> None:
        """Forgets when jobs ran; the jobs stay."""
        with self._ledger.lock:
            with self._ledger.writing() as db:
                db.execute("DELETE FROM jobs")
            self._forced.clear()
            self.configure(list(self._jobs.values()))

    def close(self) -> None:
        self._ledger.close()

    # dispatching

    def due(self, now: float, limit: int | None = None) -> list[Delivery]:
        """Takes the jobs to run now; each must be settled."""
        with self._ledger.lock:
            ready = [name for name in self._jobs if self._is_ready(name, now)][:limit]
            with self._ledger.writing():
                return [self._begin(name, now) for name in ready]

    def accepts(self, status: int) -> bool:
        return 200 <= status <= 299

    def succeeded(self, delivery_id: str, status: int = 200) -> None:
        self._end(delivery_id, status)

    def failed(self, delivery_id: str, status: int | None = None, retry_after: float | None = None) -> None:
        """A failed run waits for the next time, as a job without retry settings does."""
        self._end(delivery_id, status or 0)

    def next_due_at(self) -> float | None:
        """When the next job runs; None while all of them are running or there are none."""
        with self._ledger.lock:
            idle = [name for name in self._jobs if name not in self._under_way]
            if any(name in self._forced for name in idle):
                return self.clock()
            return min((self._states[name].next_at for name in idle), default=None)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Called after anything may have become due; it must not block."""
        self._listeners.append(listener)

    def _is_ready(self, name: str, now: float) -> bool:
        if name in self._under_way:
            return False
        return name in self._forced or self._states[name].next_at <= now

    def _begin(self, name: str, now: float) -> Delivery:
        job, state = self._jobs[name], self._states[name]
        scheduled = now if name in self._forced else state.next_at
        if state.next_at <= now:
            state.next_at = job.next_after(now)
        state.last_run = now
        self._save(name)
        self._forced.discard(name)
        self._under_way.add(name)
        when = datetime.fromtimestamp(scheduled, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {
            **job.headers,
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": name,
            "X-CloudScheduler-ScheduleTime": when,
        }
        return Delivery(name, job.url, job.method, headers, job.body, job.deadline, job.bearer)

    def _end(self, name: str, status: int) -> None:
        with self._ledger.lock:
            self._under_way.discard(name)
            if name in self._states:
                self._states[name].last_status = status
                with self._ledger.writing():
                    self._save(name)
        self._tell()

    def _save(self, name: str) -> None:
        state = self._states[name]
        row = (name, self._jobs[name].schedule, state.next_at, state.last_run, state.last_status)
        with self._ledger.writing() as db:
            db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?)", row)

    def _require(self, name: str) -> Job:
        if name not in self._jobs:
            raise not_found(f"Job not found: {name}")
        return self._jobs[name]

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
