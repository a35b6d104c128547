"""What the site holds of the machine's memory after a minute at rest: proportional set size of all its processes."""

import time
from pathlib import Path

from bench.figure import Figure
from bench.site import fresh
from demo.tour import Tour

_REST_SECONDS = 60.0


def run() -> list[Figure]:
    with fresh() as site:
        time.sleep(_REST_SECONDS)
        sizes = {role: megabytes(pid) for role, pid in site.processes().items()}
        api = site.api()
        try:
            Tour(api, lambda _: None, lambda _: None).take(site.data_dir / "film.mp4")
        finally:
            api.close()
        time.sleep(_REST_SECONDS)
        used = sum(megabytes(pid) for pid in site.processes().values())
    whole = Figure("memory of the whole site, a minute at rest", sum(sizes.values()), "MB", "< 700")
    parts = [Figure(f"  {role}", size, "MB") for role, size in sorted(sizes.items())]
    return [whole, *parts, Figure("  the whole, a minute after a run (models still loaded)", used, "MB")]


def megabytes(pid: int) -> float:
    """Shared pages are counted in parts, so the sum over processes is what they cost together."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
