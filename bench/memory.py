"""What the site holds of the machine's memory after a minute at rest: proportional set size of all its processes."""

import time
from pathlib import Path

from bench.figure import Figure
from bench.site import fresh

_REST_SECONDS = 60.0


def run() -> list[Figure]:
    with fresh() as site:
        time.sleep(_REST_SECONDS)
        sizes = {role: megabytes(pid) for role, pid in site.processes().items()}
    whole = Figure("memory of the whole site at rest", sum(sizes.values()), "MB", "< 700")
    return [whole, *(Figure(f"  {role}", size, "MB") for role, size in sorted(sizes.items()))]


def megabytes(pid: int) -> float:
    """Shared pages are counted in parts, so the sum over processes is what they cost together."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
