"""Counts of requests and of what happened: exact however often something is told, and cheap."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulators.faults import Fault
from shared.domain.usage import Tally, UsageRow, periods_between
from shared.store.usage import Usage
from shared.usage.meter import Meter
from tests.api.test_indexes import put_video, tenant_of
from tests.api.test_rate_limits import commits
from tests.api.world import World


def usage(world: World, path: str = "", sub: str = "ada", **query: Any) -> Any:
    answer = world.call("GET", f"/usage{path}", None, world.as_owner(sub), query=query)
    assert answer.status == 200, answer.body
    return answer.json


def count(world: World, row: str, when: datetime | None = None, **metrics: float) -> None:
    happened = when or world.store.clock()
    Usage(world.store).count(
        tenant_of(world), row, happened, Tally(metrics=metrics, models={"m-2.5": {"calls": 1.0}}), {"run_id": row}
    )


def test_requests_are_counted_by_tenant_and_credential(world: World) -> None:
    key = world.as_key("read")
    for _ in range(3):
        world.call("GET", "/prompts", None, key)
    world.call("GET", "/prompts", None, world.as_owner("bob"))
    said = usage(world)
    assert said["metrics"]["api_requests"] == 4  # one to make the key
    by_key = [one for name, one in said["auth_usage"].items() if name.startswith("key_")]
    assert by_key == [{"auth_type": "api_key", "api_requests": 3}]
    assert said["auth_usage"]["jwt"]["api_requests"] == 1


def test_counting_requests_costs_no_write_of_its_own(world: World) -> None:
    key = world.as_key("read")
    world.call("GET", "/prompts", None, key)
    written = commits(world)
    for _ in range(100):
        world.call("GET", "/prompts", None, key)
    assert written() == 0


def test_counts_are_written_down_once_a_minute(world: World) -> None:
    world.call("GET", "/prompts", None, world.as_owner())
    world.clock.advance(61)
    world.call("GET", "/prompts", None, world.as_owner())
    rows = Usage(world.store).rows(tenant_of(world), metric=None, since=None, until=None, limit=10)
    assert [row.metrics["api_requests"] for row in rows] == [2]


@pytest.mark.parametrize("effect", ["fail", "fail_after"])
def test_a_sheet_whose_writing_failed_or_timed_out_is_counted_once(world: World, effect: Any) -> None:
    meter, tenant = Meter(world.store), tenant_of(world)
    from shared.domain.limits import Category

    for _ in range(5):
        meter.count(tenant, "key_x", Category.SEARCH, answered=True)
    faults = [Fault("firestore.Commit", effect, status=403)]
    original = world.faults.take
    world.faults.take = lambda op: faults.pop() if faults and op == "firestore.Commit" else original(op)  # type: ignore[method-assign]
    meter.flush(tenant)
    meter.flush(tenant)
    meter.flush(tenant)
    said = usage(world)
    assert (said["metrics"]["searches"], said["totals"]["total_searches"]) == (5, 5)


def test_an_occurrence_told_again_is_counted_once_and_one_that_grew_by_the_difference(world: World) -> None:
    for _ in range(3):
        count(world, "run_a", input_tokens=100, prompt_runs=1)
    count(world, "run_a", input_tokens=130, output_tokens=7, prompt_runs=1)
    said = usage(world)
    assert said["metrics"]["input_tokens"] == 130 and said["metrics"]["prompt_runs"] == 1
    assert said["totals"]["total_tokens"] == 137
    assert said["model_usage"] == {"m-2.5": {"calls": 1}}
    details = usage(world, "/details", metric_type="input_tokens")
    assert [(one["value"], one["unit"], one["metadata"]) for one in details] == [(130, "tokens", {"run_id": "run_a"})]


def test_the_same_occurrence_told_by_many_at_once_is_counted_once(world: World) -> None:
    from threading import Thread

    threads = [Thread(target=lambda: count(world, "run_b", input_tokens=10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert usage(world)["metrics"]["input_tokens"] == 10


def test_months_and_days_are_told_apart(world: World) -> None:
    now = world.store.clock()
    last_month = now.replace(day=1) - timedelta(days=3)
    count(world, "run_a", last_month, input_tokens=5)
    count(world, "run_b", input_tokens=7)
    periods = usage(world, "/history")["periods"]
    assert [period["metrics"]["input_tokens"] for period in periods] == [7, 5]
    assert periods[0]["summary_id"] == f"usage_{now:%Y-%m}"
    assert [one["summary_id"] for one in usage(world, "/history", limit=1)["periods"]] == [periods[0]["summary_id"]]
    day = f"{last_month:%Y-%m-%d}"
    assert usage(world, "/breakdown", start_date=day, end_date=day)["breakdown"]["input_tokens"] == 5
    both = usage(world, "/breakdown", start_date=f"{last_month:%Y-%m-01}", end_date=f"{now:%Y-%m-%d}T23:00:00Z")
    assert both["breakdown"]["input_tokens"] == 12
    assert [one["event_id"] for one in usage(world, "/details", end_date=day, metric_type="input_tokens")] == [
        "run_a:input_tokens"
    ]


def test_storage_is_what_lies_there_now(world: World) -> None:
    tenant = tenant_of(world)
    kept, gone = put_video(world, tenant, "", "kept"), put_video(world, tenant, "", "gone")
    batch = world.store.batch()
    batch.change(kept, size_bytes=1000)
    batch.change(gone, size_bytes=50, deleted_at=world.store.clock())
    batch.commit()
    assert usage(world)["totals"]["total_storage_bytes"] == 1000


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/history", {"limit": 0}),
        ("/history", {"limit": 25}),
        ("/details", {"limit": 1001}),
        ("/details", {"metric_type": "money"}),
        ("/breakdown", {"start_date": "yesterday"}),
        ("/breakdown", {"start_date": "2026-02-01", "end_date": "2026-01-01"}),
        ("/breakdown", {"start_date": "2016-01-01", "end_date": "2026-01-01"}),
        ("/breakdown", {"start_date": "2016-01-01"}),
        ("/history", {"end_date": "0001-01-01"}),
        ("/breakdown", {"start_date": "9999-12-31", "end_date": "9999-12-31"}),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(world: World, path: str, query: dict[str, Any]) -> None:
    answer = world.call("GET", f"/usage{path}", None, world.as_owner(), query=query)
    assert (answer.status, answer.error) == (422, "validation_failed")


def test_metric_types_are_told_to_anybody(world: World) -> None:
    said = world.call("GET", "/usage/metric-types").json
    assert {"searches", "input_tokens", "storage_bytes", "segments_created"} <= {one["type"] for one in said}
    assert all(one["unit"] and one["description"] for one in said)


def test_another_tenants_use_is_not_told(world: World) -> None:
    count(world, "run_a", input_tokens=5)
    assert usage(world, sub="bob")["metrics"]["input_tokens"] == 0
    assert usage(world, "/details", sub="bob") == [] or all(
        one["metric_type"] == "api_requests" for one in usage(world, "/details", sub="bob")
    )


def test_a_span_is_made_of_whole_months_and_the_days_around_them() -> None:
    first, last = datetime(2026, 1, 30, tzinfo=UTC).date(), datetime(2026, 4, 2, tzinfo=UTC).date()
    assert list(periods_between(first, last)) == ["2026-01-30", "2026-01-31", "2026-02", "2026-03", "2026-04-01", "2026-04-02"]


def test_rows_are_forgotten_and_periods_kept(world: World) -> None:
    count(world, "run_a", input_tokens=5)
    row = world.store.get(UsageRow, tenant_of(world), "run_a")
    assert row is not None and row.expires_at is not None
    assert row.expires_at - row.happened_at == timedelta(days=400)
