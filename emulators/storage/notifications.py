"""Who is told of a bucket's changes, and the outbox that keeps each telling until it has succeeded."""

import json
import logging
import re
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .buckets import Buckets
from .errors import Resource, invalid, not_found
from .records import Record
from .state import State

Publish = Callable[[str, bytes, dict[str, str]], object]
TOPIC = re.compile(r"//pubsub\.googleapis\.com/(projects/[^/]+/topics/[^/]+)")
EVENTS = ("OBJECT_FINALIZE", "OBJECT_METADATA_UPDATE", "OBJECT_DELETE", "OBJECT_ARCHIVE")
FORMATS = ("JSON_API_V1", "NONE")
BATCH = 200

log = logging.getLogger(__name__)


class Notifications:
    """Configurations per bucket, and their events. `publish(topic, data, attributes)` raises if it did not succeed."""

    def __init__(self, state: State, buckets: Buckets, publish: Publish) -> None:
        self._state = state
        self._buckets = buckets
        self._publish = publish
        self._delivering = threading.Lock()
        self.something_to_send = threading.Event()

    def create(self, bucket: str, body: Resource) -> Resource:
        config = _checked(body)
        with self._state.writing() as db:
            self._buckets.require(db, bucket)
            number = self._state.next_number(db, "notification", 1)
            db.execute("INSERT INTO notifications VALUES (?, ?, ?)", (bucket, number, json.dumps(config)))
        return _resource(bucket, number, config)

    def all(self, bucket: str) -> list[Resource]:
        with self._state.reading() as db:
            self._buckets.require(db, bucket)
            return [_resource(bucket, number, config) for number, config in _configs(db, bucket)]

    def get(self, bucket: str, number: str) -> Resource:
        for resource in self.all(bucket):
            if resource["id"] == number:
                return resource
        raise not_found(f"notification {number} of {bucket}")

    def delete(self, bucket: str, number: str) -> None:
        self.get(bucket, number)
        with self._state.writing() as db:
            db.execute("DELETE FROM notifications WHERE bucket = ? AND id = ?", (bucket, int(number)))

    def record(self, db: sqlite3.Connection, event: str, record: Record, **attributes: int) -> None:
        """Puts one event into the outbox for each configuration that asked for it, in the caller's transaction."""
        for number, config in _configs(db, record.bucket):
            wanted = event in config.get("event_types", EVENTS)
            if not wanted or not record.name.startswith(config.get("object_name_prefix", "")):
                continue
            said = {
                **config.get("custom_attributes", {}),
                "notificationConfig": f"projects/_/buckets/{record.bucket}/notificationConfigs/{number}",
                "eventType": event,
                "payloadFormat": config["payload_format"],
                "bucketId": record.bucket,
                "objectId": record.name,
                "objectGeneration": str(record.generation),
                "eventTime": _micros(self._state.clock()),
                **{name: str(value) for name, value in attributes.items()},
            }
            data = json.dumps(record.resource()).encode() if config["payload_format"] != "NONE" else b""
            topic = TOPIC.fullmatch(config["topic"])
            assert topic is not None  # checked when the configuration was made
            values = (topic[1], data, json.dumps(said))
            db.execute("INSERT INTO outbox (topic, data, attributes) VALUES (?, ?, ?)", values)
            self.something_to_send.set()

    def deliver(self) -> int:
        """Publishes what waits, oldest first; answers how many events still wait because publishing failed.

        An event is forgotten only after its publish has returned, so a crash between the two sends it twice.
        """
        with self._delivering:
            self.something_to_send.clear()
            stuck: set[str] = set()
            after = 0
            while rows := self._waiting(after):
                after = rows[-1][0]
                for number, topic, data, attributes in rows:
                    if topic in stuck or not self._send(number, topic, data, json.loads(attributes)):
                        stuck.add(topic)
            return self.waiting()

    def waiting(self) -> int:
        """How many events have not been published yet."""
        with self._state.reading() as db:
            return int(db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def _waiting(self, after: int) -> list[tuple[int, str, bytes, str]]:
        with self._state.reading() as db:
            chosen = "SELECT id, topic, data, attributes FROM outbox WHERE id > ? ORDER BY id LIMIT ?"
            return db.execute(chosen, (after, BATCH)).fetchall()

    def _send(self, number: int, topic: str, data: bytes, attributes: dict[str, str]) -> bool:
        try:
            self._publish(topic, data, attributes)
        except Exception as wrong:  # whatever the publisher's transport raises: the event stays and is tried again
            log.warning("an event for %s stays in the outbox: %s", topic, wrong)
            return False
        with self._state.writing() as db:
            db.execute("DELETE FROM outbox WHERE id = ?", (number,))
        return True


def _configs(db: sqlite3.Connection, bucket: str) -> list[tuple[int, dict[str, Any]]]:
    rows = db.execute("SELECT id, config FROM notifications WHERE bucket = ? ORDER BY id", (bucket,))
    return [(number, json.loads(config)) for number, config in rows]


def _checked(body: Resource) -> dict[str, Any]:
    known = ("topic", "event_types", "object_name_prefix", "payload_format", "custom_attributes")
    config = {key: body[key] for key in known if body.get(key) is not None}
    config.setdefault("payload_format", "JSON_API_V1")
    if not TOPIC.fullmatch(str(config.get("topic", ""))):
        raise invalid("topic must read //pubsub.googleapis.com/projects/{project}/topics/{topic}.")
    if not set(config.get("event_types", ())) <= set(EVENTS):
        raise invalid(f"event_types may be {', '.join(EVENTS)}.")
    if config["payload_format"] not in FORMATS:
        raise invalid(f"payload_format may be {', '.join(FORMATS)}.")
    return config


def _resource(bucket: str, number: int, config: dict[str, Any]) -> Resource:
    path = f"/storage/v1/b/{bucket}/notificationConfigs/{number}"
    identity = {"kind": "storage#notification", "id": str(number), "etag": str(number), "selfLink": path}
    return {**config, **identity}


def _micros(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
