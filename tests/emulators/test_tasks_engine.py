"""The rules of Cloud Tasks, on the engine alone: Google's client in process, no sockets, a clock that stands still."""

from datetime import timedelta
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.protobuf.timestamp_pb2 import Timestamp

from emulators.clock import ManualClock
from emulators.dispatch.delivery import Delivery
from emulators.faults import Fault, Faults
from emulators.tasks import inprocess
from emulators.tasks.engine import Engine

PLACE = "projects/p/locations/here"
QUEUE = f"{PLACE}/queues/plan-run"
URL = "https://here-p.cloudfunctions.net/plan-run"
DAY = 86_400


class World:
    """An engine, Google's client on it, and the hand that moves the clock."""

    def __init__(self, path: Path | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.engine = Engine(path, self.clock)
        self.client = inprocess.client(self.engine)

    def queue(self, name: str = QUEUE, **settings) -> tasks_v2.Queue:
        return self.client.create_queue(parent=PLACE, queue={"name": name, **settings})

    def task(self, name: str = "", url: str = URL, queue: str = QUEUE, request=None, **settings) -> tasks_v2.Task:
        task = {"http_request": {"url": url, **(request or {})}, **settings}
        if name:
            task["name"] = f"{queue}/tasks/{name}"
        return self.client.create_task(parent=queue, task=task)

    def due(self, limit: int | None = None) -> list[Delivery]:
        return self.engine.due(self.clock(), limit)

    def fail(self, delivery: Delivery, status: int | None = 500, retry_after: float | None = None) -> float | None:
        """Seconds until the next attempt."""
        self.engine.failed(delivery.id, status, retry_after)
        next_at = self.engine.next_due_at()
        return None if next_at is None else round(next_at - self.clock(), 3)


@pytest.fixture
def world() -> World:
    made = World()
    made.queue()
    return made


def at(seconds: float) -> Timestamp:
    moment = Timestamp()
    moment.FromMicroseconds(int(seconds * 1e6))
    return moment


def test_a_task_becomes_the_request_it_describes_with_the_headers_of_cloud_tasks(world: World) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "mine", "X-CloudTasks-TaskName": "fake"}
    world.task("a-1", request={"body": b"{}", "headers": headers})

    (delivery,) = world.due()

    assert (delivery.method, delivery.url, delivery.body, delivery.deadline) == ("POST", URL, b"{}", 600)
    assert delivery.headers == {
        "Content-Type": "application/json",
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": "plan-run",
        "X-CloudTasks-TaskName": "a-1",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": "1700000000.000000",
    }


def test_a_retry_says_how_often_it_was_tried_and_what_came_back(world: World) -> None:
    world.task()
    for status in (500, 404):
        (delivery,) = world.due()
        world.fail(delivery, status)
        world.clock.advance(60)
    (delivery,) = world.due()

    assert delivery.headers["X-CloudTasks-TaskRetryCount"] == "2"
    assert delivery.headers["X-CloudTasks-TaskExecutionCount"] == "1"  # answers of 5xx do not count
    assert delivery.headers["X-CloudTasks-TaskPreviousResponse"] == "404"
    assert "404" in delivery.headers["X-CloudTasks-TaskRetryReason"]


@pytest.mark.parametrize(
    ("override", "url", "sent_to"),
    [
        (
            {"scheme": "HTTP", "host": "127.0.0.1", "port": 9000},
            "https://r-p.cloudfunctions.net/plan-run",
            "http://127.0.0.1:9000/plan-run",
        ),
        ({"host": "other.test"}, "https://a.test:8443/x?q=1", "https://other.test:8443/x?q=1"),
        ({"port": 0}, "https://a.test:8443/x", "https://a.test/x"),
        ({"path_override": {"path": "fixed"}}, "https://a.test/x?q=1", "https://a.test/fixed?q=1"),
        ({"path_override": {}}, "https://a.test/x", "https://a.test"),
        ({"query_override": {"query_params": "k=v"}}, "https://a.test/x?q=1", "https://a.test/x?k=v"),
        (
            {
                "scheme": "HTTP",
                "host": "other.test",
                "port": 1,
                "path_override": {"path": "/p"},
                "query_override": {"query_params": "k=v"},
                "uri_override_enforce_mode": "IF_NOT_EXISTS",
            },
            "https://a.test/x",
            "https://a.test:1/x?k=v",
        ),
    ],
)
def test_a_queue_sends_its_tasks_where_its_uri_override_says(override: dict, url: str, sent_to: str) -> None:
    world = World()
    world.queue(http_target={"uri_override": override})
    world.task(url=url)

    assert world.due()[0].url == sent_to


