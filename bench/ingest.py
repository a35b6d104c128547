"""From the first byte of a ten-minute 1080p film to a finished, searchable run: how many times quicker than watching it."""

import time
from pathlib import Path

import av

from bench.figure import Figure
from bench.films import film
from bench.site import fresh
from demo.api import Api
from demo.tour import PROMPT

_MINUTES = 10
_LONGEST = 3600.0


def run() -> list[Figure]:
    figures = []
    for speech, name, aim in ((False, "silent", ">= 6"), (True, "spoken", ">= 3")):
        path = film(_MINUTES, speech=speech)
        with fresh() as site:
            api = site.api()
            try:
                uploaded, segments, searchable = _ingest(api, path)
            finally:
                api.close()
        length = _seconds(path)
        figures += [
            Figure(f"{_MINUTES} min 1080p, {name}: to searchable, times real time", length / searchable, "x", aim),
            Figure(f"  upload of {path.stat().st_size / 1e6:.0f} MB", uploaded, "s"),
            Figure(f"  run over {segments} segments", searchable - uploaded, "s"),
        ]
    return figures


def _ingest(api: Api, path: Path) -> tuple[float, int, float]:
    """Seconds until uploaded, number of segments, seconds until a search finds the film."""
    index, prompt = api.index("Measured"), api.prompt(PROMPT)
    begun = time.perf_counter()
    video = api.upload(path, path.stem, index["index_id"])
    uploaded = time.perf_counter() - begun
    run = api.execute(prompt["prompt_id"], video["video_id"])
    ended = api.watch(run["run_id"], lambda _: None, _LONGEST)
    if ended["status"] != "completed":
        raise RuntimeError(f"the run ended {ended['status']}: {ended['error_message']}")
    if not api.search(index["index_id"], "space station", run["run_id"]):
        raise RuntimeError("the run completed and its words are not found")
    return uploaded, ended["total_segments"], time.perf_counter() - begun


def _seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base
