"""A browser for the console's tests: found, got by the system's packages, or done without; never waited for without end."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra import chromium
from infra.manifests import ROOT


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no programs but those that a test puts into the folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def no_command(command: list[str], seconds: float) -> bool:
    raise AssertionError(f"{command} was called")


def test_one_that_is_there_is_taken_and_nothing_is_installed(empty: Path) -> None:
    program(empty, "google-chrome", "exit 0")
    assert chromium.get(no_command) == str(empty / "google-chrome")


def test_the_systems_packages_are_asked_with_what_is_known_though_the_mirrors_list_cannot_be_had(empty: Path) -> None:
    program(empty, "sudo", '[ "$1" = -n ] && shift; exec "$@"')
    program(
        empty,
        "apt-get",
        f'case "$*" in *update) exit 100;; *chromium) echo > {empty}/chromium; /bin/chmod +x {empty}/chromium;; esac',
    )
    assert chromium.get(chromium._run) == str(empty / "chromium")


def test_where_none_is_to_be_had_the_answer_is_none(empty: Path) -> None:
    asked: list[str] = []

    def fails(command: list[str], seconds: float) -> bool:
        assert 0 < seconds <= 180
        asked.append(" ".join(command))
        return False

    program(empty, "sudo", "exit 1")
    program(empty, "apt-get", "exit 1")
    assert chromium.get(fails) is None
    assert [one.rpartition(" ")[2] for one in asked] == ["update", "chromium", "chromium"] and "playwright" in asked[-1]


def test_a_mirror_that_hangs_is_left_with_all_that_it_started(empty: Path) -> None:
    program(empty, "hangs", "/bin/sleep 600 & wait")
    assert chromium._run([str(empty / "hangs")], 0.2) is False


def test_the_command_says_in_a_word_what_it_found(empty: Path) -> None:
    program(empty, "chromium", "exit 0")
    done = subprocess.run([sys.executable, "-m", "infra.chromium"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"Chromium: {empty / 'chromium'}\n"
