"""Plays seeds: `python -m tests.simulation --seeds 0:2000`, or one again with all it did: `--seed 17`.

Exits 1 if a rule was broken, after naming the seeds that broke it.
"""

import argparse
import contextlib
import gc
import io
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.simulation.play import Clean

HASHES = "0"  # sets of strings must be walked in the same order in every process
SWEPT = 100  # plays between two sweeps of the garbage
DOOMS = ("die_before", "die_after", "outlive_index", "outlive_media")
MEMORY = Path("/dev/shm")  # where there is one, a seed's few files need no disk


class Wanted(NamedTuple):
    """A play: of a seed as it comes, or (`clean`) without faults but for the call that meets its doom, if any."""

    seed: int
    clean: bool = False
    doom: tuple[int, str] | None = None


def main() -> None:
    said = _arguments()
    if os.environ.get("PYTHONHASHSEED") != HASHES:
        _start_again()
    if said.seed is not None:
        from tests.simulation.play import Clean

        wrong, trace, _ = play(said.seed, Clean(said.doom) if said.doom else None)
        print("\n".join(trace))
        _end(said, 1, {f"--seed {said.seed}": wrong} if wrong else {})
    wanted = list(crash_points(*said.crashes) if said.crashes else map(Wanted, range(*said.seeds)))
    broken: dict[str, list[str]] = {}
    played = 0
    for one, wrong in _progress(said, _all(wanted, said.hands), len(wanted)):
        played += 1
        if wrong:
            name = f"--seed {one.seed}" + (f" --doom {one.doom[0]}:{one.doom[1]}" if one.doom else "")
            broken[name] = wrong
            print(f"\n{name}:\n  " + "\n  ".join(wrong), file=sys.stderr, flush=True)
            if len(broken) >= said.most:
                break
    _end(said, played, broken)


def _start_again() -> None:
    places = {"TMPDIR": str(MEMORY)} if MEMORY.is_dir() else {}
    command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
    os.execve(sys.executable, command, {**places, **os.environ, "PYTHONHASHSEED": HASHES})


def _end(said: argparse.Namespace, played: int, broken: dict[str, list[str]]) -> None:
    if said.json:
        print(json.dumps({"played": played, "broken": broken}))
    elif not broken:
        print(f"{played} plays, no rule broken")
    else:
        print(f"broken; see one again with `python -m tests.simulation {min(broken)}`")
    raise SystemExit(1 if broken else 0)


def crash_points(seed: int, stride: int) -> Iterator[Wanted]:
    """The clean play of a seed, and those in which the worker dies before or after each call of it, or each STRIDEth."""
    from tests.simulation.play import Clean

    _, _, calls = play(seed, Clean())
    yield Wanted(seed, clean=True)
    for number, fate in itertools.product(range(1 + stride // 2, calls + 1, stride), DOOMS):
        yield Wanted(seed, clean=True, doom=(number, fate))


def _all(wanted: list[Wanted], hands: int) -> Iterator[tuple[Wanted, list[str]]]:
    """Each play with the rules it broke, as they end, by so many processes at once."""
    import tests.simulation.play  # noqa: F401 - once, before there are many processes

    with multiprocessing.get_context("fork").Pool(min(hands, len(wanted))) as pool:
        yield from pool.imap_unordered(_one, wanted)


def _one(wanted: Wanted) -> tuple[Wanted, list[str]]:
    from tests.simulation.play import Clean

    if next(_played) % SWEPT == 1:
        _sweep()
    return wanted, play(wanted.seed, Clean(wanted.doom) if wanted.clean else None)[0]


_played = itertools.count()


def _sweep() -> None:
    """Garbage of the seeds played, once in a while: to look through all that was imported costs more than a seed."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.disable()


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


def _progress(
    said: argparse.Namespace, plays: Iterable[tuple[Wanted, list[str]]], total: int
) -> Iterable[tuple[Wanted, list[str]]]:
    if said.json or not sys.stderr.isatty():
        return plays
    from rich.progress import track

    return track(plays, description="plays", total=total)


def _arguments() -> argparse.Namespace:
    def span(text: str) -> tuple[int, int]:
        low, _, high = text.partition(":")
        return int(low), int(high)

    def doom(text: str) -> tuple[int, str]:
        number, _, fate = text.partition(":")
        if fate not in DOOMS:
            raise argparse.ArgumentTypeError(f"a fate is one of {', '.join(DOOMS)}")
        return int(number), fate

    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=span, default=(0, 200), metavar="FROM:TO")
    parser.add_argument("--seed", type=int, help="one, with all that happened")
    parser.add_argument("--doom", type=doom, metavar="CALL:FATE", help="with --seed: its clean play, but for this")
    parser.add_argument("--crashes", type=span, metavar="SEED:STRIDE", help="doom at every STRIDEth call of a clean play")
    parser.add_argument("--hands", type=int, default=os.cpu_count() or 1, help="processes that play at once")
    parser.add_argument("--most", type=int, default=5, help="stop after so many broken seeds")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
