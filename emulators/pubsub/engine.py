"""Pub/Sub without sockets or threads: what is published is kept until every subscription acknowledged it.

A delivery is under way in memory only: after a crash everything not acknowledged is due again, at once.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from google.pubsub_v1 import types

from emulators.clock import Clock
from emulators.dispatch.delivery import Delivery
from emulators.dispatch.ledger import Ledger
from emulators.dispatch.timetable import Timetable
from emulators.pubsub import catalog, limits
from emulators.pubsub.envelope import SUCCESS, Stored, push_request, timestamp
from emulators.pubsub.filters import compile_filter

_SCHEMA = (
    catalog.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL, attributes TEXT NOT NULL, published REAL NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, message INTEGER NOT NULL,
    failures INTEGER NOT NULL, due_at REAL NOT NULL, expires_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_by_message ON deliveries (message);
CREATE INDEX IF NOT EXISTS deliveries_by_subscription ON deliveries (subscription);
CREATE INDEX IF NOT EXISTS deliveries_by_expiry ON deliveries (expires_at);
"""
)

PubsubMessage = type(types.PubsubMessage.pb(types.PubsubMessage()))

_SWEEP_SECONDS = 60.0
# Without a retry policy a failing endpoint is asked again at once at first, then ever more slowly.
_PUSH_BACKOFF = (0.1, 60.0)


