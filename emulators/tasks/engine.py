"""Cloud Tasks without sockets or threads: a task is kept until its target took it or its retries are used up.

An attempt is under way in memory only: after a crash the task is dispatched again, at once.
"""

import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulators.clock import Clock
from emulators.dispatch.delivery import Delivery
from emulators.dispatch.ledger import Ledger
from emulators.dispatch.paging import name_after, token_of
from emulators.dispatch.refusal import already_exists, not_found
from emulators.dispatch.timetable import Timetable
from emulators.tasks import limits, queues, record
from emulators.tasks.pace import Retry
from emulators.tasks.record import NO_ANSWER, Record
from emulators.tasks.target import request_of

_SWEEP_SECONDS = 60.0
_PAGE = 1000


class Engine:
    """`path` None keeps all in memory."""

    def __init__(self, path: Path | None = None, clock: Clock = time.time) -> None:
        self.clock = clock
        self._ledger = Ledger(path, queues.SCHEMA + record.SCHEMA)
        self._queues = queues.Queues(self._ledger, clock)
        self._waiting = Timetable()
        self._forced: deque[str] = deque()
        self._under_way: dict[str, str] = {}
        self._outstanding: Counter[str] = Counter()
        self._listeners: list[Callable[[], None]] = []
        self._swept_at = float("-inf")
        self._load()

    # queues

    def create_queue(self, parent: str, queue: Any) -> Any:
        with self._ledger.lock:
            return self._queues.create(parent, queue)

    def get_queue(self, name: str) -> Any:
        with self._ledger.lock:
            return self._queues.get(name)

    def queues(self, parent: str) -> list[Any]:
        with self._ledger.lock:
            return self._queues.in_location(parent)

    def update_queue(self, queue: Any, mask: Any) -> Any:
        with self._ledger.lock:
            changed = self._queues.update(queue, mask)
        self._tell()
        return changed

    def pause_queue(self, name: str) -> Any:
        with self._ledger.lock:
            return self._queues.change_state(name, queues.State.PAUSED)

    def resume_queue(self, name: str) -> Any:
        with self._ledger.lock:
            resumed = self._queues.change_state(name, queues.State.RUNNING)
        self._tell()
        return resumed

    def purge_queue(self, name: str) -> Any:
        """Drops the queue's tasks at once; their names stay taken."""
        with self._ledger.lock, self._ledger.writing():
            self._queues.get(name)
            self._drop_tasks(name)
            return self._queues.mark_purged(name, self.clock())

    def delete_queue(self, name: str) -> None:
        with self._ledger.lock, self._ledger.writing():
            self._queues.get(name)
            self._drop_tasks(name)
            self._queues.delete(name)

    # tasks

    def create_task(self, parent: str, task: Any, view: int = 0) -> Any:
        """The task is on disk when this returns; `view` decides whether the answer has its body."""
        now = self.clock()
        with self._ledger.lock:
            self._queues.get(parent)
            limits.check_task(task, now)
            named = bool(task.name)
            if named:
                limits.check_task_name(task.name, parent)
            else:
                task.name = f"{parent}/tasks/{secrets.randbelow(10**19)}"
            due_at = max(now, limits.seconds(task.schedule_time))
            kept = Record(task.name, parent, _own_fields(task), int(named), now, due_at)
            with self._ledger.writing() as db:
                if named:
                    self._check_name_is_free(task.name, now)
                record.insert(db, kept)
            self._waiting.put(parent, task.name, due_at)
        self._tell()
        return kept.shown(view)

    def get_task(self, name: str, view: int = 0) -> Any:
        with self._ledger.lock:
            return self._find(name).shown(view)

    def list_tasks(self, parent: str, view: int = 0, size: int = 0, token: str = "") -> tuple[list[Any], str]:
        """One page in the order of names, and the token of the next one."""
        wanted = min(size or _PAGE, _PAGE)
        with self._ledger.reading() as db:
            self._queues.get(parent)
            found = record.page_of(db, parent, name_after(token), wanted + 1)
        shown = [kept.shown(view) for kept in found[:wanted]]
        return shown, token_of(shown[-1].name) if len(found) > wanted else ""

    def delete_task(self, name: str) -> None:
        with self._ledger.lock:
            kept = self._find(name)
            with self._ledger.writing():
                self._remove(kept)
            self._waiting.drop(name)

    def run_task(self, name: str, view: int = 0) -> Any:
        """Dispatches now, whatever the schedule, the rates and a pause say; shows the task as it was before."""
        with self._ledger.lock:
            kept = self._find(name)
            if name not in self._under_way and name not in self._forced:
                self._forced.append(name)
                self._waiting.drop(name)
        self._tell()
        return kept.shown(view)

    def reset(self) -> None:
        """Forgets everything, as on a new machine."""
        with self._ledger.lock:
            with self._ledger.writing() as db:
                for table in ("queues", "deleted_queues", "tasks", "used_names"):
                    db.execute(f"DELETE FROM {table}")
            self._queues.load()
            self._load()
        self._tell()

    def close(self) -> None:
        self._ledger.close()

    # dispatching

    def due(self, now: float, limit: int | None = None) -> list[Delivery]:
        """Takes what should be dispatched now, one queue after the other; each must be settled."""
        with self._ledger.lock:
            self._sweep(now)
            names = self._choose(now, limit)
            try:
                with self._ledger.writing():
                    return [delivery for name in names if (delivery := self._begin(name, now)) is not None]
            except BaseException:  # nobody will settle what is not handed out
                for name in names:
                    self._landed(name)
                    self._waiting.put(_queue_of(name), name, now)
                raise

    def accepts(self, status: int) -> bool:
        return 200 <= status <= 299

    def succeeded(self, delivery_id: str, status: int = 200) -> None:
        """Done: the task is gone, and its name stays taken for a day."""
        with self._ledger.lock:
            with self._ledger.writing() as db:
                kept = record.find(db, delivery_id)
                if kept is not None:
                    self._remove(kept)
            self._landed(delivery_id)
        self._tell()  # its place in the queue is free

    def failed(self, delivery_id: str, status: int | None = None, retry_after: float | None = None) -> None:
        """Again after the backoff, or after `retry_after` seconds where 429 or 503 asked for more; or given up."""
        now = self.clock()
        with self._ledger.lock:
            with self._ledger.writing() as db:
                kept = record.find(db, delivery_id)
                again = kept is not None and self._after_failure(kept, status, retry_after, now)
                if kept is not None and again:
                    record.save_attempt(db, kept)
                elif kept is not None:
                    self._remove(kept)
            self._landed(delivery_id)
            if kept is not None and again:
                self._waiting.put(kept.queue, kept.name, kept.due_at)
        self._tell()

    def next_due_at(self) -> float | None:
        """When the next task may leave; None while only a change can make one due."""
        now = self.clock()
        with self._ledger.lock:
            if self._forced:
                return now
            times = []
            for lane in self._waiting.lanes():
                first = self._waiting.first(lane)
                if first is not None and self._has_room(lane):
                    times.append(max(first, self._queues.bucket(lane).next_at(now)))
            return min(times, default=None)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Called after anything may have become due; it must not block."""
        self._listeners.append(listener)

    def _choose(self, now: float, limit: int | None) -> list[str]:
        """Names of tasks to begin, forced ones first; they count as under way from here on."""
        names: list[str] = []
        while self._forced and (limit is None or len(names) < limit):
            names.append(self._forced.popleft())
            self._took_off(names[-1])
        lanes = list(self._waiting.fair_turns())
        while lanes:
            still = []
            for lane in lanes:
                if limit is not None and len(names) >= limit:
                    return names
                name = self._take_one(lane, now)
                if name is not None:
                    names.append(name)
                    still.append(lane)
            lanes = still
        return names

    def _take_one(self, lane: str, now: float) -> str | None:
        first = self._waiting.first(lane)
        if first is None or first > now or not self._has_room(lane):
            return None
        if not self._queues.bucket(lane).take(now):
            return None
        name = str(self._waiting.take(lane, now))
        self._took_off(name)
        return name

    def _has_room(self, lane: str) -> bool:
        queue = self._queues.find(lane)
        if queue is None or queue.state != queues.State.RUNNING:
            return False
        return self._outstanding[lane] < queue.rate_limits.max_concurrent_dispatches

    def _begin(self, name: str, now: float) -> Delivery | None:
        with self._ledger.writing() as db:
            kept = record.find(db, name)
            if kept is None:
                self._landed(name)
                return None
            kept.dispatches += 1
            kept.first_dispatch = kept.first_dispatch or now
            kept.last_schedule, kept.last_dispatch, kept.last_end = kept.due_at, now, None
            request = request_of(kept.message, self._queues.get(kept.queue), kept.properties())
            record.save_attempt(db, kept)
            return request

    def _after_failure(self, kept: Record, status: int | None, retry_after: float | None, now: float) -> bool:
        """Notes the failure on the record; whether there shall be another attempt."""
        kept.failures += 1
        kept.last_status, kept.last_end = status or NO_ANSWER, now
        if status is not None:
            kept.responses += 1
            kept.executions += 0 if status >= 500 else 1
        retry = Retry.of(self._queues.get(kept.queue), kept.message)
        if retry.exhausted(kept.failures, kept.created, kept.first_dispatch or now, now):
            return False
        wait = retry.wait(kept.failures)
        if retry_after is not None and status in (429, 503):
            wait = max(wait, retry_after)
        kept.due_at = now + wait
        return True

    # names, and what is kept in memory beside the database

    def _check_name_is_free(self, name: str, now: float) -> None:
        with self._ledger.reading() as db:
            if record.find(db, name) is not None:
                raise already_exists("Requested entity already exists")
            used = db.execute("SELECT until FROM used_names WHERE name = ?", (name,)).fetchone()
            if used is not None and used[0] > now:
                raise already_exists("The task cannot be created because a task with this name existed too recently.")

    def _find(self, name: str) -> Record:
        queue = _queue_of(name)
        limits.check_queue_name(queue)
        limits.check_task_name(name, queue)
        with self._ledger.reading() as db:
            kept = record.find(db, name)
        if kept is None:
            raise not_found("The task does not exist.")
        return kept

    def _remove(self, kept: Record) -> None:
        with self._ledger.writing() as db:
            db.execute("DELETE FROM tasks WHERE name = ?", (kept.name,))
            if kept.named:
                until = self.clock() + limits.NAME_STAYS_TAKEN
                db.execute("INSERT OR REPLACE INTO used_names VALUES (?, ?)", (kept.name, until))

    def _drop_tasks(self, queue: str) -> None:
        until = self.clock() + limits.NAME_STAYS_TAKEN
        with self._ledger.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO used_names SELECT name, ? FROM tasks WHERE queue = ? AND named = 1",
                (until, queue),
            )
            db.execute("DELETE FROM tasks WHERE queue = ?", (queue,))
        self._waiting.drop_lane(queue)
        self._forced = deque(name for name in self._forced if _queue_of(name) != queue)

    def _load(self) -> None:
        """Everything kept is waiting: what was under way when the process ended never came to an end."""
        self._waiting.clear()
        self._forced.clear()
        self._under_way.clear()
        self._outstanding.clear()
        with self._ledger.reading() as db:
            for queue, name, due_at in db.execute("SELECT queue, name, due_at FROM tasks ORDER BY created"):
                self._waiting.put(queue, name, due_at)

    def _took_off(self, name: str) -> None:
        self._under_way[name] = _queue_of(name)
        self._outstanding[self._under_way[name]] += 1

    def _landed(self, name: str) -> None:
        queue = self._under_way.pop(name, None)
        if queue is not None:
            self._outstanding[queue] -= 1

    def _sweep(self, now: float) -> None:
        """Releases names after their day, and drops tasks that outlived the retention, as in a paused queue."""
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        with self._ledger.writing() as db:
            db.execute("DELETE FROM used_names WHERE until <= ?", (now,))
            oldest = now - limits.RETENTION
            for (name,) in db.execute("SELECT name FROM tasks WHERE created <= ?", (oldest,)).fetchall():
                self._remove(self._find(name))
                self._waiting.drop(name)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def _queue_of(task: str) -> str:
    return task.partition("/tasks/")[0]


def _own_fields(task: Any) -> bytes:
    """The task as its maker wrote it, without what only the service sets."""
    for field in ("create_time", "dispatch_count", "response_count", "first_attempt", "last_attempt", "view"):
        task.ClearField(field)
    return task.SerializeToString()
