"""A file opened with other indexes than it was written with: its entries are those of the new ones, without needless work."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from emulators.clock import ManualClock
from emulators.firestore.engine import Engine
from emulators.firestore.inprocess import client

BY_STATE = {
    "collectionGroup": "runs",
    "queryScope": "COLLECTION",
    "fields": [{"fieldPath": "state", "order": "ASCENDING"}, {"fieldPath": "created", "order": "DESCENDING"}],
}
ANYWHERE = {
    **BY_STATE,
    "queryScope": "COLLECTION_GROUP",
    "fields": [*BY_STATE["fields"], {"fieldPath": "n", "order": "ASCENDING"}],
}
OTHERS = {**BY_STATE, "collectionGroup": "videos"}
LONE = {**BY_STATE, "fields": [{"fieldPath": "created", "order": "ASCENDING"}]}
UNINDEXED = {"collectionGroup": "runs", "fieldPath": "n", "indexes": []}
WHOLE = {
    "collectionGroup": "runs",
    "fieldPath": "created",
    "indexes": [{"order": "ASCENDING", "queryScope": one} for one in ("COLLECTION", "COLLECTION_GROUP")],
}
DECLARED: dict[str, dict[str, Any] | None] = {
    "none enforced": None,
    "nothing": {},
    "two": {"indexes": [BY_STATE, OTHERS]},
    "others": {"indexes": [ANYWHERE, OTHERS]},
    "lone": {"indexes": [LONE, OTHERS]},
    "fields": {"indexes": [OTHERS], "fieldOverrides": [UNINDEXED, WHOLE]},
    "all": {"indexes": [BY_STATE, ANYWHERE, OTHERS], "fieldOverrides": [WHOLE]},
}


def opened(path: Path, declared: dict[str, Any] | None) -> Engine:
    if declared is None:
        return Engine(path, ManualClock())
    indexes = path.with_suffix(".json")
    indexes.write_text(json.dumps(declared))
    return Engine(path, ManualClock(), indexes)


def written(path: Path, declared: dict[str, Any] | None, count: int = 30) -> Path:
    engine = opened(path, declared)
    db = client(engine, "p")
    for start in range(0, count, 400):
        batch = db.batch()
        for n in range(start, min(start + 400, count)):
            batch.set(db.document(f"tenants/t{n % 2}/runs/r{n:05}"), {"state": f"s{n % 3}", "created": n, "n": [n, "all"]})
        batch.commit()
    db.document("tenants/t/videos/v").set({"state": "ready", "created": 1})
    engine.close()
    return path


def entries(path: Path) -> set[tuple[Any, ...]]:
    """Which bytes lead to which document in which index, without the numbers the file gave them."""
    db = sqlite3.connect(path)
    found = db.execute(
        "SELECT CASE WHEN e.scope > 0 THEN c.path ELSE g.name END, x.key, e.value, d.data FROM entries e "
        "JOIN definitions x ON x.id = e.definition JOIN documents d ON d.id = e.document "
        "LEFT JOIN collections c ON c.id = e.scope LEFT JOIN groups g ON g.id = -e.scope"
    ).fetchall()
    [whole] = db.execute("SELECT count(*) FROM entries").fetchone()
    db.close()
    assert len(found) == whole
    return {row[:3] for row in found}


def reopened(path: Path, declared: dict[str, Any] | None) -> None:
    opened(path, declared).close()


def refuse(path: Path, documents: str) -> None:
    """The disk takes no entry of these documents, neither in nor out."""
    db = sqlite3.connect(path)
    for verb, row in (("INSERT", "NEW"), ("DELETE", "OLD")):
        db.execute(
            f"CREATE TRIGGER refuse_{verb} BEFORE {verb} ON entries WHEN {row}.document {documents} "
            "BEGIN SELECT RAISE(ABORT, 'the disk refuses'); END"
        )
    db.commit()
    db.close()


def allow(path: Path) -> None:
    db = sqlite3.connect(path)
    for verb in ("INSERT", "DELETE"):
        db.execute(f"DROP TRIGGER refuse_{verb}")
    db.commit()
    db.close()


@pytest.mark.parametrize("after", DECLARED)
@pytest.mark.parametrize("before", DECLARED)
def test_a_file_has_the_entries_of_the_indexes_it_is_opened_with(tmp_path: Path, before: str, after: str) -> None:
    moved, fresh = written(tmp_path / "moved.sqlite", DECLARED[before]), written(tmp_path / "fresh.sqlite", DECLARED[after])
    reopened(moved, DECLARED[after])
    assert entries(moved) == entries(fresh)


def test_documents_of_collections_whose_indexes_stay_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "a.sqlite", DECLARED["two"])
    refuse(path, "<= 30")  # the runs
    reopened(path, {"indexes": [BY_STATE]})
    with pytest.raises(sqlite3.IntegrityError, match="the disk refuses"):
        reopened(path, DECLARED["nothing"])


def test_a_start_that_was_interrupted_goes_on_from_where_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "a.sqlite", DECLARED["two"], count=1_200)
    refuse(path, "= 700")
    with pytest.raises(sqlite3.IntegrityError):
        reopened(path, DECLARED["others"])
    allow(path)
    refuse(path, "<= 500")  # those done are not done again
    reopened(path, DECLARED["others"])
    allow(path)
    assert entries(path) == entries(written(tmp_path / "b.sqlite", DECLARED["others"], count=1_200))


@pytest.mark.parametrize("then", ["two", "fields"])
def test_indexes_declared_anew_after_an_interruption_are_the_ones_that_count(tmp_path: Path, then: str) -> None:
    path = written(tmp_path / "a.sqlite", DECLARED["two"], count=1_200)
    refuse(path, "= 700")
    with pytest.raises(sqlite3.IntegrityError):
        reopened(path, DECLARED["others"])
    allow(path)
    reopened(path, DECLARED[then])
    assert entries(path) == entries(written(tmp_path / "b.sqlite", DECLARED[then], count=1_200))


def test_a_file_that_does_not_say_its_indexes_is_written_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "a.sqlite", DECLARED["two"])
    db = sqlite3.connect(path)
    db.execute("DELETE FROM meta WHERE key = 'indexes'")
    db.commit()
    db.close()
    reopened(path, DECLARED["all"])
    assert entries(path) == entries(written(tmp_path / "b.sqlite", DECLARED["all"]))