def test_a_changed_override_holds_for_tasks_that_already_wait(world: World) -> None:
    world.task()
    queue = tasks_v2.Queue(name=QUEUE, http_target={"uri_override": {"scheme": "HTTP", "host": "127.0.0.1", "port": 7}})
    world.client.update_queue(queue=queue, update_mask={"paths": ["http_target"]})

    assert world.due()[0].url == "http://127.0.0.1:7/plan-run"


def test_headers_and_token_of_the_queue_win_unless_it_only_fills_gaps() -> None:
    token = {"service_account_email": "queue@p.test", "audience": "queue"}
    target = {"header_overrides": [{"header": {"key": "X-Who", "value": "queue"}}], "oidc_token": token}
    own = {"headers": {"x-who": "task"}, "oidc_token": {"service_account_email": "task@p.test"}}
    world = World()
    world.queue(http_target=target)
    weak = f"{PLACE}/queues/weak"
    world.queue(weak, http_target={**target, "uri_override": {"uri_override_enforce_mode": "IF_NOT_EXISTS"}})
    world.task(request=own)
    world.task(request=own, queue=weak)

    by_queue = {delivery.headers["X-CloudTasks-QueueName"]: delivery for delivery in world.due()}

    strong, soft = by_queue["plan-run"], by_queue["weak"]
    assert strong.bearer is not None and soft.bearer is not None
    assert (strong.headers["X-Who"], strong.bearer.email, strong.bearer.audience) == ("queue", "queue@p.test", "queue")
    assert (soft.headers["x-who"], soft.bearer.email, soft.bearer.audience) == ("task", "task@p.test", URL)
    assert "X-Who" not in soft.headers


def test_a_used_task_name_stays_taken_for_a_day_after_the_task_is_gone(world: World) -> None:
    world.task("once")
    with pytest.raises(exceptions.Conflict):
        world.task("once")
    world.engine.succeeded(world.due()[0].id)

    world.clock.advance(DAY - 1)
    with pytest.raises(exceptions.Conflict):
        world.task("once")
    world.clock.advance(1)
    assert world.task("once").name == f"{QUEUE}/tasks/once"


def test_deleting_and_purging_keep_names_taken_too(world: World) -> None:
    world.task("deleted")
    world.client.delete_task(name=f"{QUEUE}/tasks/deleted")
    world.task("purged")
    purged = world.client.purge_queue(name=QUEUE)

    assert purged.purge_time is not None
    assert world.due() == []
    for name in ("deleted", "purged"):
        with pytest.raises(exceptions.Conflict):
            world.task(name)


def test_a_deleted_queues_name_stays_taken_for_seven_days(world: World) -> None:
    world.task()
    world.client.delete_queue(name=QUEUE)
    with pytest.raises(exceptions.NotFound):
        world.client.get_queue(name=QUEUE)
    world.clock.advance(7 * DAY - 1)
    with pytest.raises(exceptions.BadRequest):
        world.queue()
    world.clock.advance(1)

    assert world.queue().state == tasks_v2.Queue.State.RUNNING
    assert world.due() == []


