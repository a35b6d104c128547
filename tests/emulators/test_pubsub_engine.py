"""The rules of Pub/Sub, on the engine alone: Google's client in process, no sockets, a clock that stands still."""

import base64
import json
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from emulators.clock import ManualClock
from emulators.dispatch.delivery import Delivery
from emulators.faults import Fault, Faults
from emulators.pubsub import inprocess
from emulators.pubsub.engine import Engine

TOPIC = "projects/p/topics/facts"
GRAVE = "projects/p/topics/grave"
SUBSCRIPTION = "projects/p/subscriptions/reader"
MOURNER = "projects/p/subscriptions/mourner"


class World:
    """An engine, Google's clients on it, and the hand that moves the clock."""

    def __init__(self, path: Path | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.engine = Engine(path, self.clock)
        self.publisher = inprocess.publisher(self.engine)
        self.subscriber = inprocess.subscriber(self.engine)

    def topic(self, name: str = TOPIC) -> None:
        self.publisher.create_topic(name=name)

    def subscribe(self, name: str = SUBSCRIPTION, topic: str = TOPIC, **settings) -> types.Subscription:
        settings.setdefault("push_config", {"push_endpoint": "http://reader.test/push"})
        return self.subscriber.create_subscription(request={"name": name, "topic": topic, **settings})

    def publish(self, data: bytes = b"x", topic: str = TOPIC, **attributes: str) -> str:
        message = {"data": data, "attributes": attributes}
        return self.publisher.publish(topic=topic, messages=[message]).message_ids[0]

    def due(self, limit: int | None = None) -> list[Delivery]:
        return self.engine.due(self.clock(), limit)


@pytest.fixture
def world() -> World:
    made = World()
    made.topic()
    return made


def body_of(delivery: Delivery) -> dict:
    return json.loads(delivery.body)


def test_a_push_is_the_standard_wrapped_message(world: World) -> None:
    world.subscribe()
    message_id = world.publish("grüße".encode(), kind="greeting")

    (delivery,) = world.due()

    body = body_of(delivery)
    assert delivery.url == "http://reader.test/push"
    assert delivery.headers["Content-Type"] == "application/json"
    assert body == {
        "message": {
            "data": base64.b64encode("grüße".encode()).decode(),
            "attributes": {"kind": "greeting"},
            "messageId": message_id,
            "message_id": message_id,
            "publishTime": "2023-11-14T22:13:20.000Z",
            "publish_time": "2023-11-14T22:13:20.000Z",
        },
        "subscription": SUBSCRIPTION,
    }


def test_every_subscription_gets_its_own_copy_and_later_ones_none_of_the_past(world: World) -> None:
    world.subscribe()
    world.subscribe("projects/p/subscriptions/second")
    world.publish()
    world.subscribe("projects/p/subscriptions/late")

    names = {body_of(delivery)["subscription"] for delivery in world.due()}

    assert names == {SUBSCRIPTION, "projects/p/subscriptions/second"}


@pytest.mark.parametrize(
    ("status", "accepted"),
    [(102, True), (200, True), (201, True), (202, True), (204, True), (203, False), (302, False), (500, False)],
)
def test_only_five_statuses_acknowledge(world: World, status: int, accepted: bool) -> None:
    assert world.engine.accepts(status) is accepted


def test_an_acknowledged_message_never_comes_again(world: World) -> None:
    world.subscribe()
    world.publish()
    world.engine.succeeded(world.due()[0].id)
    world.clock.advance(3600)

    assert world.due() == []
    assert world.engine.backlog(SUBSCRIPTION) == 0


def test_a_message_under_way_is_not_handed_out_a_second_time(world: World) -> None:
    world.subscribe()
    world.publish()

    assert len(world.due()) == 1
    assert world.due() == []


def test_retries_double_from_the_minimum_to_the_maximum_backoff(world: World) -> None:
    world.subscribe(retry_policy={"minimum_backoff": {"seconds": 2}, "maximum_backoff": {"seconds": 10}})
    world.publish()
    waits = []
    for _ in range(5):
        (delivery,) = world.due()
        world.engine.failed(delivery.id, 500)
        next_at = world.engine.next_due_at()
        assert next_at is not None
        waits.append(round(next_at - world.clock(), 6))
        world.clock.advance(next_at - world.clock() - 0.001)
        assert world.due() == []
        world.clock.advance(0.001001)

    assert waits == [2, 4, 8, 10, 10]


def test_after_the_last_attempt_the_message_goes_to_the_dead_letter_topic_with_its_history(world: World) -> None:
    world.topic(GRAVE)
    world.subscribe(dead_letter_policy={"dead_letter_topic": GRAVE, "max_delivery_attempts": 5})
    world.subscribe(MOURNER, GRAVE)
    world.publish(b"doomed", kind="k")
    attempts = []
    for _ in range(5):
        (delivery,) = world.due()
        attempts.append(body_of(delivery)["deliveryAttempt"])
        world.engine.failed(delivery.id, 500)
        world.clock.advance(60)

    (buried,) = world.due()

    assert attempts == [1, 2, 3, 4, 5]
    assert body_of(buried)["subscription"] == MOURNER
    assert base64.b64decode(body_of(buried)["message"]["data"]) == b"doomed"
    assert body_of(buried)["message"]["attributes"] == {
        "kind": "k",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": "reader",
        "CloudPubSubDeadLetterSourceSubscriptionProject": "p",
        "CloudPubSubDeadLetterSourceTopicPublishTime": "2023-11-14T22:13:20.000Z",
    }
    assert world.engine.backlog(SUBSCRIPTION) == 0


def test_without_its_dead_letter_topic_a_message_is_kept_and_tried_on(world: World) -> None:
    world.topic(GRAVE)
    world.subscribe(dead_letter_policy={"dead_letter_topic": GRAVE, "max_delivery_attempts": 5})
    world.publisher.delete_topic(topic=GRAVE)
    world.publish()
    for _ in range(6):
        (delivery,) = world.due()
        world.engine.failed(delivery.id, 500)
        world.clock.advance(60)

    assert world.engine.backlog(SUBSCRIPTION) == 1


def test_a_message_outlives_neither_seven_days_nor_the_retention_it_was_given(world: World) -> None:
    world.subscribe()
    world.subscribe("projects/p/subscriptions/short", message_retention_duration={"seconds": 600})
    world.publish()

    world.clock.advance(601)
    (delivery,) = world.due()
    assert body_of(delivery)["subscription"] == SUBSCRIPTION
    world.engine.failed(delivery.id)
    world.clock.advance(7 * 86_400)
    assert world.due() == []


def test_the_ack_deadline_bounds_the_call(world: World) -> None:
    world.subscribe()
    world.subscribe("projects/p/subscriptions/patient", ack_deadline_seconds=600)
    world.publish()

    assert sorted(delivery.deadline for delivery in world.due()) == [10, 600]


def test_an_oidc_push_names_its_account_and_by_default_its_endpoint_as_the_audience(world: World) -> None:
    endpoint = "http://reader.test/push"
    token = {"service_account_email": "pusher@p.iam.gserviceaccount.com"}
    world.subscribe(push_config={"push_endpoint": endpoint, "oidc_token": token})
    world.publish()
    (plain,) = world.due()
    config = types.PushConfig(push_endpoint=endpoint, oidc_token={**token, "audience": "me"})
    world.subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=config)
    world.publish()
    (named,) = world.due()

    assert plain.bearer is not None and named.bearer is not None
    assert (plain.bearer.audience, plain.bearer.email) == (endpoint, token["service_account_email"])
    assert named.bearer.audience == "me"


