"""Our cut finder beside the PySceneDetect command: `python -m bench.cuts [--runs N] [--json] FILE...`

Both run as whole processes, start-up included, taking turns so that a busy machine is unfair to neither.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_OURS = """
import sys
from shared.media.cuts import find_cuts
with open(sys.argv[1], "rb") as film:
    for cut in find_cuts(film):
        print(f"{cut.time:.4f} {cut.kind}")
"""


def our_cuts(film: Path) -> tuple[float, list[tuple[float, str]]]:
    """Seconds taken, and (time, kind) of each cut."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _OURS, str(film)], env=environment, capture_output=True, text=True, check=True)
    taken = time.perf_counter() - begun
    rows = (line.split() for line in done.stdout.splitlines())
    return taken, [(float(at), kind) for at, kind in rows]


def their_cuts(film: Path) -> tuple[float, list[float]]:
    """The same for `scenedetect detect-adaptive`; its list is written to a file, as users have it."""
    command = Path(sys.executable).with_name("scenedetect")
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(command), "-q", "-i", str(film), "-o", folder, "detect-adaptive", "list-scenes"]
        begun = time.perf_counter()
        subprocess.run([*arguments, "-f", "scenes.csv", "-s"], capture_output=True, check=True)
        taken = time.perf_counter() - begun
        with (Path(folder) / "scenes.csv").open() as listed:
            scenes = list(csv.DictReader(listed))
    return taken, [float(scene["Start Time (seconds)"]) for scene in scenes[1:]]


def compare(film: Path, runs: int) -> dict[str, Any]:
    """Seconds and cuts of both over several runs; `ratio` is how many times faster ours is."""
    ours, theirs = [], []
    found: list[tuple[float, str]] = []
    listed: list[float] = []
    for _ in range(runs):
        taken, found = our_cuts(film)
        ours.append(taken)
        taken, listed = their_cuts(film)
        theirs.append(taken)
    return {
        "film": film.name,
        "runs": runs,
        "ours_seconds": {"min": min(ours), "median": statistics.median(ours)},
        "scenedetect_seconds": {"min": min(theirs), "median": statistics.median(theirs)},
        "ratio": {
            "min": min(theirs) / min(ours),
            "median": statistics.median(theirs) / statistics.median(ours),
        },
        "our_cuts": [{"time": at, "kind": kind} for at, kind in found],
        "scenedetect_cuts": listed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.cuts", description=__doc__)
    parser.add_argument("films", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    results = [compare(film, chosen.runs) for film in chosen.films]
    if chosen.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        ours, theirs, ratio = result["ours_seconds"], result["scenedetect_seconds"], result["ratio"]
        print(f"{result['film']}: {ratio['min']:.2f}x faster at best, {ratio['median']:.2f}x in the median")
        print(f"  ours        {ours['min']:.2f} s min, {ours['median']:.2f} s median")
        print(f"  scenedetect {theirs['min']:.2f} s min, {theirs['median']:.2f} s median")
        print("  our cuts        ", " ".join(f"{c['time']:.2f}({c['kind'][0]})" for c in result["our_cuts"]) or "none")
        print("  scenedetect cuts", " ".join(f"{at:.2f}" for at in result["scenedetect_cuts"]) or "none")


if __name__ == "__main__":
    main()