def test_the_backoff_doubles_then_grows_by_equal_steps_then_stays() -> None:
    world = World()
    retry = {"min_backoff": timedelta(seconds=10), "max_backoff": timedelta(seconds=300), "max_doublings": 3}
    world.queue(retry_config=retry)
    world.task()
    waits = []
    for _ in range(8):
        (delivery,) = world.due()
        wait = world.fail(delivery)
        assert wait is not None
        waits.append(wait)
        world.clock.advance(wait)

    assert waits == [10, 20, 40, 80, 160, 240, 300, 300]


def test_a_task_is_given_up_after_its_attempts(world: World) -> None:
    world.queue(f"{PLACE}/queues/thrice", retry_config={"max_attempts": 3})
    world.task(queue=f"{PLACE}/queues/thrice")
    for _ in range(3):
        (delivery,) = world.due()
        world.fail(delivery)
        world.clock.advance(60)

    assert world.due() == []
    assert list(world.client.list_tasks(parent=f"{PLACE}/queues/thrice")) == []


def test_unlimited_attempts_end_with_the_retry_duration_or_else_with_the_retention() -> None:
    world = World()
    hour = {"max_attempts": -1, "max_retry_duration": timedelta(hours=1)}
    world.queue(retry_config=hour)
    world.queue(f"{PLACE}/queues/forever", retry_config={"max_attempts": -1})
    world.task("short")
    world.task(queue=f"{PLACE}/queues/forever")
    for delivery in world.due():
        world.fail(delivery)
    world.clock.advance(3601)
    for delivery in world.due():
        world.fail(delivery)
    world.clock.advance(30 * DAY)
    (last,) = world.due()
    assert last.headers["X-CloudTasks-QueueName"] == "forever"
    world.clock.advance(DAY)

    assert world.fail(last) is None


def test_attempts_and_duration_must_both_be_used_up() -> None:
    world = World()
    world.queue(retry_config={"max_attempts": 2, "max_retry_duration": timedelta(hours=1)})
    world.task()
    for _ in range(3):
        (delivery,) = world.due()
        assert world.fail(delivery) is not None
        world.clock.advance(60)
    world.clock.advance(3600)
    (delivery,) = world.due()

    assert world.fail(delivery) is None


def test_a_tasks_own_retry_settings_win_over_its_queues(world: World) -> None:
    world.task("once-only", retry_config={"max_attempts": 1})
    (delivery,) = world.due()

    assert world.fail(delivery) is None


def test_retry_after_is_honoured_when_the_worker_is_throttling_and_only_then(world: World) -> None:
    world.task()
    assert [world.fail(world.due()[0], 429, 30)] == [30]
    world.clock.advance(30)
    assert world.fail(world.due()[0], 503, 40) == 40
    world.clock.advance(40)
    assert world.fail(world.due()[0], 500, 50) == 0.4


def test_no_more_run_at_once_than_the_queue_allows() -> None:
    world = World()
    world.queue(rate_limits={"max_concurrent_dispatches": 2})
    for _ in range(3):
        world.task()
    first = world.due()
    assert len(first) == 2
    assert world.engine.next_due_at() is None

    world.engine.succeeded(first[0].id)
    assert len(world.due()) == 1


def test_dispatches_follow_the_token_bucket() -> None:
    world = World()
    assert world.queue(rate_limits={"max_dispatches_per_second": 2}).rate_limits.max_burst_size == 10
    for _ in range(14):
        world.task()
    burst = world.due()
    next_at = world.engine.next_due_at()
    assert next_at is not None
    wait = next_at - world.clock()
    world.clock.advance(wait)

    assert (len(burst), round(wait, 6), len(world.due())) == (10, 0.5, 1)
    world.clock.advance(1)
    assert len(world.due()) == 2


def test_whatever_the_rate_asking_at_the_time_named_hands_something_out() -> None:
    world = World()
    world.queue(rate_limits={"max_dispatches_per_second": 7.3})
    for _ in range(40):
        world.task()
    left = 40 - len(world.due())
    while left:
        next_at = world.engine.next_due_at()
        assert next_at is not None and next_at > world.clock()
        world.clock.now = next_at
        handed_out = len(world.due())
        assert handed_out == 1
        left -= handed_out


