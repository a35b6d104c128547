"""Whatever the platform does to the stages, the rules of the pipeline hold.

Two thousand seeds, dealt out over a few processes; `make simulate` plays a hundred thousand. A seed that breaks a rule is named,
and `python -m tests.simulation --seed N` plays it again, call by call.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEEDS, HANDS = 2_000, 8
MINUTES = 10  # for one hand; far more than it takes


def played(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 * MINUTES)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("hand", range(HANDS))
def test_no_seed_breaks_a_rule(hand: int) -> None:
    each = SEEDS // HANDS
    code, said, wrong = played("--json", "--seeds", f"{hand * each}:{(hand + 1) * each}")
    assert code == 0, wrong
    assert json.loads(said.splitlines()[-1])["played"] == each


def test_a_seed_is_played_again_exactly() -> None:
    first, second = played("--seed", "6"), played("--seed", "6")
    assert first == second
    assert "process-segment" in first[1]
