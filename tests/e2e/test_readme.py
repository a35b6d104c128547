"""Every block of the README that a reader would paste, pasted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.manifests import ROOT
from tests.e2e.stack import SDKS, Stack

TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)


def _block(language: str, containing: str) -> str:
    [found] = [body for kind, body in BLOCKS if kind == language and containing in body]
    return found


def _reader(tmp_path: Path, stack: Stack) -> Path:
    """A folder that looks to the README's commands like the repository beside a running `make run`."""
    (tmp_path / ".local").symlink_to(stack.data_dir)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    return tmp_path


def _run(command: list[str], folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_the_curl_walk_works_as_pasted(tmp_path: Path, stack: Stack) -> None:
    script = _block("bash", "export BASE").replace("127.0.0.1:8080", f"127.0.0.1:{stack.port}")
    said = _run(["bash", "-eu", "-o", "pipefail", "-c", script], _reader(tmp_path, stack))
    assert "astronauts" in said.splitlines()[-1]


def test_the_sdk_example_works_as_pasted(tmp_path: Path, stack: Stack) -> None:
    folder = _reader(tmp_path, stack)
    _run([sys.executable, "-m", "demo.film", "sample.mp4"], folder)
    said = _run([sys.executable, "-c", _block("python", "VideoVector")], folder, PYTHONPATH=str(SDKS / "1.1.0"))
    assert "headline" in said and "apples" in said


def test_every_make_target_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", TEXT)) <= targets


def test_every_picture_the_readme_shows_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", TEXT):
        assert (ROOT / target).exists(), target
