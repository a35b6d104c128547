"""A task as it is kept, and as Google's Task message shows it."""

from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from google.cloud import tasks_v2

from emulators.dispatch.refusal import code_of_status

SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    name TEXT PRIMARY KEY, queue TEXT NOT NULL, body BLOB NOT NULL, named INTEGER NOT NULL, created REAL NOT NULL,
    due_at REAL NOT NULL, dispatches INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    responses INTEGER NOT NULL DEFAULT 0, executions INTEGER NOT NULL DEFAULT 0, first_dispatch REAL,
    last_schedule REAL, last_dispatch REAL, last_end REAL, last_status INTEGER);
CREATE INDEX IF NOT EXISTS tasks_by_queue ON tasks (queue, name);
CREATE TABLE IF NOT EXISTS used_names (name TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS used_names_by_time ON used_names (until);
"""

TaskMessage = type(tasks_v2.Task.pb(tasks_v2.Task()))

_COLUMNS = (
    "name, queue, body, named, created, due_at, dispatches, failures, responses, executions,"
    " first_dispatch, last_schedule, last_dispatch, last_end, last_status"
)
NO_ANSWER = 0


@dataclass
class Record:
    """Times are seconds since the epoch; `last_status` is an HTTP status, `NO_ANSWER`, or None before the first end."""

    name: str
    queue: str
    body: bytes
    named: int
    created: float
    due_at: float
    dispatches: int = 0
    failures: int = 0
    responses: int = 0
    executions: int = 0
    first_dispatch: float | None = None
    last_schedule: float | None = None
    last_dispatch: float | None = None
    last_end: float | None = None
    last_status: int | None = None

    @property
    def message(self) -> Any:
        return TaskMessage.FromString(self.body)

    def shown(self, view: int) -> Any:
        """The Task message; its body is left out unless the view is FULL."""
        task = self.message
        _set(task.schedule_time, self.due_at)
        task.create_time.seconds = int(self.created)
        task.dispatch_count, task.response_count = self.dispatches, self.responses
        if self.first_dispatch is not None:
            _set(task.first_attempt.dispatch_time, self.first_dispatch)
        self._show_last_attempt(task.last_attempt)
        task.view = tasks_v2.Task.View.FULL if view == tasks_v2.Task.View.FULL else tasks_v2.Task.View.BASIC
        if task.view == tasks_v2.Task.View.BASIC:
            task.http_request.ClearField("body")
        return task

    def properties(self) -> dict[str, str]:
        """The X-CloudTasks- headers of the attempt that is about to leave."""
        queue, _, task = self.name.partition("/tasks/")
        headers = {
            "X-CloudTasks-QueueName": queue.rpartition("/")[2],
            "X-CloudTasks-TaskName": task,
            "X-CloudTasks-TaskRetryCount": str(self.dispatches - 1),
            "X-CloudTasks-TaskExecutionCount": str(self.executions),
            "X-CloudTasks-TaskETA": f"{self.due_at:.6f}",
        }
        if self.last_status:
            headers["X-CloudTasks-TaskPreviousResponse"] = str(self.last_status)
        if self.last_status is not None:
            headers["X-CloudTasks-TaskRetryReason"] = reason(self.last_status)
        return headers

    def _show_last_attempt(self, attempt: Any) -> None:
        if self.last_dispatch is None or self.last_schedule is None:
            return
        _set(attempt.schedule_time, self.last_schedule)
        _set(attempt.dispatch_time, self.last_dispatch)
        if self.last_end is not None and self.last_status is not None:
            _set(attempt.response_time, self.last_end)
            attempt.response_status.code = code_of_status(self.last_status or 503).value[0]
            attempt.response_status.message = reason(self.last_status)


def reason(status: int) -> str:
    """An answer in the words of an attempt's status."""
    if status == NO_ANSWER:
        return "UNAVAILABLE(14): no answer from the target"
    code = code_of_status(status)
    return f"{code.name}({code.value[0]}): HTTP status code {status}"


def find(db: Connection, name: str) -> Record | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM tasks WHERE name = ?", (name,)).fetchone()
    return None if row is None else Record(*row)


def page_of(db: Connection, queue: str, after: str, count: int) -> list[Record]:
    """In the order of names."""
    query = f"SELECT {_COLUMNS} FROM tasks WHERE queue = ? AND name > ? ORDER BY name LIMIT ?"
    return [Record(*row) for row in db.execute(query, (queue, after, count))]


def insert(db: Connection, record: Record) -> None:
    db.execute(
        "INSERT INTO tasks (name, queue, body, named, created, due_at) VALUES (?, ?, ?, ?, ?, ?)",
        (record.name, record.queue, record.body, record.named, record.created, record.due_at),
    )


def save_attempt(db: Connection, record: Record) -> None:
    """What an attempt changes; the body stays as it was written."""
    db.execute(
        "UPDATE tasks SET due_at = ?, dispatches = ?, failures = ?, responses = ?, executions = ?, first_dispatch = ?,"
        " last_schedule = ?, last_dispatch = ?, last_end = ?, last_status = ? WHERE name = ?",
        (
            record.due_at,
            record.dispatches,
            record.failures,
            record.responses,
            record.executions,
            record.first_dispatch,
            record.last_schedule,
            record.last_dispatch,
            record.last_end,
            record.last_status,
            record.name,
        ),
    )


def _set(timestamp: Any, seconds: float) -> None:
    timestamp.FromMicroseconds(int(seconds * 1e6))