def test_a_busy_queue_does_not_starve_another(world: World) -> None:
    other = f"{PLACE}/queues/other"
    world.queue(other)
    for _ in range(5):
        world.task()
    world.task(queue=other)

    assert {delivery.headers["X-CloudTasks-QueueName"] for delivery in world.due(limit=2)} == {"plan-run", "other"}


def test_a_scheduled_task_waits_for_its_time(world: World) -> None:
    world.task(schedule_time=at(world.clock() + 60))
    assert world.due() == []
    assert world.engine.next_due_at() == world.clock() + 60
    world.clock.advance(60)

    assert len(world.due()) == 1


def test_a_paused_queue_takes_tasks_but_sends_none_until_it_resumes(world: World) -> None:
    assert world.client.pause_queue(name=QUEUE).state == tasks_v2.Queue.State.PAUSED
    world.task()
    assert world.due() == []
    assert world.engine.next_due_at() is None
    world.client.resume_queue(name=QUEUE)

    assert len(world.due()) == 1


def test_a_forced_run_ignores_schedule_pause_and_rate_once(world: World) -> None:
    name = world.task("later", schedule_time=at(world.clock() + 3600)).name
    world.client.pause_queue(name=QUEUE)
    world.client.run_task(name=name)
    world.client.run_task(name=name)

    (delivery,) = world.due()
    assert delivery.id == name
    world.fail(delivery)
    world.clock.advance(7200)
    assert world.due() == []


def test_a_task_shows_its_attempts_and_its_body_only_in_full_view(world: World) -> None:
    name = world.task(request={"body": b"secret"}).name
    (delivery,) = world.due()
    world.fail(delivery, 500)

    basic = world.client.get_task(name=name)
    full = world.client.get_task(request={"name": name, "response_view": "FULL"})

    assert (basic.dispatch_count, basic.response_count) == (1, 1)
    assert basic.last_attempt.response_status.message.endswith("HTTP status code 500")
    assert (basic.http_request.body, full.http_request.body) == (b"", b"secret")


def test_tasks_and_queues_are_listed_in_pages(world: World) -> None:
    for name in ("c", "a", "b"):
        world.task(name)
    world.queue(f"{PLACE}/queues/another")
    listed = list(world.client.list_tasks(request={"parent": QUEUE, "page_size": 2}).pages)
    queues = [queue.name.rpartition("/")[2] for queue in world.client.list_queues(request={"parent": PLACE, "page_size": 1})]

    assert [[task.name[-1] for task in page.tasks] for page in listed] == [["a", "b"], ["c"]]
    assert queues == ["another", "plan-run"]


def test_an_update_changes_what_its_mask_names_and_makes_a_queue_that_is_missing(world: World) -> None:
    wanted = tasks_v2.Queue(name=QUEUE, rate_limits={"max_concurrent_dispatches": 3, "max_dispatches_per_second": 1})
    changed = world.client.update_queue(queue=wanted, update_mask={"paths": ["rate_limits.max_concurrent_dispatches"]})
    made = world.client.update_queue(queue=tasks_v2.Queue(name=f"{PLACE}/queues/new"))

    assert changed.rate_limits.max_concurrent_dispatches == 3
    assert changed.rate_limits.max_dispatches_per_second == 500
    assert made.retry_config.max_attempts == 100


def test_after_a_restart_waiting_tasks_and_those_under_way_go_out_again(tmp_path: Path) -> None:
    path = tmp_path / "tasks.sqlite"
    world = World(path)
    world.queue(rate_limits={"max_concurrent_dispatches": 2})
    for name in ("done", "under-way", "waiting"):
        world.task(name)
    under_way = world.due()
    done = next(delivery for delivery in under_way if delivery.id.endswith("done"))
    world.engine.succeeded(done.id)
    world.engine.close()

    again = World(path, world.clock)

    assert {delivery.id.rpartition("/")[2] for delivery in again.due()} == {"under-way", "waiting"}
    with pytest.raises(exceptions.Conflict):
        again.task("done")


