"""Plays seeds: `python -m tests.simulation --seeds 0:2000`, or one again with all it did: `--seed 17`.

Exits 1 if a rule was broken, after naming the seeds that broke it.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.play import Clean

HASHES = "0"  # sets of strings must be walked in the same order in every process
SWEPT = 100  # seeds between two sweeps of the garbage


def main() -> None:
    said = _arguments()
    if os.environ.get("PYTHONHASHSEED") != HASHES:
        command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": HASHES})
    broken = crash(said) if said.crashes else {}
    for number, seed in enumerate(_progress(said)):
        if number % SWEPT == 1:
            _sweep()
        wrong, trace, _ = play(seed)
        if said.seed is not None:
            print("\n".join(trace))
        if wrong:
            broken[seed] = wrong
            print(f"\nseed {seed}:\n  " + "\n  ".join(wrong), file=sys.stderr, flush=True)
            if len(broken) >= said.most:
                break
    if said.crashes:
        raise SystemExit(1 if broken else 0)
    played = 1 if said.seed is not None else said.seeds[1] - said.seeds[0]
    if said.json:
        print(json.dumps({"played": played, "broken": broken}))
    elif not broken:
        print(f"{played} seeds, no rule broken")
    else:
        print(f"broken by seeds {sorted(broken)}; see one again with `python -m tests.simulation --seed {min(broken)}`")
    raise SystemExit(1 if broken else 0)


def _sweep() -> None:
    """Garbage of the seeds played, once in a while: to look through all that was imported costs more than a seed."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.disable()


def crash(said: argparse.Namespace) -> dict[int, list[str]]:
    """Kills the worker before and after each call of the clean play of a seed; the rules broken, by the number of the call."""
    from tests.simulation.play import Clean

    seed, stride = said.crashes
    wrong, _, calls = play(seed, Clean())
    broken: dict[int, list[str]] = {0: wrong} if wrong else {}
    for number in range(1 + stride // 2, calls + 1, stride):
        for fate in ("die_before", "die_after"):
            wrong = play(seed, Clean((number, fate)))[0]
            if wrong:
                broken[number] = [fate, *wrong]
                print(f"\ncall {number} of seed {seed}, {fate}:\n  " + "\n  ".join(wrong), file=sys.stderr, flush=True)
        if number % SWEPT < stride:
            _sweep()
    return broken


def play(seed: int, clean: "Clean | None" = None) -> tuple[list[str], list[str], int]:
    """The rules that the seed broke, all that happened, and how many calls workers made."""
    from tests.simulation.play import perform
    from tests.simulation.rules import violations

    quiet = contextlib.redirect_stderr(io.StringIO())  # the product's own log lines
    with quiet, tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        try:
            played = perform(seed, Path(folder), clean)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return ["".join(traceback.format_exception(error))], getattr(error, "trace", []), 0
        try:
            return violations(played), played.door.trace, played.door.calls
        finally:
            played.cloud.close()


def _progress(said: argparse.Namespace) -> Iterator[int]:
    if said.crashes:
        return iter(())
    if said.seed is not None:
        return iter([said.seed])
    seeds = range(*said.seeds)
    if said.json or not sys.stderr.isatty():
        return iter(seeds)
    from rich.progress import track

    return iter(track(seeds, description="seeds"))


def _arguments() -> argparse.Namespace:
    def span(text: str) -> tuple[int, int]:
        low, _, high = text.partition(":")
        return int(low), int(high)

    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=span, default=(0, 200), metavar="FROM:TO")
    parser.add_argument("--seed", type=int, help="one, with all that happened")
    parser.add_argument("--crashes", type=span, metavar="SEED:STRIDE", help="kill at every STRIDEth call of its clean play")
    parser.add_argument("--most", type=int, default=5, help="stop after so many broken seeds")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
