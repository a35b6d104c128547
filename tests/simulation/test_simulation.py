"""Whatever the platform does to the stages, the rules of the pipeline hold.

Twenty seeds, two thousand with the long tests; `make simulate` plays a hundred thousand. One that breaks a rule is named, and
`python -m tests.simulation --seed N` plays it again, call by call.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import HASHES

ROOT = Path(__file__).parents[2]
MINUTES = 60  # for all of the long ones; far more than they take


def played(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tests.simulation", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 * MINUTES)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("first", "end"), [(0, 20), pytest.param(20, 2_000, marks=pytest.mark.long)])
def test_no_seed_breaks_a_rule(first: int, end: int) -> None:
    code, said, wrong = played("--seeds", f"{first}:{end}")
    assert code == 0, wrong
    assert json.loads(said.splitlines()[-1])["played"] == end - first


@pytest.mark.parametrize("stride", [280, pytest.param(1, marks=pytest.mark.long)])
def test_a_worker_that_dies_at_any_call_of_a_clean_play_breaks_no_rule(stride: int) -> None:
    """With every errand there is; the short profile dies at some of the calls, the long one at each."""
    code, _, wrong = played("--crashes", f"1:{stride}")
    assert code == 0, wrong


def test_a_seed_is_played_again_exactly_whatever_was_played_before() -> None:
    first = played("--seed", "6")
    assert "plan-run" in first[1]
    program = "from tests.simulation.__main__ import play; play(5); print('\\n'.join(play(6)[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": HASHES}
    later = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, env=environment)
    assert later.stdout.strip() and first[1].startswith(later.stdout.strip())
