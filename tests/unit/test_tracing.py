"""One trace through requests, messages and log lines; and what nobody could take is told."""

import base64
import json
import subprocess
import sys

import pytest

from functions.pipeline.tell_dead_letters.main import stage as dead_letters
from shared import logging, tracing
from shared.messaging.messages import EventHappened, traced

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_of_the_caller_is_carried_into_logs_and_messages(capsys: pytest.CaptureFixture[str]) -> None:
    with tracing.work("request", tracing.read(GIVEN)):
        logging.info("inside")
        sent = traced(EventHappened(tenant="t", event_id="e"))
    line = json.loads(capsys.readouterr().err)
    assert line["logging.googleapis.com/trace"].endswith("0af7651916cd43dd8448eb211c80319c")
    assert line["logging.googleapis.com/trace_sampled"] is True
    assert sent.traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-") and sent.traceparent != GIVEN
    assert tracing.current() is None


@pytest.mark.parametrize(
    "given", ["", "x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", GIVEN + "-more", "01" + GIVEN[2:], GIVEN + "\n\n{}"]
)
def test_a_malformed_trace_begins_a_new_one(given: str) -> None:
    if tracing.read(given) is not None:
        assert given.strip() == GIVEN
        return
    with tracing.work("request", tracing.read(given)):
        assert tracing.read(tracing.traceparent()) is not None


def test_googles_own_header_is_read_too() -> None:
    found = tracing.read("", "0af7651916cd43dd8448eb211c80319c/255;o=1")
    assert found is not None and (found.span_id, found.sampled) == ("00000000000000ff", True)


def test_without_a_collector_nothing_of_opentelemetry_is_imported() -> None:
    program = (
        "import sys\nfrom shared import tracing\n"
        "with tracing.work('a', None):\n    with tracing.span('b'):\n        pass\n"
        "print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": "."}, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "data", [b'{"tenant": "tnt_x", "event_id": "evt_y"}', b"no json", b"[]", b'{"tenant": "a\\nb", "event_id": 1}']
)
def test_a_dead_letter_is_one_log_entry_whatever_it_holds(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    attributes = {"CloudPubSubDeadLetterSourceSubscription": "sequence-events-events"}
    message = {"messageId": "17", "data": base64.b64encode(data).decode(), "attributes": attributes}
    assert dead_letters.receive(json.dumps({"message": message, "subscription": "s"}).encode()).status == 200
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (entry,) = [line for line in told if line["message"] == "dead_letter"]
    assert (entry["severity"], entry["subscription"], entry["message_id"]) == ("ERROR", "sequence-events-events", "17")
    assert entry["tenant"] in ("tnt_x", "")
