"""The cut finder beside PySceneDetect's command, on a film made by code."""

from bench.cuts import compare
from bench.figure import Figure
from bench.films import film

_RUNS = 3


def run() -> list[Figure]:
    result = compare(film(1, speech=False), _RUNS)
    return [
        Figure("finding cuts, times quicker than PySceneDetect", result["ratio"]["median"], "x", ">= 1.6"),
        Figure("  cuts that only one of the two found", _differing(result), "cuts"),
    ]


def _differing(result: dict) -> int:
    ours = [cut["time"] for cut in result["our_cuts"]]
    theirs = result["scenedetect_cuts"]
    alone = [at for at in ours if not any(abs(at - other) < 0.2 for other in theirs)]
    missed = [at for at in theirs if not any(abs(at - other) < 0.2 for other in ours)]
    return len(alone) + len(missed)
