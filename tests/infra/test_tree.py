"""What holds for the whole tree."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.lock import FOLDER, pins
from infra.manifests import ROOT

PACKAGES = ("functions", "shared", "emulators", "infra", "demo", "bench")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
LONGEST = 450


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert SOURCES
    assert [path for path in SOURCES if SAYS_NOTHING & {path.stem, *path.relative_to(ROOT).parts}] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_every_main_is_short() -> None:
    mains = [path for path in (ROOT / "functions").glob("*/*/main.py") if len(path.read_text().splitlines()) > 60]
    assert mains == []


def test_everything_the_project_asks_for_is_locked_to_a_version_it_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    run_time, test = pins(FOLDER / "lock.txt"), pins(FOLDER / "test.txt")
    for text in (*project["dependencies"], *extras["local"]):
        wanted = Requirement(text)
        assert wanted.specifier.contains(run_time[canonicalize_name(wanted.name)])
    for text in extras["test"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains({**run_time, **test}[canonicalize_name(wanted.name)])
    assert not run_time.keys() & test.keys()


def test_locked_files_name_versions_and_no_place_to_fetch_them_from() -> None:
    for path in FOLDER.glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert all(re.fullmatch(r"[a-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line, re.IGNORECASE) for line in lines), path
