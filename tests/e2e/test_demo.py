"""`make demo` is a test of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.manifests import ROOT
from tests.e2e.stack import Stack, free_port


def demo(port: int, data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo", "--json", "--port", str(port), "--data-dir", str(data_dir)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=os.environ)


@pytest.mark.long
def test_the_demo_visits_a_site_that_runs_and_finds_everything(stack: Stack) -> None:
    done = demo(stack.port, stack.data_dir)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["run"]["status"] == "completed"
    assert len(found["results"]) >= 4
    assert stack.process.poll() is None


def test_the_demo_says_what_stands_in_its_way(stack: Stack, tmp_path: Path) -> None:
    done = demo(stack.port, tmp_path / "elsewhere")
    assert done.returncode == 1
    assert "another PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_the_demo_starts_a_site_where_there_is_none_and_stops_it(tmp_path: Path) -> None:
    done = demo(free_port(), tmp_path / "fresh")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complaints"] == []
