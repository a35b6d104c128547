"""Makes what Terraform makes in the cloud, from the same manifests: buckets, topics, subscriptions, queues, the clock's jobs."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import SubscriberClient, types

from emulators.dispatch.delivery import Bearer
from emulators.faults import Faults
from emulators.pubsub.engine import Engine as PubSub
from emulators.pubsub.inprocess import publisher, subscriber
from emulators.runner.loopback import Unexpected, call, expect
from emulators.runner.site import ACCOUNT, DERIVED, LOCATION, ORIGINALS, PROJECT, Site, function_url
from emulators.scheduler.job import Job
from emulators.tasks import wire as tasks_wire
from emulators.tasks.engine import Engine as Tasks
from infra.manifests import Manifest, Queue, Topic

TOPICS = ("events", "media-stored", "dead-letters")
ATTEMPTS = 5  # of a push, before the message goes to the dead letters
HORIZON = "86400s"  # of a task
_TICK = b'{"v":1,"kind":"tick"}'
_ANY_ORIGIN = {
    "origin": ["*"],
    "method": ["GET", "HEAD", "PUT", "POST"],
    "responseHeader": ["Content-Type", "Content-Range", "Content-Length", "Range", "Location", "ETag", "x-goog-resumable"],
    "maxAgeSeconds": 3600,
}


class Provision:
    """Everything may be there already, from an earlier run on other ports: it is then brought up to date."""

    def __init__(self, site: Site, manifests: Sequence[Manifest]) -> None:
        self._site = site
        self._manifests = manifests

    def topics(self, engine: PubSub) -> None:
        """Topics, and a push subscription for each function that a topic wakes."""
        topics, subscriptions = publisher(engine), subscriber(engine)
        for name in TOPICS:
            _unless_there(topics.create_topic, request={"name": _topic(name)})
        for manifest in self._manifests:
            for topic in manifest.topics():
                wanted = self._subscription(manifest, topic)
                self._drop_other_filter(subscriptions, wanted)
                if not _unless_there(subscriptions.create_subscription, request=wanted):
                    mask = FieldMask(paths=["push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"])
                    subscriptions.update_subscription(request={"subscription": wanted, "update_mask": mask})

    def _drop_other_filter(self, subscriptions: SubscriberClient, wanted: types.Subscription) -> None:
        """A filter cannot be changed, neither here nor in the cloud: the subscription is made anew."""
        project = f"projects/{PROJECT}"
        for there in subscriptions.list_subscriptions(request={"project": project}):
            if there.name == wanted.name and there.filter != wanted.filter:
                subscriptions.delete_subscription(request={"subscription": wanted.name})

    def _subscription(self, manifest: Manifest, topic: Topic) -> types.Subscription:
        push = types.PushConfig(
            push_endpoint=f"{self._site.url('work')}/{manifest.name}",
            oidc_token={"service_account_email": ACCOUNT, "audience": function_url(manifest.name)},
        )
        wanted = types.Subscription(
            name=f"projects/{PROJECT}/subscriptions/{manifest.name}-{topic.name}",
            topic=_topic(topic.name),
            filter=topic.filter,
            push_config=push,
            ack_deadline_seconds=int(min(600, max(10, manifest.timeout))),
            retry_policy={"minimum_backoff": Duration(seconds=1), "maximum_backoff": Duration(seconds=60)},
        )
        if topic.dead_letter:
            policy = types.DeadLetterPolicy(dead_letter_topic=_topic("dead-letters"), max_delivery_attempts=ATTEMPTS)
            wanted.dead_letter_policy = policy
        return wanted

    def buckets(self) -> None:
        """Two buckets; finished objects below `media/` of the first are told to their topic."""
        base = f"{self._site.url('storage')}/storage/v1/b"
        for name in (ORIGINALS, DERIVED):
            wanted = {"name": name, "location": "US", "cors": [_ANY_ORIGIN]}
            expect(call("POST", f"{base}?project={PROJECT}", wanted), 200, 409)
        notifications = f"{base}/{ORIGINALS}/notificationConfigs"
        if not expect(call("GET", notifications), 200).json().get("items"):
            wanted = {
                "topic": f"//pubsub.googleapis.com/{_topic('media-stored')}",
                "event_types": ["OBJECT_FINALIZE"],
                "object_name_prefix": "media/",
                "payload_format": "JSON_API_V1",
            }
            expect(call("POST", notifications, wanted), 200)

    def queues(self, engine: Tasks) -> None:
        """Each queue sends its tasks to the work process, whatever host their URLs name.

        Asked of the engine before it is served: tasks left from an earlier run must not go out to that run's port.
        """
        mask = {"updateMask": "rateLimits,retryConfig,httpTarget"}
        for manifest in self._manifests:
            for name, queue in manifest.queues():
                wanted = self._queue(f"{LOCATION}/queues/{name}", queue, manifest)
                path = f"/v2/{wanted['name']}"
                status, said = tasks_wire.answer(engine, Faults(), "PATCH", path, mask, json.dumps(wanted).encode())
                if status != 200:
                    raise Unexpected(f"queue {name}: {said[:500].decode('utf-8', 'replace')}")

    def _queue(self, name: str, queue: Queue, manifest: Manifest) -> dict[str, Any]:
        # One machine runs one instance of each function: more tasks at once than it takes would only stand before it.
        at_once = min(queue.max_concurrent_dispatches, manifest.concurrency)
        return {
            "name": name,
            "rateLimits": {"maxDispatchesPerSecond": queue.max_dispatches_per_second, "maxConcurrentDispatches": at_once},
            "retryConfig": {
                "maxAttempts": -1,
                "maxRetryDuration": HORIZON,
                "minBackoff": f"{queue.min_backoff:g}s",
                "maxBackoff": f"{queue.max_backoff:g}s",
                "maxDoublings": 8,
            },
            "httpTarget": {
                "uriOverride": {
                    "scheme": "HTTP",
                    "host": "127.0.0.1",
                    "port": str(self._site.ports.work),
                    "uriOverrideEnforceMode": "ALWAYS",
                }
            },
        }


def jobs(site: Site, manifests: Iterable[Manifest]) -> list[Job]:
    """The clock's calls."""
    return [
        Job(
            name=manifest.name,
            url=f"{site.url('work')}/{manifest.name}",
            cron=schedule.cron,
            body=_TICK,
            headers={"Content-Type": "application/json"},
            bearer=Bearer(audience=function_url(manifest.name), email=ACCOUNT),
            deadline=manifest.timeout,
        )
        for manifest in manifests
        for schedule in manifest.schedules()
    ]


def _topic(name: str) -> str:
    return f"projects/{PROJECT}/topics/{name}"


def _unless_there(create: Any, request: Any) -> bool:
    """Whether it was created now."""
    try:
        create(request=request)
    except AlreadyExists:
        return False
    return True
