"""What arrives at a stage, by queue or by push, and what it answers."""

import base64
import json
from typing import Any

import pytest

from shared.messaging.messages import EventHappened, MediaStored, Message, PlanRun
from shared.store.documents import Changed
from shared.work.outcomes import GiveUp, LeaseLost, Retry, Throttled
from shared.work.stage import Answer, Stage


def received(message: type[Message], body: bytes, failure: BaseException | None = None) -> tuple[Answer, list[Any]]:
    came: list[Any] = []

    def work(told: Any, deps: None) -> None:
        came.append(told)
        if failure is not None:
            raise failure

    return Stage(message, work, lambda: None).receive(body), came


def pushed(data: bytes, **attributes: str) -> bytes:
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes, "messageId": "1"}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


COMMAND = PlanRun(tenant="tnt_a", run_id="run_a")


def test_a_task_carries_the_command_as_its_body() -> None:
    assert received(PlanRun, COMMAND.model_dump_json().encode()) == (Answer(200), [COMMAND])


def test_a_push_carries_the_fact_wrapped() -> None:
    fact = EventHappened(tenant="tnt_a", event_id="evt_a")
    assert received(EventHappened, pushed(fact.model_dump_json().encode())) == (Answer(200), [fact])


def test_a_buckets_notification_is_read_from_its_attributes() -> None:
    body = pushed(b"{}", eventType="OBJECT_FINALIZE", bucketId="originals", objectId="media/t/v/original", objectGeneration="7")
    assert received(MediaStored, body)[1] == [MediaStored(bucket="originals", name="media/t/v/original", generation="7")]


def test_a_notification_of_another_kind_is_taken_and_does_nothing() -> None:
    body = pushed(b"{}", eventType="OBJECT_DELETE", bucketId="b", objectId="o", objectGeneration="1")
    assert received(MediaStored, body) == (Answer(200), [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{}",
        b"\xff\xfe",
        b'{"kind": "cut_segments", "tenant": "t", "run_id": "r"}',
        b'{"v": 2, "kind": "plan_run", "tenant": "t", "run_id": "r"}',
        pushed(b"not json"),
        b'{"message": {"data": "%%%"}, "subscription": "s"}',
    ],
)
def test_a_message_nobody_can_read_is_taken_so_that_it_does_not_come_for_ever(body: bytes) -> None:
    assert received(PlanRun, body) == (Answer(200), [])


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'{"message": 7, "subscription": "s"}', b'"text"'])
def test_json_that_is_no_message_at_all_is_taken_too(body: bytes) -> None:
    assert received(PlanRun, body) == (Answer(200), [])


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (Throttled(7.2), Answer(429, 7)),
        (Throttled(0.1), Answer(429, 1)),
        (Retry("busy"), Answer(503)),
        (LeaseLost(), Answer(503)),
        (Changed("somebody was quicker"), Answer(503)),
        (GiveUp("code", "nobody wrote it down"), Answer(500)),
        (ZeroDivisionError(), Answer(500)),
    ],
)
def test_what_is_not_done_is_delivered_again(failure: Exception, answer: Answer) -> None:
    assert received(PlanRun, COMMAND.model_dump_json().encode(), failure)[0] == answer


def test_throttling_tells_when_to_come_again() -> None:
    assert Answer(429, 7).headers == {"Retry-After": "7"}
    assert Answer(503).headers == {}