class Engine:
    """`path` None keeps all in memory. `window` bounds how many pushes one subscription has under way."""

    def __init__(self, path: Path | None = None, clock: Clock = time.time, window: int = 32) -> None:
        self.clock = clock
        self._window = window
        self._ledger = Ledger(path, _SCHEMA)
        self._waiting = Timetable()
        self._under_way: dict[int, str] = {}
        self._outstanding: Counter[str] = Counter()
        self._listeners: list[Callable[[], None]] = []
        self._swept_at = float("-inf")
        self._subscriptions = catalog.Subscriptions(self._ledger, self._forget)
        self._topics = catalog.Topics(self._ledger, self._subscriptions)
        self._load()

    # what there is

    def create_topic(self, topic: Any) -> Any:
        return self._topics.create(topic)

    def get_topic(self, name: str) -> Any:
        return self._topics.get(name)

    def topics(self, project: str) -> list[Any]:
        return self._topics.in_project(project)

    def delete_topic(self, name: str) -> None:
        self._topics.delete(name)

    def create_subscription(self, subscription: Any) -> Any:
        return self._subscriptions.create(subscription, self._topics)

    def get_subscription(self, name: str) -> Any:
        return self._subscriptions.get(name)

    def subscriptions(self, project: str) -> list[Any]:
        return self._subscriptions.in_project(project)

    def update_subscription(self, wanted: Any, mask: Any) -> Any:
        changed = self._subscriptions.update(wanted, mask, self._topics)
        self._tell()
        return changed

    def change_push(self, name: str, push: Any) -> None:
        self._subscriptions.change_push(name, push)
        self._tell()

    def delete_subscription(self, name: str) -> None:
        self._subscriptions.delete(name)

    def backlog(self, subscription: str) -> int:
        """How many messages the subscription has not acknowledged."""
        self._subscriptions.get(subscription)
        with self._ledger.reading() as db:
            query = "SELECT COUNT(*) FROM deliveries WHERE subscription = ? AND expires_at > ?"
            return db.execute(query, (subscription, self.clock())).fetchone()[0]

    def reset(self) -> None:
        """Forgets everything, as on a new machine."""
        with self._ledger.writing() as db:
            for table in ("topics", "subscriptions", "messages", "deliveries"):
                db.execute(f"DELETE FROM {table}")
        self._topics.load()
        self._subscriptions.load()
        self._load()
        self._tell()

    def close(self) -> None:
        self._ledger.close()

    # publishing

    def publish(self, topic: str, messages: Sequence[Any]) -> list[str]:
        """Message ids in order; the messages are on disk when this returns."""
        limits.check_messages(messages)
        now = self.clock()
        with self._ledger.lock:
            self._topics.get(topic)
            with self._ledger.writing() as db:
                stored = [self._store(db, topic, message.data, dict(message.attributes), now) for message in messages]
            self._schedule(entry for _, entries in stored for entry in entries)
        self._tell()
        return [str(message_id) for message_id, _ in stored]

    def announce(self, topic: str, data: bytes, attributes: dict[str, str]) -> str:
        """Publishes one message for another emulator, such as a bucket's notification."""
        return self.publish(topic, [PubsubMessage(data=data, attributes=attributes)])[0]

    def _store(
        self, db: Connection, topic: str, data: bytes, attributes: dict[str, str], now: float
    ) -> tuple[int, list[tuple[str, int, float]]]:
        """The message's id, and (subscription, delivery, due at) for each that shall have it."""
        cursor = db.execute(
            "INSERT INTO messages (data, attributes, published) VALUES (?, ?, ?)",
            (data, json.dumps(attributes), now),
        )
        message_id = int(cursor.lastrowid or 0)
        entries = []
        for subscription in self._subscriptions.of_topic(topic):
            if not compile_filter(subscription.filter)(attributes):
                continue  # acknowledged, as it were
            expires = now + limits.seconds(subscription.message_retention_duration)
            cursor = db.execute(
                "INSERT INTO deliveries (subscription, message, failures, due_at, expires_at) VALUES (?, ?, 0, ?, ?)",
                (subscription.name, message_id, now, expires),
            )
            entries.append((subscription.name, int(cursor.lastrowid or 0), now))
        if not entries:  # nobody listens: the id stays used, the message is not kept
            db.execute("DELETE FROM messages WHERE id = ?", (message_id,))
        return message_id, entries

    # delivering

    def due(self, now: float, limit: int | None = None) -> list[Delivery]:
        """Takes what should be pushed now, one subscription after the other; each must be settled."""
        with self._ledger.lock:
            self._sweep(now)
            found: list[Delivery] = []
            lanes = list(self._waiting.fair_turns())
            try:
                while lanes and (limit is None or len(found) < limit):
                    lanes = [lane for lane in lanes if self._take_one(lane, now, found, limit)]
            except BaseException:  # nobody will settle what is not handed out
                for delivery in found:
                    entry = int(delivery.id)
                    self._waiting.put(self._under_way[entry], entry, now)
                    self._landed(entry)
                raise
            return found

    def _take_one(self, lane: str, now: float, found: list[Delivery], limit: int | None) -> bool:
        """Whether the lane may have more."""
        subscription = self._open(lane)
        if subscription is None or (limit is not None and len(found) >= limit):
            return False
        entry = self._waiting.take(lane, now)
        if not isinstance(entry, int):
            return False
        delivery = self._request(entry, subscription, now)
        if delivery is not None:
            self._under_way[entry] = lane
            self._outstanding[lane] += 1
            found.append(delivery)
        return True

    def _open(self, lane: str) -> Any | None:
        """The subscription, if it has somewhere to push to and room in its window."""
        subscription = self._subscriptions.find(lane)
        if subscription is None or not subscription.push_config.push_endpoint:
            return None
        return subscription if self._outstanding[lane] < self._window else None

    def _request(self, entry: int, subscription: Any, now: float) -> Delivery | None:
        with self._ledger.reading() as db:
            row = db.execute(
                "SELECT m.id, m.data, m.attributes, m.published, d.failures FROM deliveries d"
                " JOIN messages m ON m.id = d.message WHERE d.id = ? AND d.expires_at > ?",
                (entry, now),
            ).fetchone()
        if row is None:
            return None
        message = Stored(row[0], row[1], json.loads(row[2]), row[3])
        return push_request(str(entry), message, subscription, row[4] + 1)

    def accepts(self, status: int) -> bool:
        return status in SUCCESS

    def succeeded(self, delivery_id: str, status: int = 200) -> None:
        """Acknowledged: the subscription never sees the message again."""
        entry = int(delivery_id)
        with self._ledger.lock:
            with self._ledger.writing() as db:
                self._acknowledge(db, entry)
            self._landed(entry)
        self._tell()  # its place in the window is free

    def failed(self, delivery_id: str, status: int | None = None, retry_after: float | None = None) -> None:
        """Not acknowledged in time: again after the backoff, or to the dead letter topic when that was the last try."""
        entry = int(delivery_id)
        now = self.clock()
        with self._ledger.lock:
            with self._ledger.writing() as db:
                scheduled = self._after_failure(db, entry, now)
            self._landed(entry)
            self._schedule(scheduled)
        self._tell()

    def next_due_at(self) -> float | None:
        """When the next push may leave; None while only a change can make one due."""
        with self._ledger.lock:
            times = [self._waiting.first(lane) for lane in self._waiting.lanes() if self._open(lane)]
            return min((at for at in times if at is not None), default=None)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Called after anything may have become due; it must not block."""
        self._listeners.append(listener)

    def _after_failure(self, db: Connection, entry: int, now: float) -> list[tuple[str, int, float]]:
        """What is to be scheduled: the same delivery later, or deliveries of the dead letter topic."""
        row = db.execute("SELECT subscription, failures + 1 FROM deliveries WHERE id = ?", (entry,)).fetchone()
        if row is None:
            return []
        name, failures = row
        subscription = self._subscriptions.get(name)
        policy = subscription.dead_letter_policy
        if subscription.HasField("dead_letter_policy") and failures >= policy.max_delivery_attempts:
            entries = self._bury(db, entry, subscription, failures, now)
            if entries is not None:
                return entries
        due_at = now + _backoff(subscription, failures)
        db.execute("UPDATE deliveries SET failures = ?, due_at = ? WHERE id = ?", (failures, due_at, entry))
        return [(name, entry, due_at)]

    def _bury(
        self, db: Connection, entry: int, subscription: Any, failures: int, now: float
    ) -> list[tuple[str, int, float]] | None:
        """Moves the message to the dead letter topic; None if that is gone, and the message stays where it is."""
        topic = subscription.dead_letter_policy.dead_letter_topic
        if self._topics.find(topic) is None:
            return None
        data, attributes, published = db.execute(
            "SELECT m.data, m.attributes, m.published FROM deliveries d JOIN messages m ON m.id = d.message WHERE d.id = ?",
            (entry,),
        ).fetchone()
        project, _, short_name = subscription.name.removeprefix("projects/").partition("/subscriptions/")
        added = {
            "CloudPubSubDeadLetterSourceDeliveryCount": str(failures),
            "CloudPubSubDeadLetterSourceSubscription": short_name,
            "CloudPubSubDeadLetterSourceSubscriptionProject": project,
            "CloudPubSubDeadLetterSourceTopicPublishTime": timestamp(published),
        }
        _, entries = self._store(db, topic, data, json.loads(attributes) | added, now)
        self._acknowledge(db, entry)
        return entries

    def _acknowledge(self, db: Connection, entry: int) -> None:
        row = db.execute("DELETE FROM deliveries WHERE id = ? RETURNING message", (entry,)).fetchone()
        if row is not None:
            db.execute(
                "DELETE FROM messages WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)",
                row,
            )

    # what is kept in memory beside the database

    def _load(self) -> None:
        """Everything kept is waiting: what was under way when the process ended never came to an end."""
        with self._ledger.lock:
            self._waiting.clear()
            self._under_way.clear()
            self._outstanding.clear()
            with self._ledger.reading() as db:
                rows = db.execute("SELECT subscription, id, due_at FROM deliveries ORDER BY id").fetchall()
            self._schedule(rows)

    def _schedule(self, entries: Iterable[tuple[str, int, float]]) -> None:
        for lane, entry, due_at in entries:
            self._waiting.put(lane, entry, due_at)

    def _landed(self, entry: int) -> None:
        lane = self._under_way.pop(entry, None)
        if lane is not None:
            self._outstanding[lane] -= 1

    def _forget(self, subscription: str) -> None:
        with self._ledger.writing() as db:
            db.execute("DELETE FROM deliveries WHERE subscription = ?", (subscription,))
            db.execute("DELETE FROM messages WHERE id NOT IN (SELECT message FROM deliveries)")
        self._waiting.drop_lane(subscription)

    def _sweep(self, now: float) -> None:
        """Drops what outlived its retention."""
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        with self._ledger.writing() as db:
            expired = db.execute("SELECT id FROM deliveries WHERE expires_at <= ?", (now,)).fetchall()
            for (entry,) in expired:
                self._acknowledge(db, entry)
        for (entry,) in expired:
            self._waiting.drop(entry)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def _backoff(subscription: Any, failures: int) -> float:
    """Seconds until the next try, doubling with each failure."""
    if subscription.HasField("retry_policy"):
        policy = subscription.retry_policy
        low, high = limits.seconds(policy.minimum_backoff), limits.seconds(policy.maximum_backoff)
    else:
        low, high = _PUSH_BACKOFF
    return min(high, low * 2.0 ** min(failures - 1, 60))
