"""The queues there are: on disk, and in memory for the hot path."""

from typing import Any

from google.cloud import tasks_v2
from google.protobuf.field_mask_pb2 import FieldMask

from emulators.clock import Clock
from emulators.dispatch.ledger import Ledger
from emulators.dispatch.refusal import already_exists, invalid, not_found, precondition
from emulators.tasks import limits
from emulators.tasks.pace import TokenBucket

SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deleted_queues (name TEXT PRIMARY KEY, until REAL NOT NULL);
"""

QueueMessage = type(tasks_v2.Queue.pb(tasks_v2.Queue()))
State = tasks_v2.Queue.State
_OUTPUT_ONLY = {"name", "state", "purge_time"}


class Queues:
    """Settings and token buckets by queue name; the caller holds the ledger's lock."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._all: dict[str, Any] = {}
        self._buckets: dict[str, TokenBucket] = {}
        self.load()

    def load(self) -> None:
        with self._ledger.reading() as db:
            rows = db.execute("SELECT name, body FROM queues").fetchall()
        self._all = {name: QueueMessage.FromString(body) for name, body in rows}
        now = self._clock()
        self._buckets = {name: TokenBucket.full(queue.rate_limits, now) for name, queue in self._all.items()}

    def create(self, parent: str, queue: Any) -> Any:
        limits.check_location(parent)
        if queue.name.rpartition("/queues/")[0] != parent:
            raise invalid("Queue.name must begin with the parent of the request.")
        limits.complete_queue(queue)
        if queue.name in self._all:
            raise already_exists("Queue already exists")
        self._check_tombstone(queue.name)
        queue.state = State.RUNNING
        queue.ClearField("purge_time")
        self._save(queue, fresh_bucket=True)
        return queue

    def get(self, name: str) -> Any:
        limits.check_queue_name(name)
        if name not in self._all:
            raise not_found("Requested entity was not found: the queue does not exist.")
        return self._all[name]

    def find(self, name: str) -> Any | None:
        return self._all.get(name)

    def bucket(self, name: str) -> TokenBucket:
        return self._buckets[name]

    def in_location(self, parent: str) -> list[Any]:
        limits.check_location(parent)
        return [queue for name, queue in self._all.items() if name.startswith(f"{parent}/queues/")]

    def update(self, wanted: Any, mask: FieldMask) -> Any:
        """Creates the queue if it is not there; an empty mask means every field."""
        limits.check_queue_name(wanted.name)
        if wanted.name not in self._all:
            return self.create(wanted.name.rpartition("/queues/")[0], wanted)
        current = self._all[wanted.name]
        changed = QueueMessage.FromString(current.SerializeToString())
        named = mask.paths or [field.name for field in wanted.DESCRIPTOR.fields]
        paths = [path for path in named if path.split(".")[0] not in _OUTPUT_ONLY]
        try:
            FieldMask(paths=paths).MergeMessage(wanted, changed, True, True)
        except ValueError as error:
            raise invalid(f"Invalid update mask: {error}") from error
        limits.complete_queue(changed)
        self._save(changed, fresh_bucket=changed.rate_limits != current.rate_limits)
        return changed

    def change_state(self, name: str, state: int) -> Any:
        changed = QueueMessage.FromString(self.get(name).SerializeToString())
        changed.state = state
        self._save(changed, fresh_bucket=False)
        return changed

    def mark_purged(self, name: str, now: float) -> Any:
        changed = QueueMessage.FromString(self.get(name).SerializeToString())
        changed.purge_time.FromMicroseconds(int(now * 1e6))
        self._save(changed, fresh_bucket=False)
        return changed

    def delete(self, name: str) -> None:
        self.get(name)
        until = self._clock() + limits.QUEUE_NAME_STAYS_TAKEN
        with self._ledger.writing() as db:
            db.execute("DELETE FROM queues WHERE name = ?", (name,))
            db.execute("INSERT OR REPLACE INTO deleted_queues VALUES (?, ?)", (name, until))
        del self._all[name], self._buckets[name]

    def _check_tombstone(self, name: str) -> None:
        with self._ledger.writing() as db:
            db.execute("DELETE FROM deleted_queues WHERE until <= ?", (self._clock(),))
            if db.execute("SELECT 1 FROM deleted_queues WHERE name = ?", (name,)).fetchone():
                raise precondition("The queue cannot be created because a queue with this name existed too recently.")

    def _save(self, queue: Any, fresh_bucket: bool) -> None:
        with self._ledger.writing() as db:
            db.execute("INSERT OR REPLACE INTO queues VALUES (?, ?)", (queue.name, queue.SerializeToString()))
        self._all[queue.name] = queue
        if fresh_bucket:
            self._buckets[queue.name] = TokenBucket.full(queue.rate_limits, self._clock())
