"""A worker may die at any moment: the run still ends as if nobody had died.

One clean run is recorded call by call. Then, for each call, one worker is killed right before and, in another run, right after
it; queues deliver again and the minute's sweep goes round, and the outcome must be the clean run's.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.events import Event, EventType
from shared.domain.media import Segment, Video
from shared.domain.runs import Run, RunStatus
from shared.vectors.ids import TextId
from tests.pipeline import films, remains, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.mortality import Call, Death, Moment, Mortality
from tests.pipeline.uploads import ingested
from tests.pipeline.world import World, build

FILM = films.film(["red", "blue"], seconds_each=1.0, tone=True)
SIDE_BY_SIDE = 2  # questions of one segment: what is in it, and what is said
ROUNDS = 12  # of the minute's sweep, at most
RESUMED_WITHIN = 180.0  # seconds after its worker was killed


@dataclass(frozen=True)
class Outcome:
    """What a user can see of a run in the end, without ids, times and attempts."""

    run: dict[str, Any]
    media: list[dict[str, Any]]
    results: list[dict[str, Any]]
    segments: int
    events: dict[str, int]
    vectors: list[tuple[str, int]]
    video_status: str


@dataclass(frozen=True)
class Ended:
    outcome: Outcome
    questions: Counter[str]
    waiting: list[str]
    took: float  # seconds from the request to the end


class Play:
    """The same little run over and over in one world, each time by a tenant of its own."""

    def __init__(self, world: World, mortality: Mortality, gemini: Gemini) -> None:
        self._world, self._mortality, self._gemini = world, mortality, gemini
        mortality.employ(world.stages)

    def perform(self, death: Death | None = None) -> Ended:
        world = self._world
        self._gemini.asked.clear()
        world.clock.now = 60.0 * (world.clock.now // 60.0 + 1)  # slots of progress fall alike in every run
        tenant = scenes.a_tenant()
        self._mortality.begin(death)
        video = scenes.a_video(world, tenant, FILM)
        ingested(world)
        run = scenes.a_run(
            world,
            tenant,
            [video],
            video_level=scenes.VIDEO_LEVEL,
            video_segmentation_type="fixed",
            video_segment_duration=1,
        )
        world.deliver()
        for _ in range(ROUNDS):
            world.clock.advance(60)
            world.tick()
            world.deliver()
            if RunStatus(scenes.again(world, run).status).is_terminal:
                break
        assert self._mortality.doom is None, f"nobody died: {death}"
        return self._look(run, video)

    @property
    def calls(self) -> list[Call]:
        """Those of the last performance."""
        return self._mortality.calls

    def _look(self, run: Run, video: Video) -> Ended:
        world = self._world
        run = scenes.again(world, run)
        media, rows = scenes.media_of(world, run), scenes.results_of(world, run, video)
        events = list(world.store.stream(Event, world.store.collection(Event, run.tenant)))
        assert sorted(event.seq or 0 for event in events) == list(range(1, len(events) + 1))
        kinds = Counter(e.event_type for e in events if e.event_type != EventType.PROMPT_RUN_PROGRESS)
        found = world.store.get(Video, run.tenant, video.video_id)
        assert found is not None and found.thumbnail_uri
        segments = world.store.across_tenants(Segment)
        outcome = Outcome(
            run=_kept(run, "status", "counts", "error_code", "created_new_segments"),
            media=[_kept(m, *_MEDIA) for m in media],
            results=[_kept(row, *_RESULT) for row in rows],
            segments=sum(video.video_id in s.reference.path for s in segments.stream()),
            events=dict(kinds),
            vectors=self._vectors(run, {row.segment_id: row for row in rows}, media[0]),
            video_status=found.status,
        )
        waiting = [type(one).__name__ for one in (run, *media, *rows) if one.wake_at or one.lease_until]
        return Ended(outcome, Counter(_question(body) for body in self._gemini.asked), waiting, _seconds(run))

    def _vectors(self, run: Run, rows: dict[str, Any], media: Any) -> list[tuple[str, int]]:
        """Those that count: of the attempt that its row names, as search joins them."""
        counted = []
        for identity in remains.vectors(self._world, run.tenant):
            text = TextId.parse(identity)
            if text is None:
                counted.append(("picture", rows[identity.split(".")[3]].ordinal))
                continue
            row = rows[text.segment_id] if text.segment_id else media
            if row.vector_attempt == text.attempt:
                counted.append((f"text {text.n}", row.ordinal if text.segment_id else -1))
        return sorted(counted)


_MEDIA = (
    "status",
    "open",
    "total_segments",
    "successful_segments",
    "failed_segments",
    "new_segments",
    "failure_code",
    "video_level_status",
    "video_level_metadata",
    "video_level_error",
)
_RESULT = (
    "ordinal",
    "status",
    "open",
    "start",
    "end",
    "metadata",
    "metadata_text",
    "transcript",
    "utterances",
    "processing_warning",
    "field_extraction_succeeded",
    "transcription_succeeded",
    "image_embedding_succeeded",
    "failure_code",
)


def _seconds(run: Run) -> float:
    assert run.completed_at is not None, run
    return (run.completed_at - run.created_at).total_seconds()


def _kept(document: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(document, name) for name in names}


def _question(body: dict[str, Any]) -> str:
    """What was asked about which span, without the names of things."""
    spans = [part.get("videoMetadata") for part in body["contents"][0]["parts"] if "fileData" in part]
    return json.dumps([spans, sorted((body["generationConfig"].get("responseJsonSchema") or {}).get("properties", {}))])


def _say(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if asks_for(body, "utterances"):
        return answer({"utterances": [{"start_seconds": 0.0, "end_seconds": 0.5, "text": "a long tone"}]})
    return answer({"program_summary": "two colours"} if asks_for(body, "program_summary") else {"headline": "a plain colour"})


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory, _gemini: Gemini, vector_url: str) -> Iterator[Play]:
    mortality = Mortality()
    _gemini.reset()
    _gemini.say = _say
    world = build(tmp_path_factory.mktemp("crashes"), _gemini.url, vector_url, mortality)
    yield Play(world, mortality, _gemini)
    world.close()


# Those that work on a run, in the order of its life; the test of the clean run holds the list complete.
STAGES = (
    "ingest-media",
    "plan-run",
    "cut-segments",
    "process-segment",
    "synthesize-video",
    "settle-run",
    "build-tables",
    "sequence-events",
)


@dataclass(frozen=True)
class Clean:
    ended: Ended
    calls: list[Call]


@pytest.fixture(scope="module")
def clean(play: Play) -> Clean:
    ended = play.perform()
    return Clean(ended, play.calls)


def test_two_clean_runs_make_the_same_calls_and_end_alike(play: Play, clean: Clean) -> None:
    second = play.perform()
    assert (second.outcome, second.questions) == (clean.ended.outcome, clean.ended.questions)
    assert sorted(map(str, play.calls)) == sorted(map(str, clean.calls))
    assert {call.stage for call in clean.calls} == set(STAGES)


def test_the_clean_run_is_a_whole_one(clean: Clean) -> None:
    outcome = clean.ended.outcome
    assert (outcome.run["status"], outcome.video_status) == (RunStatus.COMPLETED, "processed")
    assert [row["transcript"] for row in outcome.results] == ["a long tone", "a long tone"]
    assert [media["video_level_metadata"] for media in outcome.media] == [{"program_summary": "two colours"}]
    assert {kind for kind, _ in outcome.vectors} == {"picture", "text 0", "text 1", "text 2"}
    assert sum(clean.ended.questions.values()) == 5
    operations = {call.operation for call in clean.calls}
    assert operations >= {
        "firestore.Commit",
        "tasks.CreateTask",
        "pubsub.Publish",
        "storage.POST",
        "vectors.upsertDatapoints",
        "vertex.generateContent",
        "vertex.embedContent",
    }


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.long)])
def test_a_worker_killed_at_any_call_changes_nothing_of_how_the_run_ends(
    play: Play, clean: Clean, stage: str, moment: Moment, stride: int
) -> None:
    """At every fourth call, and with the long tests at each; the two moments begin at different ones."""
    wrong = []
    calls = list(dict.fromkeys(call for call in clean.calls if call.stage == stage))
    for call in calls[min(stride // 2, len(calls) - 1) if moment == "after" else 0 :: stride]:
        ended = play.perform(Death(call, moment))
        wrong += [f"{moment} {call}: {what}" for what in _differences(ended, clean.ended)]
    assert wrong == []


def _differences(ended: Ended, clean: Ended) -> list[str]:
    found = [
        f"{name}: {was} instead of {should}"
        for name, should in vars(clean.outcome).items()
        if (was := getattr(ended.outcome, name)) != should
    ]
    if ended.took > RESUMED_WITHIN:
        found.append(f"took {ended.took} s")
    if ended.waiting:
        found.append(f"still waiting: {ended.waiting}")
    extra = ended.questions - clean.questions
    if sum(extra.values()) > SIDE_BY_SIDE or max(extra.values(), default=0) > 1:
        found.append(f"asked again: {extra}")
    if clean.questions - ended.questions:
        found.append(f"never asked: {clean.questions - ended.questions}")
    return found