def test_an_empty_push_config_holds_messages_back_until_there_is_an_endpoint_again(world: World) -> None:
    world.subscribe()
    world.subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config={})
    world.publish()
    assert world.due() == []
    assert world.engine.next_due_at() is None

    config = {"push_endpoint": "http://elsewhere.test/"}
    world.subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=config)

    assert [delivery.url for delivery in world.due()] == ["http://elsewhere.test/"]


def test_a_deleted_topic_leaves_its_subscriptions_what_they_hold(world: World) -> None:
    world.subscribe()
    world.publish()
    world.publisher.delete_topic(topic=TOPIC)

    assert world.subscriber.get_subscription(subscription=SUBSCRIPTION).topic == "_deleted-topic_"
    assert len(world.due()) == 1
    with pytest.raises(exceptions.NotFound):
        world.publish()


def test_a_deleted_subscription_takes_its_messages_with_it(world: World) -> None:
    world.subscribe()
    world.publish()
    (delivery,) = world.due()
    world.publish()
    world.subscriber.delete_subscription(subscription=SUBSCRIPTION)
    world.engine.failed(delivery.id, 500)
    world.clock.advance(60)

    assert world.due() == []
    world.subscribe()
    assert world.engine.backlog(SUBSCRIPTION) == 0


def test_one_slow_subscription_cannot_take_every_place(world: World) -> None:
    world.subscribe()
    world.subscribe("projects/p/subscriptions/second")
    for _ in range(3):
        world.publish()

    first_two = {body_of(delivery)["subscription"] for delivery in world.due(limit=2)}

    assert first_two == {SUBSCRIPTION, "projects/p/subscriptions/second"}


