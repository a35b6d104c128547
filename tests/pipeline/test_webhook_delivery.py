"""From an event to its receivers: what is told to whom, what is tried again, and what nothing may lose."""

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.domain.webhooks import ATTEMPTS, DELAYS, delay_before
from tests.api.receiver import Received, Receiver, Said
from tests.api.test_webhooks import verify_in_every_way
from tests.pipeline.post_office import TENANT, Killed, PostOffice


@pytest.fixture
def office(tmp_path: Path) -> PostOffice:
    return PostOffice(tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def test_an_event_is_told_once_with_its_payload_and_the_webhooks_metadata(office: PostOffice, receiver: Receiver) -> None:
    office.clock.advance(max(0.0, time.time() - office.clock()))  # verifiers compare with the wall clock
    webhook = office.webhook(receiver.url, metadata={"owner": "ops"})
    event_id = office.event()
    office.deliver()
    (got,) = receiver.received
    payload = json.loads(got.body)
    assert got.body == json.dumps(payload, sort_keys=True).encode()
    assert (payload["id"], payload["event"], payload["metadata"]) == (event_id, "media.created", {"owner": "ops"})
    assert payload["data"]["title"] == "film 1" and payload["api_version"] == "v2"
    assert got.headers["webhook-id"] == event_id
    verify_in_every_way(office.secret(webhook), got.headers, got.body)
    (delivery,) = office.deliveries()
    assert (delivery.status, delivery.attempts, delivery.response_body) == ("delivered", 1, "ok")
    assert delivery.wake_at is None and delivery.completed_at is not None
    assert [row["outcome"] for row in delivery.attempt_log] == ["delivered"]
    assert got.headers["x-delivery-attempt-id"] == delivery.attempt_log[0]["attempt_id"]
    assert office.now(webhook).last_success_at is not None


def test_a_fact_told_twice_makes_one_delivery(office: PostOffice, receiver: Receiver) -> None:
    office.webhook(receiver.url)
    event_id = office.event()
    for _ in range(3):
        body = json.dumps({"v": 1, "kind": "event_happened", "tenant": TENANT, "event_id": event_id}).encode()
        assert office.stages["fan-out-webhooks"].receive(body).status == 200
        office.deliver()
    assert len(receiver.received) == 1


def test_only_those_who_want_an_event_are_told(office: PostOffice, receiver: Receiver) -> None:
    wanted = [office.webhook(receiver.url), office.webhook(receiver.url, index_ids=["idx_a", "idx_b"])]
    office.webhook(receiver.url, events=["export.ready"])
    office.webhook(receiver.url, index_ids=["idx_c"])
    office.webhook(receiver.url, status="paused")
    office.webhook(receiver.url, tenant="tnt_b")
    office.event(index_id="idx_a")
    office.deliver()
    assert {got.headers["x-webhook-id"] for got in receiver.received} == {one.webhook_id for one in wanted}
    receiver.received.clear()
    office.event(2)  # of no index: told to all who want its kind
    office.deliver()
    assert len(receiver.received) == 3


def test_what_happened_before_a_webhook_was_made_is_not_told(office: PostOffice, receiver: Receiver) -> None:
    office.event(publish=True)
    office.clock.advance(1)
    office.webhook(receiver.url)
    office.deliver()
    assert receiver.received == []


@pytest.mark.parametrize("status", [400, 404, 408, 410, 429, 301, 302, 307, 308])
def test_a_final_answer_is_not_repeated(office: PostOffice, receiver: Receiver, status: int) -> None:
    receiver.answer = lambda _: Said(status, (("Location", receiver.url + "/elsewhere"), ("Retry-After", "1")))
    webhook = office.webhook(receiver.url)
    office.event()
    office.deliver(horizon=40 * 3600)
    (delivery,) = office.deliveries()
    assert (delivery.status, delivery.attempts, delivery.response_status_code) == ("failed", 1, status)
    assert [got.path for got in receiver.received] == ["/"]
    assert (office.now(webhook).status == "disabled") is (status == 410)


def test_a_passing_failure_is_repeated_over_27_hours_and_then_no_more(office: PostOffice, receiver: Receiver) -> None:
    receiver.answer = lambda _: Said(503)
    office.webhook(receiver.url)
    office.event()
    began = office.clock()
    office.deliver(horizon=3 * 24 * 3600)
    (delivery,) = office.deliveries()
    assert (delivery.status, delivery.attempts, len(receiver.received)) == ("failed", ATTEMPTS, ATTEMPTS)
    assert 0.8 * 27.5 * 3600 < office.clock() - began < 1.2 * 27.7 * 3600
    assert delivery.wake_at is None and delivery.next_retry_at is None
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len({got.headers["x-delivery-attempt-id"] for got in receiver.received}) == ATTEMPTS


def test_delays_are_spread_and_a_receivers_wish_counts_within_bounds() -> None:
    for tries, base in enumerate(DELAYS, start=1):
        spread = {delay_before(tries, f"dlv_{n}") for n in range(200)}
        assert len(spread) > 150
        assert all(base * 0.8 <= delay <= base * 1.2 for delay in spread if delay is not None)
        assert delay_before(tries, "x", retry_after=0) == base
        assert delay_before(tries, "x", retry_after=1e9) == 2 * base
    assert delay_before(2, "x", retry_after=400) == timedelta(seconds=400)
    assert delay_before(ATTEMPTS, "x") is None


def test_a_wish_of_the_receiver_moves_the_next_attempt(office: PostOffice, receiver: Receiver) -> None:
    receiver.answer = lambda _: Said(503, (("Retry-After", "9"),))
    office.webhook(receiver.url)
    office.event()
    office.deliver(horizon=1)
    (delivery,) = office.deliveries()
    assert delivery.next_retry_at is not None and delivery.last_attempt_at is not None
    assert 9 <= (delivery.next_retry_at - delivery.last_attempt_at).total_seconds() < 9.1


def test_a_manual_retry_begins_a_new_series(office: PostOffice, receiver: Receiver) -> None:
    receiver.answer = lambda _: Said(404)
    webhook = office.webhook(receiver.url)
    office.event()
    office.deliver()
    (delivery,) = office.deliveries()
    batch = office.store.batch()
    batch.change(delivery, status="pending", series=1, tries=0)
    batch.commit()
    receiver.answer = lambda _: Said(200)
    body = json.dumps({"v": 1, "kind": "deliver_webhook", "tenant": TENANT, "delivery_id": delivery.delivery_id}).encode()
    assert office.stages["deliver-webhook"].receive(body).status == 200
    (delivery,) = office.deliveries()
    assert (delivery.status, delivery.attempts) == ("delivered", 2)
    assert office.now(webhook).failure_count == 0


def test_a_lost_message_is_sent_again_by_the_sweep(office: PostOffice, receiver: Receiver) -> None:
    receiver.answer = lambda _: Said(503)
    office.webhook(receiver.url)
    office.event()
    office.deliver(horizon=1)
    office.tasks.purge_queue("projects/videovector-test/locations/us-central1/queues/deliver-webhook")
    receiver.answer = lambda _: Said(200)
    office.clock.advance(120)
    office.tick()
    office.deliver()
    assert [one.status for one in office.deliveries()] == ["delivered"]


@pytest.mark.parametrize("state", ["paused", "deleted"])
def test_nothing_is_sent_to_a_webhook_that_was_stopped(office: PostOffice, receiver: Receiver, state: str) -> None:
    receiver.answer = lambda _: Said(503)
    webhook = office.webhook(receiver.url)
    office.event()
    office.deliver(horizon=1)
    if state == "deleted":
        office.webhooks.remove(office.now(webhook))
    else:
        office.webhooks.change(TENANT, webhook.webhook_id, lambda _: {"status": "paused"})
    office.deliver(horizon=40 * 3600)
    assert len(receiver.received) == 1
    assert [(one.status, one.error_message) for one in office.deliveries()] == [("failed", f"not sent: the webhook is {state}")]


def test_days_of_nothing_but_failures_disable_a_webhook_and_one_success_does_not_let_it_come_so_far(
    office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda got: Said(200 if got.path == "/well" and len(receiver.received) % 10 == 0 else 500)
    dead, sick = office.webhook(receiver.url + "/dead"), office.webhook(receiver.url + "/well")
    for day in range(6):
        for number in range(2):
            office.event(day * 10 + number)
            office.deliver(horizon=12 * 3600)
            office.clock.advance(max(0.0, 1_780_000_000 + day * 86_400 + (number + 1) * 43_200 - office.clock()))
    assert (office.now(dead).status, office.now(dead).disabled_reason) == ("disabled", "nothing but failures for 5 days")
    assert office.now(sick).status == "active"


def test_a_long_or_odd_answer_is_kept_in_part(office: PostOffice, receiver: Receiver) -> None:
    receiver.answer = lambda _: Said(200, body=b"\xff\x00" + b"x" * 200_000)
    office.webhook(receiver.url)
    office.event()
    office.deliver()
    (delivery,) = office.deliveries()
    assert delivery.status == "delivered" and len(delivery.response_body) <= 4096 and "\0" not in delivery.response_body


def test_a_slow_receiver_keeps_its_own_lane_only(office: PostOffice, receiver: Receiver) -> None:
    hold = threading.Event()
    slow = Receiver(lambda _: Said(hold=hold))
    blocked = office.webhook(slow.url)
    with office.lanes.enter(blocked.webhook_id) as free:
        assert free
    entered = [office.lanes._enter(blocked.webhook_id) for _ in range(20)]
    assert sum(lane is not None for lane in entered) == 8
    office.webhook(receiver.url)
    office.event()
    office.deliver(horizon=1)
    assert len(receiver.received) == 1 and slow.received == []
    assert {one.status for one in office.deliveries()} == {"delivered", "pending"}
    for lane in entered:
        if lane is not None:
            lane.under_way -= 1
    hold.set()
    office.deliver(horizon=10)  # its messages come by again by themselves
    assert len(slow.received) == 1
    slow.stop()


FAULTS = ("500", "reset", "timeout", "crash before", "crash after")


class Trouble:
    """A fifth of all attempts meets a fault, drawn when the attempt begins."""

    def __init__(self, office: PostOffice, seed: int, share: float = 0.2) -> None:
        self._chance, self._share, self._lock = random.Random(seed), share, threading.Lock()
        self.met: dict[str, str] = {}
        self.timeouts = threading.Event()
        office.posting.before, office.posting.after = self.before, self.after

    def before(self, attempt_id: str) -> None:
        with self._lock:
            if self._chance.random() < self._share:
                self.met[attempt_id] = self._chance.choice(FAULTS)
        if self.met.get(attempt_id) == "crash before":
            raise Killed

    def after(self, attempt_id: str) -> None:
        if self.met.get(attempt_id) == "crash after":
            raise Killed

    def answer(self, got: Received) -> Said:
        fault = self.met.get(got.headers["x-delivery-attempt-id"])
        if fault == "500":
            return Said(500)
        return Said(reset=fault == "reset", hold=self.timeouts if fault == "timeout" else None)


OUTCOMES = {
    None: "delivered",
    "500": "failed",
    "reset": "failed",
    "timeout": "failed",
    "crash before": "lost",
    "crash after": "lost",
}


# The longer it goes on, the likelier a machine keeps one receiver waiting for as long as a short timeout.
@pytest.mark.parametrize(("deliveries", "timeout"), [(200, 0.5), pytest.param(10_000, 3.0, marks=pytest.mark.long)])
def test_a_fifth_of_faulted_attempts_loses_nothing_and_every_attempt_is_in_the_log(
    tmp_path: Path, deliveries: int, timeout: float
) -> None:
    office = PostOffice(tmp_path, seconds=timeout, hands=8)
    trouble = Trouble(office, 11)
    receivers = [Receiver(trouble.answer) for _ in range(20)]
    webhooks = [office.webhook(receiver.url) for receiver in receivers]
    events = [office.event(number) for number in range(deliveries // len(receivers))]
    try:
        for _ in range(6):
            office.deliver(horizon=36 * 3600)
            office.clock.advance(60)
            office.tick()
        trouble.timeouts.set()
    finally:
        for receiver in receivers:
            receiver.stop()
    assert_nothing_lost(office, trouble, receivers, len(webhooks), events)


def assert_nothing_lost(
    office: PostOffice, trouble: Trouble, receivers: list[Receiver], webhooks: int, events: list[str]
) -> None:
    found = office.deliveries()
    assert len(found) == len(events) * webhooks
    assert Counter(one.status for one in found) == {"delivered": len(found)}
    rows: dict[str, Any] = {row["attempt_id"]: row for one in found for row in one.attempt_log}
    assert sorted(rows) == sorted(office.posting.begun), "one row for each attempt, and no attempt without"
    assert all(one.attempts == len(one.attempt_log) for one in found)
    assert [row for attempt_id, row in rows.items() if row["outcome"] != OUTCOMES[trouble.met.get(attempt_id)]] == []
    assert set(trouble.met.values()) == set(FAULTS)
    arrived: dict[str, Counter[str]] = defaultdict(Counter)
    for number, receiver in enumerate(receivers):
        for got in receiver.received:
            arrived[got.headers["webhook-id"]][str(number)] += 1
            assert got.headers["x-delivery-attempt-id"] in rows
    assert all(len(arrived[event_id]) == webhooks for event_id in events), "every event at every receiver"
    sent = [a for a in rows if trouble.met.get(a) != "crash before"]
    assert sum(len(receiver.received) for receiver in receivers) == len(sent), "nothing was sent that the log does not know"
