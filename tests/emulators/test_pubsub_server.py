"""Pub/Sub on its port: pushes over HTTP, signed, refused, and again after the process was killed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from emulators.clock import MovableClock
from emulators.faults import Fault, Faults
from emulators.pubsub.engine import Engine
from emulators.pubsub.server import Server, serve
from tests.emulators.endpoint import Endpoint, Seen
from tests.emulators.killable import Killable

TOPIC = "projects/p/topics/facts"
READER = "projects/p/subscriptions/reader"


class Caller:
    def __init__(self, port: int) -> None:
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))

    def subscribe(self, endpoint: str, **settings) -> None:
        self.publisher.create_topic(name=TOPIC)
        push = {"push_endpoint": endpoint, **settings.pop("push", {})}
        request = {"name": READER, "topic": TOPIC, "push_config": push, **settings}
        self.subscriber.create_subscription(request=request)

    def publish(self, data: bytes) -> str:
        return self.publisher.publish(topic=TOPIC, messages=[{"data": data}]).message_ids[0]


class Local:
    def __init__(self) -> None:
        self.faults = Faults()
        self.clock = MovableClock()
        self.engine = Engine(None, self.clock)
        self.server: Server = serve(self.engine, self.faults, sign=lambda audience, email: f"{email} to {audience}")
        self.caller = Caller(self.server.port)


@pytest.fixture
def local() -> Iterator[Local]:
    made = Local()
    yield made
    made.server.stop()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as made:
        yield made


def test_a_push_is_signed_for_whom_the_subscription_names(local: Local, endpoint: Endpoint) -> None:
    token = {"service_account_email": "pusher@p.test", "audience": "reader"}
    local.caller.subscribe(endpoint.url, push={"oidc_token": token})
    local.caller.publish(b"x")

    (seen,) = endpoint.wait_for(1)

    assert seen.headers["Authorization"] == "Bearer pusher@p.test to reader"


def test_a_push_without_a_token_is_not_signed(local: Local, endpoint: Endpoint) -> None:
    local.caller.subscribe(endpoint.url)
    local.caller.publish(b"x")

    assert "Authorization" not in endpoint.wait_for(1)[0].headers


def test_an_ordered_push_failure_looks_to_the_engine_like_a_refusal(local: Local, endpoint: Endpoint) -> None:
    local.faults.order(Fault("pubsub.push", effect="fail_after", status=504))
    local.caller.subscribe(endpoint.url, retry_policy={"minimum_backoff": {}, "maximum_backoff": {"seconds": 1}})
    message_id = local.caller.publish(b"x")

    seen = endpoint.wait_for(2)

    assert [one.json["message"]["messageId"] for one in seen] == [message_id, message_id]


def test_moving_the_clock_brings_a_waiting_retry_forward(local: Local, endpoint: Endpoint) -> None:
    refused = threading.Event()

    def refuse_once(seen: Seen) -> tuple[int, dict[str, str]]:
        first = not refused.is_set()
        refused.set()
        return (500 if first else 200), {}

    endpoint.reply = refuse_once
    wait = {"minimum_backoff": {"seconds": 300}, "maximum_backoff": {"seconds": 300}}
    local.caller.subscribe(endpoint.url, retry_policy=wait)
    failed = threading.Event()
    local.engine.on_change(lambda: failed.set() if refused.is_set() else None)
    local.caller.publish(b"x")
    assert failed.wait(20)

    local.clock.advance(301)
    local.server.dispatcher.wake()

    assert len(endpoint.wait_for(2)) == 2


def test_stopping_waits_for_the_push_under_way_and_starts_no_other(local: Local, endpoint: Endpoint) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slow(seen: Seen) -> tuple[int, dict[str, str]]:
        began.set()
        may_end.wait(20)
        return 200, {}

    endpoint.reply = slow
    local.caller.subscribe(endpoint.url)
    local.caller.publish(b"first")
    assert began.wait(20)
    assert local.server.stop(grace=0.01) is False
    local.engine.announce(TOPIC, b"second", {})
    may_end.set()

    assert local.server.dispatcher.stop(grace=20) is True
    assert local.engine.backlog(READER) == 1
    assert len(endpoint.seen) == 1


def test_a_message_under_way_when_the_process_is_killed_comes_again(endpoint: Endpoint, tmp_path: Path) -> None:
    began, may_end = threading.Event(), threading.Event()

    def hang(seen: Seen) -> tuple[int, dict[str, str]]:
        began.set()
        may_end.wait(20)
        return 200, {}

    endpoint.reply = hang
    path = tmp_path / "pubsub.sqlite"
    with Killable("pubsub", path) as first:
        caller = Caller(first.port)
        caller.subscribe(endpoint.url)
        ids = [caller.publish(bytes([n + 1])) for n in range(3)]
        assert began.wait(20)
    endpoint.reply = lambda seen: (200, {})

    with Killable("pubsub", path):
        seen = endpoint.wait_for(3)

    may_end.set()
    assert sorted(one.json["message"]["messageId"] for one in seen) == sorted(ids)
