"""The topics and subscriptions there are; on disk, and in memory for the hot path."""

from collections.abc import Callable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from emulators.dispatch.ledger import Ledger
from emulators.dispatch.refusal import already_exists, invalid, not_found
from emulators.pubsub import limits

SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS subscriptions (name TEXT PRIMARY KEY, body BLOB NOT NULL);
"""

Topic = type(types.Topic.pb(types.Topic()))
Subscription = type(types.Subscription.pb(types.Subscription()))

DELETED_TOPIC = "_deleted-topic_"


class Topics:
    """Named places to publish to."""

    def __init__(self, ledger: Ledger, subscriptions: "Subscriptions") -> None:
        self._ledger = ledger
        self._subscriptions = subscriptions
        self._all: dict[str, Any] = {}
        self.load()

    def load(self) -> None:
        with self._ledger.reading() as db:
            rows = db.execute("SELECT name, body FROM topics").fetchall()
            self._all = {name: Topic.FromString(body) for name, body in rows}

    def create(self, topic: Any) -> Any:
        limits.check_topic(topic)
        with self._ledger.lock:
            if topic.name in self._all:
                raise already_exists(f"Resource already exists in the project (resource={topic.name}).")
            topic.state = types.Topic.State.ACTIVE
            with self._ledger.writing() as db:
                db.execute("INSERT INTO topics VALUES (?, ?)", (topic.name, topic.SerializeToString()))
            self._all[topic.name] = topic
            return topic

    def get(self, name: str) -> Any:
        limits.check_name(name, "topics")
        with self._ledger.lock:
            if name not in self._all:
                raise not_found(f"Resource not found (resource={name}).")
            return self._all[name]

    def find(self, name: str) -> Any | None:
        return self._all.get(name)

    def in_project(self, project: str) -> list[Any]:
        limits.check_project(project)
        with self._ledger.lock:
            return [topic for name, topic in self._all.items() if name.startswith(f"{project}/")]

    def delete(self, name: str) -> None:
        """Its subscriptions stay, and still deliver what they hold."""
        with self._ledger.lock:
            self.get(name)
            with self._ledger.writing() as db:
                db.execute("DELETE FROM topics WHERE name = ?", (name,))
                self._subscriptions.orphan(name)
            del self._all[name]


class Subscriptions:
    """Who hears of what, and how."""

    def __init__(self, ledger: Ledger, on_delete: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._on_delete = on_delete
        self._all: dict[str, Any] = {}
        self.load()

    def load(self) -> None:
        with self._ledger.reading() as db:
            rows = db.execute("SELECT name, body FROM subscriptions").fetchall()
            self._all = {name: Subscription.FromString(body) for name, body in rows}

    def create(self, subscription: Any, topics: Topics) -> Any:
        with self._ledger.lock:
            _fill_in(subscription)
            limits.check_subscription(subscription)
            if subscription.name in self._all:
                message = f"Resource already exists in the project (resource={subscription.name})."
                raise already_exists(message)
            topics.get(subscription.topic)
            self._check_dead_letter(subscription, topics)
            self._save(subscription)
            return subscription

    def get(self, name: str) -> Any:
        limits.check_name(name, "subscriptions")
        with self._ledger.lock:
            if name not in self._all:
                raise not_found(f"Resource not found (resource={name}).")
            return self._all[name]

    def find(self, name: str) -> Any | None:
        return self._all.get(name)

    def in_project(self, project: str) -> list[Any]:
        limits.check_project(project)
        with self._ledger.lock:
            return [found for name, found in self._all.items() if name.startswith(f"{project}/")]

    def of_topic(self, topic: str) -> list[Any]:
        return [subscription for subscription in self._all.values() if subscription.topic == topic]

    def update(self, wanted: Any, mask: Any, topics: Topics) -> Any:
        """Changes the fields the mask names, and none without it, as production does."""
        with self._ledger.lock:
            current = self.get(wanted.name)
            if not mask.paths:
                raise invalid("The update_mask in the UpdateSubscriptionRequest must be set.")
            fixed = {"name", "topic", "filter", "state", "detached"} & {path.split(".")[0] for path in mask.paths}
            if fixed:
                raise invalid(f"The update_mask names fields that cannot change: {', '.join(sorted(fixed))}.")
            changed = _merged(current, wanted, mask)
            _fill_in(changed)
            limits.check_subscription(changed)
            self._check_dead_letter(changed, topics)
            self._save(changed)
            return changed

    def change_push(self, name: str, push: Any) -> None:
        with self._ledger.lock:
            changed = Subscription.FromString(self.get(name).SerializeToString())
            limits.check_push(push)
            changed.push_config.CopyFrom(push)
            self._save(changed)

    def orphan(self, topic: str) -> None:
        for subscription in self.of_topic(topic):
            changed = Subscription.FromString(subscription.SerializeToString())
            changed.topic = DELETED_TOPIC
            self._save(changed)

    def delete(self, name: str) -> None:
        with self._ledger.lock:
            self.get(name)
            with self._ledger.writing() as db:
                db.execute("DELETE FROM subscriptions WHERE name = ?", (name,))
                self._on_delete(name)
            del self._all[name]

    def _save(self, subscription: Any) -> None:
        with self._ledger.writing() as db:
            row = (subscription.name, subscription.SerializeToString())
            db.execute("INSERT OR REPLACE INTO subscriptions VALUES (?, ?)", row)
        self._all[subscription.name] = subscription

    @staticmethod
    def _check_dead_letter(subscription: Any, topics: Topics) -> None:
        if subscription.HasField("dead_letter_policy"):
            topics.get(subscription.dead_letter_policy.dead_letter_topic)


def _merged(current: Any, wanted: Any, mask: FieldMask) -> Any:
    changed = Subscription.FromString(current.SerializeToString())
    try:
        mask.MergeMessage(wanted, changed, replace_message_field=True, replace_repeated_field=True)
    except ValueError as error:
        raise invalid(f"Invalid update_mask provided: {error}") from error
    return changed


def _fill_in(subscription: Any) -> None:
    """The defaults production shows when the subscription is read back."""
    subscription.state = types.Subscription.State.ACTIVE
    if not subscription.ack_deadline_seconds:
        subscription.ack_deadline_seconds = limits.DEFAULT_ACK_DEADLINE
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = limits.DEFAULT_RETENTION
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = 31 * limits.DAY
    if subscription.HasField("dead_letter_policy"):
        policy = subscription.dead_letter_policy
        policy.max_delivery_attempts = policy.max_delivery_attempts or limits.DEFAULT_ATTEMPTS
    if subscription.HasField("retry_policy"):
        policy = subscription.retry_policy
        if not policy.HasField("minimum_backoff"):
            policy.minimum_backoff.seconds = 10
        if not policy.HasField("maximum_backoff"):
            policy.maximum_backoff.seconds = 600
