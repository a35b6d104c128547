"""Cloud Tasks on its port: Google's REST client as it is, workers over HTTP, and a process that is killed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2

from emulators.clock import MovableClock
from emulators.dispatch.carrier import carry
from emulators.dispatch.delivery import Answer, Delivery
from emulators.faults import Fault, Faults
from emulators.tasks.engine import Engine
from emulators.tasks.server import serve
from tests.emulators.endpoint import Endpoint, Seen
from tests.emulators.killable import Killable

PLACE = "projects/p/locations/here"
QUEUE = f"{PLACE}/queues/plan-run"
URL = "https://here-p.cloudfunctions.net/plan-run"


def client_of(port: int) -> tasks_v2.CloudTasksClient:
    return tasks_v2.CloudTasksClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
    )


def make_queue(client: tasks_v2.CloudTasksClient, worker: Endpoint, **settings) -> None:
    here = {"uri_override": {"scheme": "HTTP", "host": "127.0.0.1", "port": worker.port}}
    client.create_queue(parent=PLACE, queue={"name": QUEUE, "http_target": here, **settings})


class Local:
    def __init__(self) -> None:
        self.faults = Faults()
        self.clock = MovableClock()
        self.engine = Engine(None, self.clock)
        self.server = serve(self.engine, self.faults, sign=lambda audience, email: f"{email} to {audience}")
        self.client = client_of(self.server.port)


@pytest.fixture
def local() -> Iterator[Local]:
    made = Local()
    yield made
    made.server.stop()


@pytest.fixture
def worker() -> Iterator[Endpoint]:
    with Endpoint() as made:
        yield made


def test_a_task_for_the_cloud_reaches_the_worker_on_this_machine(local: Local, worker: Endpoint) -> None:
    make_queue(local.client, worker)
    token = {"service_account_email": "tasks@p.test"}
    request = {"url": f"{URL}?x=1", "body": b"\x00{}", "headers": {"X-Own": "1"}, "oidc_token": token}
    made = local.client.create_task(parent=QUEUE, task={"http_request": request})

    (seen,) = worker.wait_for(1)

    assert (seen.method, seen.path, seen.body) == ("POST", "/plan-run?x=1", b"\x00{}")
    assert seen.headers["Host"] == f"127.0.0.1:{worker.port}"
    assert seen.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert seen.headers["X-Own"] == "1"
    assert seen.headers["X-CloudTasks-TaskName"] == made.name.rpartition("/")[2]
    assert seen.headers["Authorization"] == f"Bearer tasks@p.test to {URL}?x=1"


def test_a_failing_worker_is_asked_again_and_then_no_more(local: Local, worker: Endpoint) -> None:
    make_queue(local.client, worker, retry_config={"min_backoff": {"nanos": 10_000_000}})
    worker.reply = lambda seen: (500 if seen.headers["X-CloudTasks-TaskRetryCount"] != "2" else 201, {})
    gone = threading.Event()

    def look() -> None:
        if len(worker.seen) == 3 and not local.engine.list_tasks(QUEUE)[0]:
            gone.set()

    local.engine.on_change(look)
    name = local.client.create_task(parent=QUEUE, task={"http_request": {"url": URL}}).name
    seen = worker.wait_for(3)
    assert gone.wait(20)

    assert [one.headers["X-CloudTasks-TaskRetryCount"] for one in seen] == ["0", "1", "2"]
    with pytest.raises(exceptions.NotFound):
        local.client.get_task(name=name)


def test_retry_after_from_the_worker_moves_the_next_attempt(local: Local, worker: Endpoint) -> None:
    make_queue(local.client, worker)
    failed = threading.Event()
    local.engine.on_change(lambda: failed.set() if worker.seen else None)
    worker.reply = lambda seen: (429, {"Retry-After": "3600"})
    name = local.client.create_task(parent=QUEUE, task={"http_request": {"url": URL}}).name
    worker.wait_for(1)
    assert failed.wait(20)

    shown = local.client.get_task(name=name)

    assert shown.schedule_time.timestamp() - shown.last_attempt.response_time.timestamp() == pytest.approx(3600, abs=1)


def test_a_scheduled_task_goes_out_when_the_clock_is_moved_past_its_time(local: Local, worker: Endpoint) -> None:
    make_queue(local.client, worker)
    later = local.clock() + 3600
    task = {"http_request": {"url": URL}, "schedule_time": {"seconds": int(later)}}
    local.client.create_task(parent=QUEUE, task=task)
    local.clock.advance(3601)
    local.server.dispatcher.wake()

    assert len(worker.wait_for(1)) == 1


def test_the_queues_concurrency_holds_on_the_wire(local: Local, worker: Endpoint) -> None:
    make_queue(local.client, worker, rate_limits={"max_concurrent_dispatches": 3})
    running, most, lock = 0, 0, threading.Lock()
    full, may_end = threading.Event(), threading.Event()

    def work(seen: Seen) -> tuple[int, dict[str, str]]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
        may_end.wait(20)
        with lock:
            running -= 1
        return 200, {}

    worker.reply = work
    for _ in range(12):
        local.client.create_task(parent=QUEUE, task={"http_request": {"url": URL}})
    assert full.wait(20)
    may_end.set()
    worker.wait_for(12)

    assert most == 3


def test_an_ordered_late_failure_runs_the_task_twice(local: Local, worker: Endpoint) -> None:
    make_queue(local.client, worker)
    local.faults.order(Fault("tasks.dispatch", effect="fail_after", status=504))
    local.client.create_task(parent=QUEUE, task={"http_request": {"url": URL}})

    seen = worker.wait_for(2)

    assert len({one.headers["X-CloudTasks-TaskName"] for one in seen}) == 1


def test_errors_have_the_shape_of_googles_rest_errors(local: Local) -> None:
    with pytest.raises(exceptions.NotFound) as missing:
        local.client.get_queue(name=QUEUE)
    with pytest.raises(exceptions.MethodNotImplemented):
        local.client.test_iam_permissions(request={"resource": QUEUE, "permissions": ["a"]})

    assert missing.value.response.json()["error"]["status"] == "NOT_FOUND"


def test_tasks_survive_the_death_of_the_process_that_held_them(worker: Endpoint, tmp_path: Path) -> None:
    began, may_end = threading.Event(), threading.Event()

    def hang(seen: Seen) -> tuple[int, dict[str, str]]:
        began.set()
        may_end.wait(20)
        return 200, {}

    worker.reply = hang
    path = tmp_path / "tasks.sqlite"
    with Killable("tasks", path) as first:
        client = client_of(first.port)
        make_queue(client, worker, rate_limits={"max_concurrent_dispatches": 2})
        for name in ("one", "two", "three"):
            task = {"name": f"{QUEUE}/tasks/{name}", "http_request": {"url": URL}}
            client.create_task(parent=QUEUE, task=task)
        assert began.wait(20)
    worker.reply = lambda seen: (200, {})

    with Killable("tasks", path):
        seen = worker.wait_for(3)

    may_end.set()
    assert sorted(one.headers["X-CloudTasks-TaskName"] for one in seen) == ["one", "three", "two"]


def test_a_worker_that_does_not_answer_within_the_deadline_is_no_answer(worker: Endpoint) -> None:
    may_end = threading.Event()
    worker.reply = lambda seen: (may_end.wait(20), (200, {}))[1]

    answer = carry(Delivery("1", worker.url, deadline=0.05))

    may_end.set()
    assert answer == Answer(None)


def test_nobody_listening_is_no_answer() -> None:
    with Endpoint() as gone:
        url = gone.url

    assert carry(Delivery("1", url)) == Answer(None)


def test_a_redirect_is_an_answer_and_is_not_followed(worker: Endpoint) -> None:
    worker.reply = lambda seen: (302, {"Location": f"{worker.url}/elsewhere"})

    assert carry(Delivery("1", f"{worker.url}/here")).status == 302
    assert [seen.path for seen in worker.seen] == ["/here"]


def test_retry_after_may_be_a_date(worker: Endpoint) -> None:
    worker.reply = lambda seen: (503, {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"})

    assert carry(Delivery("1", worker.url), clock=lambda: 1_700_000_000.0) == Answer(503, 60.0)