def test_a_subscription_has_no_more_under_way_than_its_window() -> None:
    world = World()
    world.engine = Engine(None, world.clock, window=2)
    world.publisher, world.subscriber = inprocess.publisher(world.engine), inprocess.subscriber(world.engine)
    world.topic()
    world.subscribe()
    for _ in range(3):
        world.publish()

    under_way = world.due()
    assert len(under_way) == 2
    assert world.engine.next_due_at() is None
    world.engine.succeeded(under_way[0].id)
    assert len(world.due()) == 1


def test_what_was_not_acknowledged_is_delivered_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "pubsub.sqlite"
    world = World(path)
    world.topic()
    world.subscribe()
    ids = [world.publish(bytes([n + 1])) for n in range(3)]
    deliveries = world.due()
    world.engine.succeeded(deliveries[0].id)
    world.engine.close()

    again = World(path, world.clock)

    assert [body_of(delivery)["message"]["messageId"] for delivery in again.due()] == ids[1:]
    assert again.publish() not in ids
    assert again.subscriber.get_subscription(subscription=SUBSCRIPTION).ack_deadline_seconds == 10


def test_failures_are_counted_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "pubsub.sqlite"
    world = World(path)
    world.topic()
    world.topic(GRAVE)
    world.subscribe(dead_letter_policy={"dead_letter_topic": GRAVE})
    world.publish()
    for _ in range(2):
        world.engine.failed(world.due()[0].id, 500)
        world.clock.advance(60)
    world.engine.close()

    (delivery,) = World(path, world.clock).due()

    assert body_of(delivery)["deliveryAttempt"] == 3


def test_an_update_changes_the_fields_of_its_mask_only(world: World) -> None:
    world.subscribe(labels={"keep": "me"})
    wanted = types.Subscription(name=SUBSCRIPTION, ack_deadline_seconds=60, labels={"not": "this"})
    changed = world.subscriber.update_subscription(subscription=wanted, update_mask=FieldMask(paths=["ack_deadline_seconds"]))

    assert changed.ack_deadline_seconds == 60
    assert dict(changed.labels) == {"keep": "me"}
    with pytest.raises(exceptions.InvalidArgument):
        world.subscriber.update_subscription(subscription=wanted, update_mask=FieldMask(paths=["topic"]))


