"""The functions' own descriptions, `function.yaml`, checked and typed: for the packager, the local runner and the tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILE = "function.yaml"


class BadManifest(Exception):
    """Says which file is wrong, where, and why."""


@dataclass(frozen=True)
class Http:
    """Woken by requests for these paths below /api/v2, and for those below the host itself."""

    paths: tuple[str, ...]
    root_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Queue:
    """Woken by tasks; backoffs in seconds."""

    max_dispatches_per_second: float
    max_concurrent_dispatches: int
    min_backoff: float
    max_backoff: float
    shards: int = 0


@dataclass(frozen=True)
class Topic:
    """Woken by a push subscription of its own."""

    name: str
    dead_letter: bool = True
    filter: str = ""


@dataclass(frozen=True)
class Schedule:
    """Woken by the clock; cron in UTC."""

    cron: str


Trigger = Http | Queue | Topic | Schedule


@dataclass(frozen=True)
class Manifest:
    """One function. `timeout` in seconds; `folder` is where its main.py lies."""

    name: str
    description: str
    entry_point: str
    triggers: tuple[Trigger, ...]
    memory: str
    cpu: float
    timeout: float
    concurrency: int
    min_instances: int
    max_instances: int
    env: tuple[str, ...]
    secrets: tuple[str, ...]
    extras: tuple[str, ...]
    roles: tuple[str, ...]
    folder: Path

    @property
    def group(self) -> Literal["api", "pipeline"]:
        """An endpoint family or a stage."""
        return "api" if self.folder.parent.name == "api" else "pipeline"

    @property
    def package(self) -> str:
        """Its Python package, as `functions.api.indexes`."""
        return f"functions.{self.group}.{self.folder.name}"

    @property
    def module(self) -> str:
        return f"{self.package}.main"

    def queues(self) -> Iterator[tuple[str, Queue]]:
        """Names of the queues that wake it."""
        for trigger in self.triggers:
            if isinstance(trigger, Queue):
                names = [f"{self.name}-{n}" for n in range(trigger.shards)] if trigger.shards else [self.name]
                yield from ((name, trigger) for name in names)

    def topics(self) -> Iterator[Topic]:
        yield from (trigger for trigger in self.triggers if isinstance(trigger, Topic))

    def schedules(self) -> Iterator[Schedule]:
        yield from (trigger for trigger in self.triggers if isinstance(trigger, Schedule))


def load_manifests(root: Path = ROOT) -> list[Manifest]:
    """Every function of the tree, by name. Raises `BadManifest` for the first wrong file."""
    files = sorted((root / "functions").glob(f"*/*/{FILE}"))
    return sorted((load_manifest(file) for file in files), key=lambda manifest: manifest.name)


def load_manifest(file: Path) -> Manifest:
    text = file.read_text()
    try:
        wire = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadManifest(f"{file}: {error}") from error
    for fault in _validator().iter_errors(wire):
        where = "/".join(str(step) for step in fault.instance_path) or "the whole"
        raise BadManifest(f"{file}: {where}: {fault.message}")
    if wire["name"].replace("-", "_") != file.parent.name:
        raise BadManifest(f"{file}: the name {wire['name']!r} is not the folder's")
    return _typed(wire, file.parent)


def _typed(wire: dict[str, Any], folder: Path) -> Manifest:
    triggers = wire["trigger"] if isinstance(wire["trigger"], list) else [wire["trigger"]]
    return Manifest(
        name=wire["name"],
        description=" ".join(wire["description"].split()),
        entry_point=wire["entry_point"],
        triggers=tuple(_trigger(trigger) for trigger in triggers),
        memory=wire["memory"],
        cpu=wire["cpu"],
        timeout=_seconds(wire["timeout"]),
        concurrency=wire["concurrency"],
        min_instances=wire.get("min_instances", 0),
        max_instances=wire.get("max_instances", 20),
        env=tuple(wire["env"]),
        secrets=tuple(wire.get("secrets", ())),
        extras=tuple(wire.get("extras", ())),
        roles=tuple(wire["roles"]),
        folder=folder,
    )


def _trigger(wire: dict[str, Any]) -> Trigger:
    ((kind, said),) = wire.items()
    if kind == "http":
        return Http(tuple(said.get("paths", ())), tuple(said.get("root_paths", ())))
    if kind == "topic":
        return Topic(said["name"], said.get("dead_letter", True), said.get("filter", ""))
    if kind == "schedule":
        return Schedule(said)
    return Queue(
        said["max_dispatches_per_second"],
        said["max_concurrent_dispatches"],
        _seconds(said["min_backoff"]),
        _seconds(said["max_backoff"]),
        said.get("shards", 0),
    )


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@cache
def _validator() -> jsonschema_rs.Validator:
    schema = json.loads((Path(__file__).parent / "function.schema.json").read_text())
    return jsonschema_rs.validator_for(schema)
