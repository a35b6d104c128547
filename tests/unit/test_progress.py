"""How far a run is: never backwards, never done before its end, and no promise without a pace."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.progress import Meter, Pace, progress, seconds_between_recounts
from shared.domain.runs import MediaState, RunMedia

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def item(state: MediaState, *, seconds: float = 60.0, segments: int = 0) -> RunMedia:
    return RunMedia(
        created_at=NOW,
        updated_at=NOW,
        tenant="t",
        run_id="r",
        video_id="v",
        status=state,
        open=state.is_open,
        duration_seconds=seconds,
        total_segments=segments,
    )


def pace_of(*items: tuple[RunMedia, int]) -> Pace:
    meter = Meter()
    for one, ended in items:
        meter.add(one, ended)
    return meter.pace


def test_the_stage_is_that_of_the_work_under_way() -> None:
    cutting, processing = (item(MediaState.PENDING), 0), (item(MediaState.PROCESSING, segments=4), 1)
    synthesizing, ended = (item(MediaState.SYNTHESIZING), 4), (item(MediaState.COMPLETED), 4)
    assert pace_of(cutting, ended).stage == "cutting"
    assert pace_of(cutting, processing, synthesizing).stage == "processing"
    assert pace_of(synthesizing, ended).stage == "synthesizing"
    assert pace_of(ended).stage == "settling"


def test_the_share_done_goes_by_seconds_and_segments() -> None:
    long, short = item(MediaState.PROCESSING, seconds=60.0, segments=2), item(MediaState.COMPLETED, seconds=10.0, segments=1)
    assert pace_of((long, 1), (short, 1)).share == 0.6


def test_an_image_weighs_something() -> None:
    assert pace_of((item(MediaState.COMPLETED, seconds=0.0), 1), (item(MediaState.PENDING, seconds=0.0), 0)).share == 0.5


def test_the_time_left_follows_from_the_pace_since_something_was_done() -> None:
    first = progress(Pace("processing", 100.0, 20.0), {}, NOW)
    assert (first["percent"], first["eta_seconds"]) == (20.0, None)
    second = progress(Pace("processing", 100.0, 40.0), first, NOW + timedelta(seconds=10))
    assert (second["percent"], second["eta_seconds"], second["eta_at"]) == (40.0, 30, NOW + timedelta(seconds=40))


def test_nothing_is_promised_while_nothing_moves() -> None:
    before: dict = {}
    for minute in range(5):
        before = progress(Pace("cutting", 100.0, 0.0), before, NOW + timedelta(minutes=minute))
        assert (before["eta_seconds"], before["eta_at"], before["percent"]) == (None, None, 0.0)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e7)), max_size=6))
def test_no_numbers_make_nonsense_and_the_percentage_never_goes_back(steps: list[tuple[float, float, float]]) -> None:
    before: dict = {}
    now = NOW
    for total, done, elapsed in steps:
        now += timedelta(seconds=elapsed)
        told = progress(Pace("processing", total, done), before, now)
        assert before.get("percent", 0.0) <= told["percent"] <= 99.0
        assert told["eta_seconds"] is None or 0 <= told["eta_seconds"] <= 7 * 86_400
        before = told


def test_the_larger_a_run_the_seldomer_it_is_recounted() -> None:
    assert [seconds_between_recounts(items) for items in (0, 1, 500, 1000, 10_000, 1_000_000)] == [2, 2, 2, 4, 40, 60]
