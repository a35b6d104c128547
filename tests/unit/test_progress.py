"""How far a run is: never backwards, never done before its end, and no promise without a pace."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.progress import Meter, Pace, progress
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


def test_the_share_done_goes_by_media_seconds() -> None:
    long, short = item(MediaState.PROCESSING, seconds=90.0, segments=3), item(MediaState.COMPLETED, seconds=10.0)
    assert pace_of((long, 1), (short, 1)).share == 0.4


def test_an_image_weighs_something() -> None:
    assert pace_of((item(MediaState.COMPLETED, seconds=0.0), 1), (item(MediaState.PENDING, seconds=0.0), 0)).share == 0.5


def test_the_time_left_follows_from_the_pace_so_far() -> None:
    told = progress(Pace("processing", 100.0, 25.0), NOW, NOW + timedelta(seconds=30))
    assert (told["percent"], told["eta_seconds"], told["eta_at"]) == (25.0, 90, NOW + timedelta(seconds=120))


def test_nothing_is_promised_before_anything_is_done() -> None:
    for pace, started in (
        (Pace("cutting", 100.0, 0.0), NOW),
        (Pace("cutting", 100.0, 50.0), None),
        (Pace("cutting", 0.0, 0.0), NOW),
    ):
        told = progress(pace, started, NOW + timedelta(seconds=30))
        assert (told["eta_seconds"], told["eta_at"]) == (None, None)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(-1e5, 1e8), st.sampled_from(["cutting", "processing", "synthesizing"]))
def test_no_numbers_make_nonsense(total: float, done: float, elapsed: float, stage: str) -> None:
    told = progress(Pace(stage, total, done), NOW, NOW + timedelta(seconds=elapsed))  # type: ignore[arg-type]
    assert 0.0 <= told["percent"] <= 99.0
    assert told["eta_seconds"] is None or 0 <= told["eta_seconds"] <= 7 * 86_400
