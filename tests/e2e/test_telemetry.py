"""Spans of the running product at a collector: one trace from a client's request to what its stages do about it."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.receiver import Receiver
from tests.e2e.stack import Stack, eventually

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spans_at(receiver: Receiver) -> dict[str, list[Any]]:
    """By trace id."""
    found = defaultdict(list)
    for one in list(receiver.received):
        sent = trace_service.ExportTraceServiceRequest.FromString(one.body)
        for span in (s for r in sent.resource_spans for scope in r.scope_spans for s in scope.spans):
            found[span.trace_id.hex()].append(span)
    return found


def test_a_request_and_the_stages_it_caused_are_one_trace_at_the_collector(
    own_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    stack = own_stack()
    with stack.client() as client:
        schema = {"type": "object", "properties": {"text": {"type": "string"}}}
        prompt = client.post("/prompts", json={"name": "Scenes", "prompt_text": "Describe what is seen.", "json_schema": schema})
        assert prompt.status_code == 201, prompt.text
        index = client.post("/indexes", json={"name": "canary-title"}).json()["index_id"]
        asked = {"prompt_id": prompt.json()["prompt_id"], "target": {"type": "index", "index_id": index}}
        run = client.post("/prompt-runs/execute", json=asked, headers={"traceparent": GIVEN})
        assert run.status_code == 201, run.text

    def names() -> set[str]:
        return {span.name for span in spans_at(receiver)[GIVEN.split("-")[1]]}

    eventually(lambda: {"prompt_runs", "plan_run"} <= names(), 30, "a span of the request and one of the stage it caused")
    spans = spans_at(receiver)[GIVEN.split("-")[1]]
    [request] = [one for one in spans if one.name == "prompt_runs"]
    assert request.parent_span_id.hex() == GIVEN.split("-")[2], "it goes on from the client's own span"
    assert {one.name for one in spans if one.parent_span_id == request.span_id} & {"firestore.commit"}
    stage = next(one for one in spans if one.name == "plan_run")
    assert stage.parent_span_id in {one.span_id for one in spans}, "what caused the stage is in the trace"
    assert {one.path for one in receiver.received} == {"/v1/traces"}
    secrets = [stack.said["api_key"].encode(), b"canary-title"]
    assert not [one for one in receiver.received if any(secret in one.body for secret in secrets)]
    stack.stop()
    receiver.stop()
