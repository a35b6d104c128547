"""What a tenant has used, by month, by day and by occurrence; and what its limits leave it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from functions.api.usage.schemas import MOST_DAYS, DetailsQuery, HistoryQuery, SpanQuery, moment
from shared.domain import usage as counted
from shared.domain.clock import Clock, wire_time
from shared.domain.errors import invalid
from shared.domain.usage import COUNTED, UNITS, Metric, Tally, next_month, periods_between
from shared.http.call import Call
from shared.limits.charging import Limits
from shared.store.usage import Usage


@dataclass(frozen=True)
class Deps:
    clock: Clock
    usage: Usage
    limits: Limits
    flush: Callable[[str], None]  # writes down what this instance has counted of a tenant and not yet written


def current(call: Call[None], deps: Deps) -> dict[str, Any]:
    """This month's counts so far"""
    deps.flush(call.tenant)
    month = deps.clock().astimezone(UTC).date().replace(day=1)
    tally = deps.usage.of_periods(call.tenant, [_name(month)]).get(_name(month), Tally())
    return {"user_id": call.caller.user_id, **_period(month, tally), "totals": _totals(call, deps, tally)}


def history(call: Call[None], deps: Deps) -> dict[str, Any]:
    """The counts of past months and this one, newest first; months without any are left out"""
    deps.flush(call.tenant)
    query: HistoryQuery = call.query
    until = moment(query.end_date, end=True) or deps.clock()
    since = moment(query.start_date)
    months = [until.astimezone(UTC).date().replace(day=1)]
    while len(months) < query.limit and (since is None or months[-1] > since.date()):
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    found = deps.usage.of_periods(call.tenant, [_name(month) for month in months])
    periods = [
        {"summary_id": f"usage_{_name(month)}", **_period(month, found[_name(month)]), "totals": _counts(found[_name(month)])}
        for month in months
        if _name(month) in found
    ]
    return {"user_id": call.caller.user_id, "periods": periods}


def details(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """What was counted, occurrence by occurrence, newest first"""
    deps.flush(call.tenant)
    query: DetailsQuery = call.query
    since, until = moment(query.start_date), moment(query.end_date, end=True)
    rows = deps.usage.rows(call.tenant, metric=query.metric_type, since=since, until=until, limit=query.limit)
    said = [
        {
            "event_id": f"{row.row_id}:{name}",
            "metric_type": name,
            "value": row.metrics[name],
            "unit": UNITS[name],
            "timestamp": row.happened_at,
            "metadata": row.about,
        }
        for row in rows
        for name in row.metric_types
        if query.metric_type in (None, name)
    ]
    return said[: query.limit]


def breakdown(call: Call[None], deps: Deps) -> dict[str, Any]:
    """The counts of a span of days by metric"""
    deps.flush(call.tenant)
    query: SpanQuery = call.query
    today = deps.clock().astimezone(UTC).date()
    until = moment(query.end_date, end=True)
    last = until.date() if until else today
    since = moment(query.start_date)
    first = since.date() if since else min(last, today).replace(day=1)
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise invalid("start_date", f"the span ends on {last} and may hold {MOST_DAYS} days at most")
    tally = Tally()
    for found in deps.usage.of_periods(call.tenant, periods_between(first, last)).values():
        tally.add(found)
    return {
        "user_id": call.caller.user_id,
        **_span(first, last + timedelta(days=1)),
        "breakdown": _metrics(tally),
        "totals": _totals(call, deps, tally),
    }


def metric_types(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """What is counted, and in which unit"""
    return counted.metric_types()


def limits(call: Call[None], deps: Deps) -> dict[str, Any]:
    """What the caller's limits are, by category, and what is left of them"""
    plan, categories = deps.limits.status(call.tenant, call.caller.key_id)
    return {"user_id": call.caller.user_id, "plan_id": plan.plan_id, "categories": categories}


def refresh_limits(call: Call[None], deps: Deps) -> dict[str, Any]:
    """Take a changed plan over at once, and tell the limits"""
    deps.limits.refresh(call.tenant)
    return limits(call, deps)


def _name(month: date) -> str:
    return f"{month:%Y-%m}"


def _span(first: date, end: date) -> dict[str, str]:
    return {"period_start": _start(first), "period_end": _start(end)}


def _start(day: date) -> str:
    return wire_time(datetime.combine(day, time.min, UTC)) or ""


def _period(month: date, tally: Tally) -> dict[str, Any]:
    credentials = {name: {"auth_type": "jwt" if name == "jwt" else "api_key", **said} for name, said in tally.credentials.items()}
    return {
        **_span(month, next_month(month)),
        "metrics": _metrics(tally),
        "model_usage": tally.models,
        "auth_usage": credentials,
    }


def _metrics(tally: Tally) -> dict[str, float]:
    return {metric.value: tally.metrics.get(metric.value, 0) for metric in COUNTED}


def _counts(tally: Tally) -> dict[str, int]:
    """Whole numbers, under the names that clients know."""
    numbers = tally.metrics
    return {
        "total_tokens": int(numbers.get(Metric.INPUT_TOKENS, 0) + numbers.get(Metric.OUTPUT_TOKENS, 0)),
        "total_searches": int(numbers.get(Metric.SEARCHES, 0)),
        "total_videos_uploaded": int(numbers.get(Metric.VIDEOS_UPLOADED, 0)),
        "total_videos_processed": int(numbers.get(Metric.VIDEOS_PROCESSED, 0)),
        "total_segments_created": int(numbers.get(Metric.SEGMENTS_CREATED, 0)),
    }


def _totals(call: Call[None], deps: Deps, tally: Tally) -> dict[str, int]:
    """Of the span, and what is stored now."""
    return {**_counts(tally), "total_storage_bytes": deps.usage.stored_bytes(call.tenant)}
