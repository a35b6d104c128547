"""What is counted: per tenant, by day and by month. Counters, not billing."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from shared.domain.documents import Document

SHARDS = 4  # documents that one period's counts are spread over, so that writers seldom meet
Numbers = dict[str, float]


class Metric(StrEnum):
    def __new__(cls, value: str, unit: str, description: str) -> "Metric":
        member = str.__new__(cls, value)
        member._value_ = value
        member.unit = unit  # type: ignore[attr-defined]
        member.description = description  # type: ignore[attr-defined]
        return member

    unit: str
    description: str

    API_REQUESTS = ("api_requests", "requests", "Requests that were let through, of any kind")
    SEARCHES = ("searches", "requests", "Searches that were answered: text, image, filter and SQL")
    VIDEOS_UPLOADED = ("videos_uploaded", "items", "Media items that came in, of any type")
    UPLOADED_BYTES = ("uploaded_bytes", "bytes", "Size of the media that came in")
    UPLOADED_SECONDS = ("uploaded_seconds", "seconds", "Length of the media that came in")
    PROMPT_RUNS = ("prompt_runs", "runs", "Prompt runs that ended, however they did")
    VIDEOS_PROCESSED = ("videos_processed", "items", "Media items that a run ended with results for, wholly or in part")
    MEDIA_SECONDS_PROCESSED = ("media_seconds_processed", "seconds", "Length of the media in runs that ended")
    SEGMENTS_PROCESSED = ("segments_processed", "segments", "Segments that a run ended with results for")
    SEGMENTS_CREATED = ("segments_created", "segments", "Segments that a run was the first to cut")
    INPUT_TOKENS = ("input_tokens", "tokens", "Tokens that models were given, by runs, chats, drafts and the writing of SQL")
    OUTPUT_TOKENS = ("output_tokens", "tokens", "Tokens that models answered with, their thinking among them")
    MODEL_CALLS = ("model_calls", "calls", "Answers of models, to runs, chats, drafts and the writing of SQL")
    EXPORTS = ("exports", "exports", "Exports that became ready")
    FILES_IMPORTED = ("files_imported", "items", "Files that import jobs brought in")
    STORAGE_BYTES = ("storage_bytes", "bytes", "Size of the media stored now; a state, no count")


UNITS = {metric.value: metric.unit for metric in Metric}
COUNTED = tuple(metric for metric in Metric if metric is not Metric.STORAGE_BYTES)


@dataclass(kw_only=True)
class Tally:
    """What one occurrence, or a period, comes to. `models` by model, `credentials` by key id or `jwt`."""

    metrics: Numbers = field(default_factory=dict)
    models: dict[str, Numbers] = field(default_factory=dict)
    credentials: dict[str, Numbers] = field(default_factory=dict)

    def beyond(self, before: "Tally") -> "Tally":
        """What this one has more (or less) than an earlier one of the same occurrence."""
        return Tally(
            metrics=_beyond(self.metrics, before.metrics),
            models={name: rest for name in self.models if (rest := _beyond(self.models[name], before.models.get(name, {})))},
            credentials={
                name: rest
                for name in self.credentials
                if (rest := _beyond(self.credentials[name], before.credentials.get(name, {})))
            },
        )

    def add(self, other: "Tally") -> None:
        _add(self.metrics, other.metrics)
        for mine, theirs in ((self.models, other.models), (self.credentials, other.credentials)):
            for name, numbers in theirs.items():
                _add(mine.setdefault(name, {}), numbers)

    def __bool__(self) -> bool:
        return bool(self.metrics or self.models or self.credentials)


@dataclass(kw_only=True)
class UsageRow(Document):
    """One occurrence and what it came to: counted once, however often it is told."""

    PATH: ClassVar[str] = "tenants/{tenant}/usage_rows/{row_id}"

    tenant: str
    row_id: str
    happened_at: datetime
    metric_types: list[str] = field(default_factory=list)
    metrics: Numbers = field(default_factory=dict)
    models: dict[str, Numbers] = field(default_factory=dict)
    credentials: dict[str, Numbers] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)  # the ids of what it is about
    expires_at: datetime | None = None

    @property
    def tally(self) -> Tally:
        return Tally(metrics=self.metrics, models=self.models, credentials=self.credentials)


@dataclass(kw_only=True)
class UsagePeriod(Document):
    """A shard of what a day or a month comes to; `slot` is `2026-11-21_3` or `2026-11_0`. Only ever added to."""

    PATH: ClassVar[str] = "tenants/{tenant}/usage/{slot}"

    tenant: str
    slot: str
    metrics: Numbers = field(default_factory=dict)
    models: dict[str, Numbers] = field(default_factory=dict)
    credentials: dict[str, Numbers] = field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        return Tally(metrics=self.metrics, models=self.models, credentials=self.credentials)


def model_tally(answers: Iterable[tuple[str, int, int]]) -> Tally:
    """What answers of models come to: of each its model, tokens in, tokens out."""
    tally = Tally()
    for model, given, answered in answers:
        said = {Metric.MODEL_CALLS: 1, Metric.INPUT_TOKENS: given, Metric.OUTPUT_TOKENS: answered}
        numbers = {metric.value: float(number) for metric, number in said.items() if number}
        tally.add(Tally(metrics=numbers, models={model: numbers}))
    return tally


def slots_of(happened_at: datetime, row_id: str) -> tuple[str, str]:
    """The day's and the month's shard that an occurrence is added to."""
    shard = hashlib.sha256(row_id.encode()).digest()[0] % SHARDS
    day = happened_at.astimezone(UTC)
    return f"{day:%Y-%m-%d}_{shard}", f"{day:%Y-%m}_{shard}"


def periods_between(first: date, last: date) -> Iterator[str]:
    """Whole months where the span holds them, else days; both ends belong to it."""
    day = first
    while day <= last:
        following = next_month(day)
        if day.day == 1 and following - timedelta(days=1) <= last:
            yield f"{day:%Y-%m}"
            day = following
        else:
            yield f"{day:%Y-%m-%d}"
            day += timedelta(days=1)


def next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def shards_of(period: str) -> list[str]:
    return [f"{period}_{shard}" for shard in range(SHARDS)]


def metric_types() -> list[dict[str, Any]]:
    return [{"type": metric.value, "description": metric.description, "unit": metric.unit} for metric in Metric]


def _beyond(now: Numbers, before: Numbers) -> Numbers:
    return {name: more for name, value in now.items() if (more := round(value - before.get(name, 0), 6))}


def _add(numbers: Numbers, more: Numbers) -> None:
    for name, value in more.items():
        numbers[name] = numbers.get(name, 0) + value
