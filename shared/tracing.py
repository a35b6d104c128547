"""One trace from a request through every message it gives rise to: its id stands in each log line, each message carries it on.

Spans go to an OpenTelemetry collector where `OTEL_EXPORTER_OTLP_ENDPOINT` names one and the `telemetry` extra is installed. Else
nothing of OpenTelemetry is imported and an inner span costs nothing.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_CLOUD_CONTEXT = re.compile(r"^([0-9a-f]{32})/([0-9]{1,20})(?:;o=([01]))?$")
_NOTHING: AbstractContextManager[None] = nullcontext()
_QUIET = {"record_exception": False, "set_status_on_exception": False}  # what it says may hold a user's text, or a secret
_EXPORT_EVERY_MS = 1_000  # an instance may be frozen between requests: spans should not wait long


@dataclass(frozen=True)
class Trace:
    trace_id: str
    span_id: str
    sampled: bool = False

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    return _current.get()


def traceparent() -> str:
    """For a message about to be sent; nothing outside of a request or a stage."""
    trace = _current.get()
    return trace.traceparent if trace else ""


def read(given: str, cloud_context: str = "") -> Trace | None:
    """Of a `traceparent`, else of Google's own header; None where neither is well-formed."""
    match = _TRACEPARENT.match(given.strip().lower())
    if match and set(match[1]) != {"0"} and set(match[2]) != {"0"}:
        return Trace(match[1], match[2], bool(int(match[3], 16) & 1))
    match = _CLOUD_CONTEXT.match(cloud_context.strip().lower())
    if match and set(match[1]) != {"0"}:
        return Trace(match[1], f"{int(match[2]) % 2**64:016x}", match[3] == "1")
    return None


@contextmanager
def work(name: str, caller: Trace | None, /, **attributes: Any) -> Iterator[None]:
    """What a request or a message gives rise to, in the trace of whoever caused it, or in a new one."""
    tracer = _tracer()
    if tracer is None:
        trace = Trace(caller.trace_id if caller else secrets.token_hex(16), secrets.token_hex(8), bool(caller and caller.sampled))
        token = _current.set(trace)
        try:
            yield
        finally:
            _current.reset(token)
        return
    with tracer.root(name, caller, attributes) as trace:
        token = _current.set(trace)
        try:
            yield
        finally:
            _current.reset(token)


def span(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """A call of the store, a model, a queue: part of the work around it."""
    tracer = _tracer()
    return tracer.inner(name, attributes) if tracer is not None and _current.get() is not None else _NOTHING


@cache
def _tracer() -> "_OpenTelemetry | None":
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):  # the variable of OpenTelemetry's own exporters
        return None
    try:
        return _OpenTelemetry()
    except ImportError as missing:
        from shared import logging

        logging.warning("telemetry is asked for and not installed", missing=str(missing.name), cure="install the telemetry extra")
        return None


class _OpenTelemetry:
    """By name, so that functions without the extra neither need nor package it."""

    def __init__(self) -> None:
        self._api = import_module("opentelemetry.trace")
        sdk = import_module("opentelemetry.sdk.trace")
        export = import_module("opentelemetry.sdk.trace.export")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        resources = import_module("opentelemetry.sdk.resources")
        name = os.environ.get("OTEL_SERVICE_NAME") or os.environ.get("K_SERVICE") or "videovector"
        provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": name}))
        provider.add_span_processor(
            export.BatchSpanProcessor(otlp.OTLPSpanExporter(), schedule_delay_millis=_EXPORT_EVERY_MS)
        )  # flushed at exit by the provider
        self._tracer = provider.get_tracer("videovector")

    @contextmanager
    def root(self, name: str, caller: Trace | None, attributes: dict[str, Any]) -> Iterator[Trace]:
        api, context = self._api, None
        if caller is not None:
            flags = api.TraceFlags(1 if caller.sampled else 0)
            remote = api.SpanContext(int(caller.trace_id, 16), int(caller.span_id, 16), is_remote=True, trace_flags=flags)
            context = api.set_span_in_context(api.NonRecordingSpan(remote))
        with self._tracer.start_as_current_span(
            name, context=context, kind=api.SpanKind.SERVER, attributes=attributes, **_QUIET
        ) as started:
            said = started.get_span_context()
            yield Trace(f"{said.trace_id:032x}", f"{said.span_id:016x}", bool(said.trace_flags.sampled))

    def inner(self, name: str, attributes: dict[str, Any]) -> AbstractContextManager[Any]:
        started: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            name, kind=self._api.SpanKind.CLIENT, attributes=attributes, **_QUIET
        )
        return started
