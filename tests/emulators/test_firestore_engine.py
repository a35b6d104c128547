"""What is ours alone: indexes enforced, data kept, transactions that time out by the clock, failures on order."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore import FieldFilter, Query

from emulators.clock import ManualClock, MovableClock
from emulators.faults import Fault, Faults
from emulators.firestore.engine import Engine
from emulators.firestore.inprocess import client
from emulators.firestore.server import serve

DECLARED = {
    "indexes": [
        {
            "collectionGroup": "runs",
            "queryScope": "COLLECTION",
            "fields": [
                {"fieldPath": "state", "order": "ASCENDING"},
                {"fieldPath": "created", "order": "DESCENDING"},
            ],
        },
        {
            "collectionGroup": "runs",
            "queryScope": "COLLECTION",
            "fields": [
                {"fieldPath": "tags", "arrayConfig": "CONTAINS"},
                {"fieldPath": "created", "order": "DESCENDING"},
            ],
        },
        {
            "collectionGroup": "runs",
            "queryScope": "COLLECTION_GROUP",
            "fields": [
                {"fieldPath": "state", "order": "ASCENDING"},
                {"fieldPath": "created", "order": "ASCENDING"},
            ],
        },
    ],
    "fieldOverrides": [
        {"collectionGroup": "runs", "fieldPath": "body_json", "indexes": []},
        {
            "collectionGroup": "runs",
            "fieldPath": "wake_at",
            "indexes": [
                {"order": "ASCENDING", "queryScope": "COLLECTION"},
                {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"},
            ],
        },
    ],
}


@pytest.fixture
def indexes(tmp_path: Path) -> Path:
    path = tmp_path / "firestore.indexes.json"
    path.write_text(json.dumps(DECLARED))
    return path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def db(clock: ManualClock, indexes: Path) -> firestore.Client:
    return client(Engine(None, clock, indexes), "p")


def fill(db: firestore.Client, count: int) -> firestore.CollectionReference:
    runs = db.collection("tenants/t/runs")
    batch = db.batch()
    for n in range(count):
        content = {"state": "open" if n % 100 == 0 else "done", "created": n, "even": n % 2 == 0, "body_json": str(n)}
        content |= {"tags": [n % 3, "all"], "wake_at": n}
        batch.set(runs.document(f"r{n:06}"), content)
    batch.commit()
    return runs


def where(base: Query | firestore.CollectionReference, path: str, op: str, value: object) -> Query:
    return base.where(filter=FieldFilter(path, op, value))


def ids(query: Query | firestore.CollectionReference) -> list[str]:
    return [snapshot.id for snapshot in query.stream()]


# --- indexes

SERVED: dict[str, Callable[[firestore.CollectionReference], Query]] = {
    "declared": lambda runs: where(runs, "state", "==", "open").order_by("created", direction=Query.DESCENDING),
    "declared, backwards": lambda runs: where(runs, "state", "==", "open").order_by("created"),
    "declared, by range": lambda runs: where(where(runs, "state", "==", "open"), "created", "<", 250),
    "two declared, merged": lambda runs: where(where(runs, "state", "==", "open"), "tags", "array_contains", "all").order_by(
        "created", direction=Query.DESCENDING
    ),
    "equalities": lambda runs: where(where(runs, "state", "==", "open"), "even", "==", True),
    "equality and membership": lambda runs: where(where(runs, "state", "==", "open"), "tags", "array_contains", "all"),
    "one order": lambda runs: where(runs, "created", ">", 250).order_by("created", direction=Query.DESCENDING),
    "alternatives": lambda runs: where(runs, "state", "in", ["open", "done"]).order_by("created"),
}


@pytest.mark.parametrize("query", SERVED.values(), ids=SERVED)
def test_an_index_gives_what_a_search_through_everything_gives(
    query: Callable[[firestore.CollectionReference], Query], db: firestore.Client, clock: ManualClock
) -> None:
    free = client(Engine(None, clock), "p")
    assert ids(query(fill(db, 400))) == ids(query(fill(free, 400))) != []


REFUSED: dict[str, tuple[Callable[[firestore.CollectionReference], Query], str]] = {
    "equality and order": (lambda runs: where(runs, "even", "==", True).order_by("created"), '"fieldPath": "even"'),
    "equality and range": (lambda runs: where(where(runs, "even", "==", True), "created", ">", 3), '"created"'),
    "two orders": (lambda runs: runs.order_by("state").order_by("created"), '"order": "ASCENDING"'),
    "an exempted field": (lambda runs: where(runs, "body_json", "==", "1"), '"fieldOverrides"'),
    "an order of an exempted field": (lambda runs: runs.order_by("body_json"), '"fieldOverrides"'),
    "a direction left out": (lambda runs: runs.order_by("wake_at", direction=Query.DESCENDING), '"DESCENDING"'),
    "a direction against the others": (
        lambda runs: where(runs, "state", "==", "open").order_by("created").order_by("__name__", direction="DESCENDING"),
        '"__name__"',
    ),
}


@pytest.mark.parametrize(("query", "named"), REFUSED.values(), ids=REFUSED)
def test_a_query_without_its_index_is_refused_and_the_index_named(
    query: Callable[[firestore.CollectionReference], Query], named: str, db: firestore.Client
) -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="The query requires an index") as refused:
        ids(query(db.collection("tenants/t/runs")))
    assert named in refused.value.message


def test_the_index_a_refusal_names_serves_the_query(db: firestore.Client, clock: ManualClock, tmp_path: Path) -> None:
    def query(db: firestore.Client) -> Query:
        return where(db.collection("tenants/t/runs"), "even", "==", True).order_by("created", direction="DESCENDING")

    with pytest.raises(exceptions.FailedPrecondition) as refused:
        ids(query(db))
    row = json.loads(refused.value.message.partition("firestore.indexes.json: ")[2])
    path = tmp_path / "more.json"
    path.write_text(json.dumps({"indexes": [row]}))
    better = client(Engine(None, clock, path), "p")
    fill(better, 6)
    assert ids(query(better)) == ["r000004", "r000002", "r000000"]


def test_a_collection_group_needs_indexes_of_its_own(db: firestore.Client) -> None:
    fill(db, 300)
    db.document("tenants/u/runs/other").set({"state": "open", "created": 1, "wake_at": -1})
    group = db.collection_group("runs")
    assert ids(group.order_by("wake_at").limit(2)) == ["other", "r000000"]
    assert ids(where(group, "wake_at", "<=", 0)) == ["other", "r000000"]
    assert ids(where(group, "state", "==", "open").order_by("created")) == ["r000000", "other", "r000100", "r000200"]
    with pytest.raises(exceptions.FailedPrecondition, match="COLLECTION_GROUP"):
        ids(where(group, "created", ">", 1))
    with pytest.raises(exceptions.FailedPrecondition, match="COLLECTION_GROUP"):
        ids(where(group, "even", "==", True))


def test_a_sum_over_a_condition_needs_an_index_with_the_field(db: firestore.Client) -> None:
    runs = fill(db, 200)
    assert where(runs, "state", "==", "open").sum("created").get()[0][0].value == 100
    with pytest.raises(exceptions.FailedPrecondition):
        where(runs, "even", "==", True).sum("created").get()


def test_queries_touch_few_rows_however_many_there_are(clock: ManualClock, indexes: Path) -> None:
    engine = Engine(None, clock, indexes)
    runs = fill(client(engine, "p"), 6000)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    engine._store._db.set_progress_handler(step, 100)
    for query in (
        where(runs, "state", "==", "none").limit(1),
        where(runs, "state", "==", "done").limit(1),
        where(runs, "state", "==", "done").order_by("created", direction="DESCENDING").limit(10),
        where(runs, "state", "==", "done").order_by("created").start_after({"created": 3000}).limit(10),
        runs.order_by("created", direction="DESCENDING").limit(10),
        where(runs, "created", ">", 5990),
        runs.order_by("__name__").start_after({"__name__": runs.document("r003000")}).limit(10),
        where(runs, "tags", "array_contains", "all").limit(3),
    ):
        steps = 0
        ids(query)
        assert steps <= 10, query._to_protobuf()  # a thousand steps of SQLite; reading 6,000 rows takes fifty times that


# --- what is kept


def test_everything_is_there_again_when_the_file_is_opened_again(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "cloud" / "firestore.sqlite"
    first = client(Engine(path, clock), "p")
    written = fill(first, 10).document("r000003").update({"n": 1}).update_time
    again = client(Engine(path, clock), "p")  # the first is abandoned, not closed
    runs = again.collection("tenants/t/runs")
    assert len(ids(runs)) == 10
    assert ids(where(runs, "n", "==", 1)) == ["r000003"]
    assert runs.document("r000003").get().update_time == written
    assert runs.document("new").set({}).update_time > written


def test_an_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "firestore.sqlite"
    script = (
        "import sys, pathlib, time\n"
        "from emulators.firestore.engine import Engine\n"
        "from emulators.firestore.inprocess import client\n"
        "db = client(Engine(pathlib.Path(sys.argv[1]), time.time), 'p')\n"
        "n = 0\n"
        "while True:\n"
        "    db.document(f'rows/d{n}').set({'n': n}); print(n, flush=True); n += 1\n"
    )
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    kept = {s.get("n") for s in client(Engine(path, ManualClock()), "p").collection("rows").stream()}
    assert kept >= set(acknowledged)


def test_a_changed_index_file_takes_effect_on_what_is_already_stored(tmp_path: Path, clock: ManualClock, indexes: Path) -> None:
    path = tmp_path / "firestore.sqlite"
    fill(client(Engine(path, clock), "p"), 200)
    runs = client(Engine(path, clock, indexes), "p").collection("tenants/t/runs")
    assert ids(where(runs, "state", "==", "open").order_by("created", direction="DESCENDING")) == ["r000100", "r000000"]


def test_reset_forgets_everything(clock: ManualClock, indexes: Path) -> None:
    engine = Engine(None, clock, indexes)
    db = client(engine, "p")
    runs = fill(db, 5)
    engine.reset()
    assert ids(runs) == [] == list(db.collections())
    fill(db, 2)
    assert ids(where(runs, "state", "==", "open").order_by("created")) == ["r000000"]


def test_a_refused_commit_leaves_the_indexes_as_they_were(db: firestore.Client) -> None:
    batch = db.batch()
    batch.set(db.document("rows/a"), {"fresh": 1})
    batch.update(db.document("rows/none"), {"fresh": 1})
    with pytest.raises(exceptions.NotFound):
        batch.commit()
    db.document("rows/b").set({"other": 1})
    db.document("rows/c").set({"fresh": 1})
    assert ids(where(db.collection("rows"), "fresh", "==", 1)) == ["c"]


def test_update_times_grow_while_the_clock_stands_still(db: firestore.Client) -> None:
    times = [db.document("rows/a").set({"n": n}).update_time for n in range(5)]
    assert times == sorted(set(times))


def test_a_request_over_10_mib_is_refused(db: firestore.Client) -> None:
    batch = db.batch()
    for n in range(12):
        batch.set(db.document(f"rows/d{n}"), {"text": "x" * 1_000_000})
    with pytest.raises(exceptions.InvalidArgument, match="payload size"):
        batch.commit()


# --- transactions


def test_a_transaction_that_read_what_changed_is_aborted_and_its_retry_succeeds(db: firestore.Client) -> None:
    ref = db.document("rows/a")
    ref.set({"n": 0})
    attempts = []

    @firestore.transactional
    def add(transaction: firestore.Transaction) -> None:
        n = ref.get(transaction=transaction).get("n")
        attempts.append(n)
        if len(attempts) == 1:
            ref.set({"n": 10})
        transaction.update(ref, {"n": n + 1})

    add(db.transaction())
    assert attempts == [0, 10]
    assert ref.get().get("n") == 11


@pytest.mark.parametrize("change", ["another", "a"])
def test_a_transaction_is_aborted_when_a_query_it_made_would_now_answer_otherwise(db: firestore.Client, change: str) -> None:
    rows = db.collection("rows")
    rows.document("a").set({"open": True})
    transaction = db.transaction()
    transaction._begin()
    assert len(list(where(rows, "open", "==", True).stream(transaction=transaction))) == 1
    rows.document(change).set({"open": True, "n": 1})
    transaction.set(rows.document("closed"), {})
    with pytest.raises(exceptions.Aborted):
        transaction._commit()
    assert not rows.document("closed").get().exists


@pytest.mark.parametrize(("steps", "alive"), [([59], True), ([61], False), ([50] * 5, True), ([50] * 6, False)])
def test_a_transaction_ends_when_idle_or_old(db: firestore.Client, clock: ManualClock, steps: list[int], alive: bool) -> None:
    transaction = db.transaction()
    transaction._begin()

    def use() -> None:
        for seconds in steps:
            clock.advance(seconds)
            db.document("rows/a").get(transaction=transaction)

    if alive:
        use()
    else:
        with pytest.raises(exceptions.InvalidArgument, match="expired or is no longer valid"):
            use()


# --- over the wire


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def served(faults: Faults) -> Iterator[firestore.Client]:
    server = serve(Engine(None, MovableClock()), faults)
    with mock.patch.dict(os.environ, {"FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{server.port}"}):
        made = firestore.Client(project="p")
        assert made._firestore_api is not None
    yield made
    server.stop()


def test_transactions_fighting_for_one_document_all_succeed(served: firestore.Client) -> None:
    ref = served.document("rows/hot")
    ref.set({"n": 0})

    @firestore.transactional
    def add(transaction: firestore.Transaction) -> None:
        transaction.update(ref, {"n": ref.get(transaction=transaction).get("n") + 1})

    gate = threading.Barrier(8)

    def work(_: int) -> None:
        gate.wait()
        for _ in range(10):
            add(served.transaction(max_attempts=10))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert ref.get().get("n") == 80


def test_ordered_failures_strike_before_or_after_the_operation(served: firestore.Client, faults: Faults) -> None:
    faults.order(Fault("firestore.Commit", "fail", status=403))
    with pytest.raises(exceptions.PermissionDenied):
        served.document("rows/a").set({})
    assert not served.document("rows/a").get().exists
    faults.order(Fault("firestore.Commit", "fail_after", status=500))
    with pytest.raises(exceptions.InternalServerError):
        served.document("rows/b").set({})
    assert served.document("rows/b").get().exists
    faults.order(Fault("firestore.Commit", "fail", status=503))
    served.document("rows/c").set({})  # the client tries again by itself
    assert [s.id for s in served.collection("rows").stream()] == ["b", "c"]


def test_what_the_product_does_not_call_is_unimplemented(db: firestore.Client, served: firestore.Client) -> None:
    for each in (db, served):
        with pytest.raises(exceptions.MethodNotImplemented):
            list(each.collection_group("rows").get_partitions(3))
        with pytest.raises(exceptions.MethodNotImplemented):
            each.document("rows/a").get(read_time=each.document("rows/a").set({}).update_time)
