"""Buckets: their names, their settings, and when they may go."""

import json
import re
import sqlite3
from dataclasses import dataclass, replace
from typing import Any

from .errors import Resource, conflict, invalid, no_such_bucket, unimplemented
from .preconditions import Preconditions
from .state import State, rfc3339

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
SETTINGS = {
    "cors", "lifecycle", "labels", "iamConfiguration", "location", "storageClass", "versioning", "softDeletePolicy",
    "defaultEventBasedHold", "website", "logging", "encryption", "billing", "retentionPolicy", "autoclass",
    "hierarchicalNamespace",
}  # fmt: skip


@dataclass(frozen=True)
class Bucket:
    """A bucket as stored; `settings` holds the writable part of its resource."""

    name: str
    project: str
    metageneration: int
    created: float
    updated: float
    settings: dict[str, Any]

    @property
    def generation(self) -> int:
        return int(self.created * 1_000_000)

    def resource(self, base: str) -> Resource:
        defaults = {"location": "US", "storageClass": "STANDARD", "locationType": "multi-region"}
        return {
            **defaults,
            **self.settings,
            "kind": "storage#bucket",
            "id": self.name,
            "name": self.name,
            "selfLink": f"{base}/storage/v1/b/{self.name}",
            "projectNumber": "0",
            "metageneration": str(self.metageneration),
            "etag": f"CA{self.metageneration}=",
            "timeCreated": rfc3339(self.created),
            "updated": rfc3339(self.updated),
        }


class Buckets:
    """All of them, ordered by name."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, project: str, body: Resource) -> Bucket:
        name = body.get("name")
        _check_name(name)
        now = self._state.clock()
        bucket = Bucket(str(name), project, 1, now, now, _merged({}, body))
        with self._state.writing() as db:
            if self.find(db, bucket.name) is not None:
                raise conflict(f"The bucket {name} exists already.", "BucketAlreadyOwnedByYou")
            _store(db, bucket)
        return bucket

    def get(self, name: str, conditions: Preconditions | None = None) -> Bucket:
        with self._state.reading() as db:
            bucket = self.require(db, name)
        (conditions or Preconditions()).check(bucket, reading=True)
        return bucket

    def page(self, project: str, prefix: str, after: str, limit: int) -> tuple[list[Bucket], str | None]:
        """Up to `limit` buckets behind the name `after`, and the name to go on from if there are more."""
        with self._state.reading() as db:
            rows = db.execute(
                "SELECT * FROM buckets WHERE name > ? AND substr(name, 1, ?) = ? AND (project = ? OR ? = '')"
                " ORDER BY name LIMIT ?",
                (after, len(prefix), prefix, project, project, limit + 1),
            ).fetchall()
        found = [_load(row) for row in rows[:limit]]
        return found, found[-1].name if len(rows) > limit else None

    def patch(self, name: str, body: Resource, conditions: Preconditions) -> Bucket:
        with self._state.writing() as db:
            bucket = self.require(db, name)
            conditions.check(bucket)
            changed = replace(
                bucket,
                settings=_merged(bucket.settings, body),
                metageneration=bucket.metageneration + 1,
                updated=self._state.clock(),
            )
            _store(db, changed)
        return changed

    def delete(self, name: str, conditions: Preconditions) -> None:
        with self._state.writing() as db:
            conditions.check(self.require(db, name))
            if db.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,)).fetchone():
                raise conflict(f"The bucket {name} is not empty.", "BucketNotEmpty")
            db.execute("DELETE FROM notifications WHERE bucket = ?", (name,))
            db.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def find(self, db: sqlite3.Connection, name: str) -> Bucket | None:
        row = db.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
        return None if row is None else _load(row)

    def require(self, db: sqlite3.Connection, name: str) -> Bucket:
        bucket = self.find(db, name)
        if bucket is None:
            raise no_such_bucket(name)
        return bucket


def _load(row: tuple[Any, ...]) -> Bucket:
    values: list[Any] = [*row[:5], json.loads(row[5])]
    return Bucket(*values)


def _store(db: sqlite3.Connection, bucket: Bucket) -> None:
    settings = json.dumps(bucket.settings)
    values = (bucket.name, bucket.project, bucket.metageneration, bucket.created, bucket.updated, settings)
    db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?)", values)


def _merged(settings: dict[str, Any], body: Resource) -> dict[str, Any]:
    """Settings after a patch: named ones replace, `null` removes, what is not writable is left alone."""
    versioning = body.get("versioning")
    if isinstance(versioning, dict) and versioning.get("enabled"):
        raise unimplemented("object versioning: an overwritten object is gone")
    named = {key: value for key, value in body.items() if key in SETTINGS}
    rules = named.get("cors") or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise invalid("cors must be a list of rules.")
    return {key: value for key, value in {**settings, **named}.items() if value is not None}


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name) or IP_ADDRESS.fullmatch(name):
        raise invalid(f"Invalid bucket name: {name!r}", "InvalidBucketName")
    parts_fit = all(0 < len(part) <= 63 for part in name.split("."))
    if not parts_fit or name.startswith("goog") or "google" in name:
        raise invalid(f"Invalid bucket name: {name!r}", "InvalidBucketName")
