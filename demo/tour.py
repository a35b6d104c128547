"""What the demo does with the product, and what it demands of the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.api import Api
from demo.film import Shot, make_film

INDEX = "Demo"
RUN_SECONDS = 300.0
PROMPT: dict[str, Any] = {
    "name": "Scene extractor",
    "description": "Extract structured scene evidence per segment.",
    "prompt_text": "Extract the requested fields from this media segment.",
    "json_schema": {
        "type": "object",
        "properties": {
            "headline": {"type": "string"},
            "scene": {
                "type": "object",
                "properties": {
                    "location": {"type": "string"},
                    "people": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"name": {"type": "string"}, "emotion": {"type": "string"}}},
                    },
                },
            },
        },
    },
    "video_level": {
        "instructions_text": "Summarize the entire asset from the extracted segment evidence.",
        "included_segment_fields": ["headline", "scene.location", "transcription"],
        "json_schema": {"type": "object", "properties": {"program_summary": {"type": "string"}}},
    },
    "semantic_indexing": {"disabled_segment_fields": [], "disabled_video_level_fields": []},
}


@dataclass(frozen=True)
class Question:
    """A search whose answer is known: the shot it should find."""

    what: str
    query: str
    shot: int


QUESTIONS = (
    Question("words on screen", "space station", 3),
    Question("words spoken", "apples and oranges for three dollars", 1),
    Question("meaning", "astronauts in orbit", 3),
)


@dataclass
class Findings:
    """Everything the tour saw, and the demands that were not met."""

    film: str
    run: dict[str, Any] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    synthesis: dict[str, Any] = field(default_factory=dict)
    searches: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Tour:
    """`tell` is called before each step; `seen` with each state of the run."""

    def __init__(self, api: Api, tell: Callable[[str], None], seen: Callable[[dict[str, Any]], None]) -> None:
        self._api = api
        self._tell = tell
        self._seen = seen

    def take(self, film: Path) -> Findings:
        findings = Findings(str(film))
        self._tell("making a film by code: five shots, words to read, words to hear")
        shots = make_film(film)
        self._tell(f"uploading {film.name} ({film.stat().st_size / 1024:.0f} KiB, {shots[-1].end:.0f} s)")
        index = self._api.index(INDEX)
        prompt = self._api.prompt(PROMPT)
        video = self._api.upload(film, "Sample film", index["index_id"])
        self._tell(f"running the prompt {prompt['name']!r} over it")
        run = self._api.execute(prompt["prompt_id"], video["video_id"], video_segmentation_type="content_aware")
        findings.run = self._api.watch(run["run_id"], self._seen, RUN_SECONDS)
        findings.results = self._api.results(run["run_id"], video["video_id"])
        if findings.run["video_level_completed_items"]:
            findings.synthesis = self._api.synthesis(run["run_id"], video["video_id"])
        self._tell("searching it")
        for question in QUESTIONS:
            found = self._api.search(index["index_id"], question.query, run["run_id"])
            hits = [hit for hit in found if hit["video_id"] == video["video_id"]]
            findings.searches.append({"what": question.what, "query": question.query, "hits": hits})
        findings.complaints = [*_of_run(findings, shots), *_of_searches(findings, shots)]
        return findings


def _of_run(findings: Findings, shots: Sequence[Shot]) -> list[str]:
    complaints = []
    if findings.run["status"] != "completed":
        complaints.append(f"the run ended {findings.run['status']}: {findings.run.get('error_message') or 'no reason given'}")
    if len(findings.results) < len(shots) - 1:
        complaints.append(f"{len(shots)} shots gave {len(findings.results)} segments")
    return complaints


def _of_searches(findings: Findings, shots: Sequence[Shot]) -> list[str]:
    complaints = []
    for question, search in zip(QUESTIONS, findings.searches, strict=True):
        shot = shots[question.shot]
        first = next((hit for hit in search["hits"] if hit["result_type"] == "segment"), None)
        if first is None:
            complaints.append(f"searching {question.query!r} found nothing")
        elif not _overlaps(first, shot):
            complaints.append(
                f"searching {question.query!r} found {first['start_time']:.1f} s first, not the shot at {shot.start:.1f} s"
            )
    return complaints


def _overlaps(hit: dict[str, Any], shot: Shot) -> bool:
    """More than half of the hit lies in the shot."""
    inside = min(hit["end_time"], shot.end) - max(hit["start_time"], shot.start)
    return inside > (hit["end_time"] - hit["start_time"]) / 2
