"""One suite, written with Google's client alone, for our emulator and for Google's own where Java and its jar are there."""

import base64
import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from emulators.faults import Faults
from emulators.pubsub.engine import Engine
from emulators.pubsub.server import serve
from tests.emulators.endpoint import Endpoint, Seen

_JAR = Path(
    os.environ.get(
        "PUBSUB_EMULATOR_JAR",
        "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar",
    )
)
_JAVA = shutil.which("java")
_FAST_RETRY = {"minimum_backoff": {"nanos": 100_000_000}, "maximum_backoff": {"nanos": 200_000_000}}


class Clients:
    """Google's publisher and subscriber on one emulator, in a project of their own."""

    def __init__(self, host: str) -> None:
        before = os.environ.get("PUBSUB_EMULATOR_HOST")
        os.environ["PUBSUB_EMULATOR_HOST"] = host
        try:
            self.publisher = pubsub_v1.PublisherClient()
            self.subscriber = pubsub_v1.SubscriberClient()
        finally:
            if before is None:
                del os.environ["PUBSUB_EMULATOR_HOST"]
            else:
                os.environ["PUBSUB_EMULATOR_HOST"] = before
        self.project = f"p{uuid.uuid4().hex[:12]}"

    def topic(self, name: str = "facts") -> str:
        path = self.publisher.topic_path(self.project, name)
        self.publisher.create_topic(name=path)
        return path

    def subscribe(self, topic: str, endpoint: str, name: str = "reader", **settings) -> types.Subscription:
        path = self.subscriber.subscription_path(self.project, name)
        push = {"push_endpoint": endpoint}
        return self.subscriber.create_subscription(request={"name": path, "topic": topic, "push_config": push, **settings})