def test_listings_come_in_pages_ordered_by_name(world: World) -> None:
    for name in ("bbb", "aaa", "ccc"):
        world.topic(f"projects/p/topics/{name}")
    world.topic("projects/other/topics/foreign")

    pages = list(world.publisher.list_topics(request={"project": "projects/p", "page_size": 2}).pages)

    assert [[topic.name.rpartition("/")[2] for topic in page.topics] for page in pages] == [
        ["aaa", "bbb"],
        ["ccc", "facts"],
    ]


@pytest.mark.parametrize("name", ["ab", "a" * 256, "1abc", "goog-thing", "with space", "with/slash"])
def test_a_name_outside_the_rules_is_refused(world: World, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        world.topic(f"projects/p/topics/{name}")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"data": b"x" * 10_000_001},
        {"data": b"x", "attributes": {str(n): "v" for n in range(101)}},
        {"data": b"x", "attributes": {"k" * 257: "v"}},
        {"data": b"x", "attributes": {"k": "v" * 1025}},
        {"data": b"x", "attributes": {"googly": "v"}},
    ],
    ids=["empty", "over 10 MB", "101 attributes", "long key", "long value", "reserved key"],
)
def test_a_message_outside_the_limits_is_refused(world: World, message: dict) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        world.publisher.publish(topic=TOPIC, messages=[message])


@pytest.mark.parametrize(
    "settings",
    [
        {"ack_deadline_seconds": 9},
        {"ack_deadline_seconds": 601},
        {"message_retention_duration": {"seconds": 599}},
        {"retry_policy": {"minimum_backoff": {"seconds": 601}}},
        {"retry_policy": {"minimum_backoff": {"seconds": 9}, "maximum_backoff": {"seconds": 8}}},
        {"dead_letter_policy": {"dead_letter_topic": TOPIC, "max_delivery_attempts": 4}},
        {"push_config": {"push_endpoint": "ftp://no"}},
    ],
)
def test_settings_outside_the_limits_are_refused(world: World, settings: dict) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        world.subscribe(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"retain_acked_messages": True}, {"enable_message_ordering": True}, {"enable_exactly_once_delivery": True}],
)
def test_what_is_not_emulated_says_so_instead_of_being_ignored(world: World, settings: dict) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        world.subscribe(**settings)


def test_pulling_is_unimplemented(world: World) -> None:
    world.subscribe()
    with pytest.raises(exceptions.MethodNotImplemented):
        world.subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)


def test_what_exists_already_or_not_at_all_is_told_apart(world: World) -> None:
    world.subscribe()
    with pytest.raises(exceptions.AlreadyExists):
        world.topic()
    with pytest.raises(exceptions.AlreadyExists):
        world.subscribe()
    with pytest.raises(exceptions.NotFound):
        world.subscribe("projects/p/subscriptions/other", "projects/p/topics/missing")
    with pytest.raises(exceptions.NotFound):
        world.subscriber.delete_subscription(subscription="projects/p/subscriptions/missing")


def test_an_ordered_failure_refuses_one_call_and_a_late_one_carries_it_out_first(world: World) -> None:
    faults = Faults()
    publisher = inprocess.publisher(world.engine, faults)
    world.subscribe()
    faults.order(Fault("pubsub.Publish", status=403))
    with pytest.raises(exceptions.Forbidden):
        publisher.publish(topic=TOPIC, messages=[{"data": b"x"}], retry=None)
    assert world.engine.backlog(SUBSCRIPTION) == 0

    faults.order(Fault("pubsub.Publish", effect="fail_after", status=504))
    with pytest.raises(exceptions.DeadlineExceeded):
        publisher.publish(topic=TOPIC, messages=[{"data": b"x"}], retry=None)
    assert world.engine.backlog(SUBSCRIPTION) == 1


def test_a_reset_leaves_nothing_and_answers_of_before_do_no_harm(world: World) -> None:
    world.subscribe()
    world.publish()
    (delivery,) = world.due()
    world.engine.reset()
    world.engine.failed(delivery.id, 500)

    assert world.due() == []
    with pytest.raises(exceptions.NotFound):
        world.publisher.get_topic(topic=TOPIC)