@pytest.mark.parametrize(
    "task",
    [
        {"http_request": {"url": "ftp://a.test"}},
        {"http_request": {"url": "https://a.test/" + "x" * 2083}},
        {"http_request": {"url": URL, "http_method": "GET", "body": b"x"}},
        {"http_request": {"url": URL, "body": b"x" * (1 << 20)}},
        {"http_request": {"url": URL, "headers": {"k": "v" * 81920}}},
        {"http_request": {"url": URL}, "dispatch_deadline": timedelta(seconds=14)},
        {"http_request": {"url": URL}, "dispatch_deadline": timedelta(seconds=1801)},
        {"http_request": {"url": URL}, "schedule_time": at(1_700_000_000 + 30 * DAY + 1)},
        {"http_request": {"url": URL}, "name": f"{QUEUE}/tasks/{'x' * 501}"},
        {"http_request": {"url": URL}, "name": f"{QUEUE}/tasks/a.b"},
        {"http_request": {"url": URL}, "name": f"{PLACE}/queues/other/tasks/a"},
        {},
    ],
)
def test_a_task_outside_the_limits_is_refused(world: World, task: dict) -> None:
    with pytest.raises(exceptions.BadRequest):
        world.client.create_task(parent=QUEUE, task=task)


@pytest.mark.parametrize(
    "queue",
    [
        {"name": f"{PLACE}/queues/under_score"},
        {"name": f"{PLACE}/queues/{'x' * 101}"},
        {"name": "projects/p/locations/elsewhere/queues/q"},
        {"name": f"{PLACE}/queues/q", "rate_limits": {"max_dispatches_per_second": 501}},
        {"name": f"{PLACE}/queues/q", "rate_limits": {"max_concurrent_dispatches": 5001}},
        {"name": f"{PLACE}/queues/q", "retry_config": {"max_attempts": -2}},
        {"name": f"{PLACE}/queues/q", "http_target": {"oidc_token": {"service_account_email": "a@b"}}},
        {"name": f"{PLACE}/queues/q", "http_target": {"uri_override": {"host": ""}}},
    ],
)
def test_a_queue_outside_the_limits_is_refused(world: World, queue: dict) -> None:
    with pytest.raises(exceptions.BadRequest):
        world.client.create_queue(parent=PLACE, queue=queue)


def test_what_is_missing_is_not_found_and_what_is_not_emulated_says_so(world: World) -> None:
    with pytest.raises(exceptions.NotFound):
        world.task(queue=f"{PLACE}/queues/missing")
    with pytest.raises(exceptions.NotFound):
        world.client.get_task(name=f"{QUEUE}/tasks/missing")
    with pytest.raises(exceptions.MethodNotImplemented):
        world.client.create_task(parent=QUEUE, task={"app_engine_http_request": {}})
    with pytest.raises(exceptions.MethodNotImplemented):
        world.client.get_iam_policy(request={"resource": QUEUE})


def test_an_ordered_failure_may_come_after_the_task_was_made(world: World) -> None:
    faults = Faults()
    client = inprocess.client(world.engine, faults)
    faults.order(Fault("tasks.CreateTask", effect="fail_after", status=504))
    task = {"name": f"{QUEUE}/tasks/made", "http_request": {"url": URL}}
    with pytest.raises(exceptions.GatewayTimeout):
        client.create_task(parent=QUEUE, task=task)
    with pytest.raises(exceptions.Conflict):
        client.create_task(parent=QUEUE, task=task)

    assert len(world.due()) == 1


def test_a_reset_leaves_nothing_and_no_name_taken(world: World) -> None:
    world.task("again")
    (delivery,) = world.due()
    world.engine.reset()
    world.engine.failed(delivery.id, 500)
    world.queue()

    assert world.due() == []
    assert world.task("again").name.endswith("again")
