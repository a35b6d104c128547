"""A worker that dies at any moment of a retry: the retry still ends, once, and the run is as mended as if nobody had died."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.events import Event, EventType
from shared.domain.runs import RunStatus, SegmentResult
from tests.pipeline import films, scenes
from tests.pipeline.gemini import Gemini, answer, asks_for
from tests.pipeline.mortality import Call, Death, Moment, Mortality
from tests.pipeline.requests_of_users import retry, retry_of
from tests.pipeline.uploads import ingested
from tests.pipeline.world import World, build

FILM = films.film(["red"], seconds_each=1.0, tone=True)
ROUNDS = 8  # of the minute's sweep, at most
STAGES = ("process-segment", "synthesize-video", "settle-run")


@dataclass(frozen=True)
class Outcome:
    """What a user can see in the end, without ids, times and attempts."""

    retry: tuple[Any, ...]
    row: tuple[Any, ...]
    media: tuple[Any, ...]
    run: tuple[Any, ...]
    events: dict[str, int]
    waiting: int


class Play:
    """A run whose only segment failed, and a retry of it, over and over."""

    def __init__(self, world: World, mortality: Mortality, gemini: Gemini) -> None:
        self._world, self._mortality, self._gemini = world, mortality, gemini
        mortality.employ(world.stages)

    def perform(self, death: Death | None = None) -> tuple[Outcome, int]:
        """What came of it, and how many questions the model was asked for the retry."""
        world = self._world
        world.clock.now = 60.0 * (world.clock.now // 60.0 + 1)
        self._mortality.begin()
        tenant = scenes.a_tenant()
        self._gemini.say = lambda body: (400, {"error": {"code": 400}}) if asks_for(body, "headline") else _well(body)
        video = scenes.a_video(world, tenant, FILM)
        ingested(world)
        cut = {"video_segmentation_type": "fixed", "video_segment_duration": 1}
        run = scenes.a_run(world, tenant, [video], video_level=scenes.VIDEO_LEVEL, **cut)
        world.deliver()
        run = scenes.again(world, run)
        [row] = scenes.results_of(world, run, video)
        assert (run.status, row.has_failures) == (RunStatus.FAILED, True)
        self._gemini.say = _well
        self._gemini.asked.clear()
        self._mortality.begin(death)
        asked = retry(world, run, row, "again")
        world.deliver()
        for _ in range(ROUNDS):
            if retry_of(world, run, row, asked["retry_id"])["status"] not in ("pending", "processing"):
                break
            world.clock.advance(60)
            world.tick()
            world.deliver()
        assert self._mortality.doom is None, f"nobody died: {death}"
        return self._look(run, row, asked["retry_id"]), len(self._gemini.asked)

    @property
    def calls(self) -> list[Call]:
        return self._mortality.calls

    def _look(self, run: Any, row: SegmentResult, retry_id: str) -> Outcome:
        world = self._world
        run, done = scenes.again(world, run), retry_of(world, run, row, retry_id)
        [media] = scenes.media_of(world, run)
        after = world.store.get(SegmentResult, row.tenant, row.run_id, row.video_id, row.segment_id)
        assert after is not None
        events = world.store.stream(Event, world.store.collection(Event, run.tenant))
        kinds = Counter(e.event_type for e in events if e.run_id and e.event_type != EventType.PROMPT_RUN_PROGRESS)
        return Outcome(
            (done["status"], done["error"], done["field_extraction_succeeded"]),
            (after.status, after.metadata, after.transcript, after.has_failures, after.retry_id),
            (media.status, media.open, media.successful_segments, media.failed_segments, media.video_level_metadata),
            (run.status, run.counts, run.error_code, run.mending),
            dict(kinds),
            sum(one.wake_at is not None or one.lease_until is not None for one in (run, media, after)),
        )


def _well(body: dict) -> tuple[int, dict]:
    if asks_for(body, "utterances"):
        return answer({"utterances": [{"start_seconds": 0.0, "end_seconds": 1.0, "text": "a long tone"}]})
    return answer({"program_summary": "one colour"} if asks_for(body, "program_summary") else {"headline": "a plain colour"})


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory, _gemini: Gemini, vector_url: str) -> Iterator[Play]:
    mortality = Mortality()
    _gemini.reset()
    world = build(tmp_path_factory.mktemp("retry-crashes"), _gemini.url, vector_url, mortality)
    yield Play(world, mortality, _gemini)
    world.close()


@pytest.fixture(scope="module")
def clean(play: Play) -> tuple[Outcome, int, list[Call]]:
    outcome, questions = play.perform()
    return outcome, questions, play.calls


def test_the_clean_retry_mends_everything(clean: tuple[Outcome, int, list[Call]]) -> None:
    outcome, questions, calls = clean
    assert outcome.retry == ("completed", None, True)
    assert (outcome.run[0], outcome.media[4]) == (RunStatus.COMPLETED, {"program_summary": "one colour"})
    assert outcome.events[EventType.PROMPT_RUN_COMPLETED] == outcome.events[EventType.PROMPT_RUN_FAILED] == 1
    assert (questions, outcome.waiting) == (2, 0)
    assert {call.stage for call in calls} >= set(STAGES)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.long)])
def test_a_worker_killed_at_any_call_of_a_retry_changes_nothing(
    play: Play, clean: tuple[Outcome, int, list[Call]], stage: str, moment: Moment, stride: int
) -> None:
    """At every fourth call, and with the long tests at each; the two moments begin at different ones."""
    should, questions, calls = clean
    wrong = []
    own = list(dict.fromkeys(call for call in calls if call.stage == stage))
    for call in own[min(stride // 2, len(own) - 1) if moment == "after" else 0 :: stride]:
        outcome, asked = play.perform(Death(call, moment))
        for name, value in vars(should).items():
            if getattr(outcome, name) != value:
                wrong.append(f"{moment} {call}: {name}: {getattr(outcome, name)} instead of {value}")
        if asked > questions + 1:
            wrong.append(f"{moment} {call}: asked {asked} times")
    assert wrong == []
