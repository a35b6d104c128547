"""Writes the locked requirements from what is installed: `python -m infra.lock`.

`lock.txt` is the run time and the local cloud, `test.txt` the tools on top of it. Distributions that carry a model and would
drag in torch are pinned in `nodeps.txt`, written by hand, and installed without what they ask for.
"""

import importlib.metadata as metadata
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
HEAD = "# Written by `python -m infra.lock` from the versions the tests ran with.\n"


class NotInstalled(Exception):
    """A distribution that the project asks for is absent, so there is no version to lock."""


def closure(requirements: Iterable[str]) -> dict[str, str]:
    """Name → version of everything the requirements need here, themselves included."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(text) for text in requirements]
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            installed = metadata.distribution(wanted.name)
        except metadata.PackageNotFoundError as missing:
            raise NotInstalled(f"{wanted.name} is not installed") from missing
        found[key[0]] = installed.version
        todo.extend(_needs(installed, wanted.extras))
    return found


def _needs(installed: metadata.Distribution, extras: Iterable[str]) -> Iterable[Requirement]:
    for text in installed.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def pins(path: Path) -> dict[str, str]:
    """Name → version of a locked file."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


def write() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    run_time = closure([*project["dependencies"], *extras["local"]])
    test = {name: version for name, version in closure([*extras["test"], *extras["telemetry"]]).items() if name not in run_time}
    for file_name, locked in (("lock.txt", run_time), ("test.txt", test)):
        lines = "".join(f"{name}=={version}\n" for name, version in sorted(locked.items()))
        (FOLDER / file_name).write_text(HEAD + lines)


if __name__ == "__main__":
    write()