def _google() -> Iterator[str]:
    if _JAVA is None or not _JAR.exists():
        pytest.skip("Google's emulator is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto"]
    process = subprocess.Popen(
        [_JAVA, *flags, "-jar", str(_JAR), "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:  # its own word that it is ready
            if "Server started" in line:
                break
        else:
            pytest.fail("Google's emulator ended before it was ready")
        threading.Thread(target=process.stdout.read, daemon=True).start()  # a full pipe would stop it
        _wait_until_it_answers(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_it_answers(port: int) -> None:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30).close()
    except urllib.error.HTTPError:
        return


def _ours() -> Iterator[str]:
    server = serve(Engine(), Faults())
    yield f"127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture(
    scope="module",
    params=[pytest.param(_ours, id="ours"), pytest.param(_google, id="google", marks=pytest.mark.slow)],
)
def host(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from request.param()


@pytest.fixture
def clients(host: str) -> Clients:
    return Clients(host)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as made:
        yield made


def test_topics_are_made_read_listed_and_deleted(clients: Clients) -> None:
    paths = sorted(clients.topic(name) for name in ("first", "second", "third"))

    listed = clients.publisher.list_topics(project=f"projects/{clients.project}")
    assert sorted(topic.name for topic in listed) == paths
    assert clients.publisher.get_topic(topic=paths[0]).name == paths[0]
    clients.publisher.delete_topic(topic=paths[0])
    with pytest.raises(exceptions.NotFound):
        clients.publisher.get_topic(topic=paths[0])


def test_a_topic_that_exists_is_refused(clients: Clients) -> None:
    clients.topic()
    with pytest.raises(exceptions.AlreadyExists):
        clients.topic()


@pytest.mark.parametrize("name", ["ab", "a" * 256, "1abc"])
def test_a_name_outside_the_rules_is_refused(clients: Clients, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        clients.topic(name)


def test_publishing_to_nothing_or_nothing_at_all_is_refused(clients: Clients) -> None:
    topic = clients.topic()
    with pytest.raises(exceptions.NotFound):
        clients.publisher.publish(f"{topic}-missing", b"x").result(timeout=20)
    with pytest.raises(exceptions.InvalidArgument):
        clients.publisher.publish(topic, b"").result(timeout=20)


def test_a_subscription_reads_back_with_its_defaults(clients: Clients, endpoint: Endpoint) -> None:
    topic = clients.topic()
    made = clients.subscribe(topic, endpoint.url)

    read = clients.subscriber.get_subscription(subscription=made.name)
    listed = clients.subscriber.list_subscriptions(project=f"projects/{clients.project}")

    assert (read.topic, read.ack_deadline_seconds) == (topic, 10)
    assert read.push_config.push_endpoint == endpoint.url
    assert read.message_retention_duration.days == 7
    assert [subscription.name for subscription in listed] == [made.name]
    with pytest.raises(exceptions.AlreadyExists):
        clients.subscribe(topic, endpoint.url)
    with pytest.raises(exceptions.NotFound):
        clients.subscribe(f"{topic}-missing", endpoint.url, "other")


def test_an_update_changes_what_its_mask_names(clients: Clients, endpoint: Endpoint) -> None:
    made = clients.subscribe(clients.topic(), endpoint.url)
    wanted = types.Subscription(name=made.name, ack_deadline_seconds=30, topic=made.topic)
    clients.subscriber.update_subscription(subscription=wanted, update_mask=FieldMask(paths=["ack_deadline_seconds"]))

    read = clients.subscriber.get_subscription(subscription=made.name)

    assert (read.ack_deadline_seconds, read.push_config.push_endpoint) == (30, endpoint.url)


def test_a_push_carries_the_message_in_the_standard_wrapping(clients: Clients, endpoint: Endpoint) -> None:
    topic = clients.topic()
    made = clients.subscribe(topic, f"{endpoint.url}/push?x=1")
    message_id = clients.publisher.publish(topic, b"\x00data", kind="k").result(timeout=20)

    (seen,) = endpoint.wait_for(1)

    message = seen.json["message"]
    assert (seen.method, seen.path) == ("POST", "/push?x=1")
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.json["subscription"] == made.name
    assert base64.b64decode(message["data"]) == b"\x00data"
    assert message["attributes"] == {"kind": "k"}
    assert message["messageId"] == message["message_id"] == message_id
    assert message["publishTime"] == message["publish_time"]
    assert message["publishTime"].endswith("Z")


def test_each_subscription_hears_of_each_message(clients: Clients, endpoint: Endpoint) -> None:
    topic = clients.topic()
    for name in ("left", "right"):
        clients.subscribe(topic, f"{endpoint.url}/{name}", name)
    for number in range(5):
        clients.publisher.publish(topic, str(number).encode())

    seen = endpoint.wait_for(10)

    heard = {(one.path, base64.b64decode(one.json["message"]["data"])) for one in seen}
    assert heard == {(f"/{name}", str(n).encode()) for name in ("left", "right") for n in range(5)}


# Google's own emulator takes any filter and delivers everything, so these say what the service's documentation says.
ours_alone = pytest.mark.parametrize("host", [pytest.param(_ours, id="ours")], indirect=True)


@ours_alone
def test_a_filtered_subscription_hears_only_of_messages_that_pass(clients: Clients, endpoint: Endpoint) -> None:
    topic = clients.topic()
    clients.subscribe(topic, f"{endpoint.url}/ends", "ends", filter='NOT attributes.step = "started" AND attributes:step')
    clients.subscribe(topic, f"{endpoint.url}/runs", "runs", filter='hasPrefix(attributes.family, "run")')
    for family, step in (("run", "started"), ("run", "ended"), ("job", "ended"), ("job", "started")):
        clients.publisher.publish(topic, f"{family} {step}".encode(), family=family, step=step)
    clients.publisher.publish(topic, b"bare")

    seen = endpoint.wait_for(4)

    heard = sorted((one.path, base64.b64decode(one.json["message"]["data"]).decode()) for one in seen)
    assert heard == [("/ends", "job ended"), ("/ends", "run ended"), ("/runs", "run ended"), ("/runs", "run started")]


@ours_alone
def test_a_filter_is_read_back_and_never_changed(clients: Clients, endpoint: Endpoint) -> None:
    topic, text = clients.topic(), 'attributes.step = "ended"'
    name = clients.subscribe(topic, endpoint.url, filter=text).name
    assert clients.subscriber.get_subscription(subscription=name).filter == text
    wanted = {"subscription": {"name": name, "filter": "attributes:other"}, "update_mask": {"paths": ["filter"]}}
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscriber.update_subscription(request=wanted)
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscribe(topic, endpoint.url, "wrong", filter="no such language")


def test_a_refused_push_comes_again_until_it_is_accepted(clients: Clients, endpoint: Endpoint) -> None:
    def third_time_lucky(seen: Seen) -> tuple[int, dict[str, str]]:
        return (204 if len(endpoint.seen) >= 2 else 500), {}

    endpoint.reply = third_time_lucky
    topic = clients.topic()
    clients.subscribe(topic, endpoint.url, retry_policy=_FAST_RETRY)
    clients.publisher.publish(topic, b"again").result(timeout=20)

    seen = endpoint.wait_for(3)

    assert len({one.json["message"]["messageId"] for one in seen}) == 1


def test_a_message_nobody_takes_ends_on_the_dead_letter_topic(clients: Clients, endpoint: Endpoint) -> None:
    endpoint.reply = lambda seen: (200 if seen.path == "/grave" else 500, {})
    topic, grave = clients.topic(), clients.topic("grave")
    dead_letter = {"dead_letter_topic": grave, "max_delivery_attempts": 5}
    made = clients.subscribe(topic, f"{endpoint.url}/reader", retry_policy=_FAST_RETRY, dead_letter_policy=dead_letter)
    clients.subscribe(grave, f"{endpoint.url}/grave", "mourner")
    clients.publisher.publish(topic, b"doomed", kind="k").result(timeout=20)

    seen = endpoint.wait_for(6)

    buried = seen[-1].json["message"]
    assert [one.path for one in seen] == ["/reader"] * 5 + ["/grave"]
    assert base64.b64decode(buried["data"]) == b"doomed"
    assert buried["attributes"]["kind"] == "k"
    assert buried["attributes"]["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert buried["attributes"]["CloudPubSubDeadLetterSourceSubscription"] == made.name.rpartition("/")[2]
    assert buried["attributes"]["CloudPubSubDeadLetterSourceSubscriptionProject"] == clients.project
    assert "CloudPubSubDeadLetterSourceTopicPublishTime" in buried["attributes"]


def test_a_changed_endpoint_is_where_the_next_message_goes(clients: Clients, endpoint: Endpoint) -> None:
    topic = clients.topic()
    made = clients.subscribe(topic, f"{endpoint.url}/old")
    config = types.PushConfig(push_endpoint=f"{endpoint.url}/new")
    clients.subscriber.modify_push_config(subscription=made.name, push_config=config)
    clients.publisher.publish(topic, b"x").result(timeout=20)

    assert [one.path for one in endpoint.wait_for(1)] == ["/new"]
