"""Whatever is known of a film or a recording, its segments tile it and keep to their rules."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.segmentation import (
    ALIKE,
    JOINED_SCENE_SECONDS,
    MAX_SEGMENT_SECONDS,
    MAX_SENTENCE_SECONDS,
    MAX_SOUND_SECONDS,
    MIN_SCENE_SECONDS,
    MIN_SHOT_SECONDS,
    Activity,
    Cut,
    Span,
    plan_audio,
    plan_image,
    plan_video,
)

durations = st.floats(0.04, 4000, allow_nan=False)
moments = st.floats(-10, 4100, allow_nan=False)
cut_lists = st.lists(st.builds(Cut, moments, st.sampled_from(["hard", "fade", "dissolve"]), st.floats(0, 1)), max_size=60)
speech_lists = st.lists(st.tuples(moments, st.floats(0, 200)).map(lambda pair: Span(pair[0], pair[0] + pair[1])), max_size=40)


def assert_tiles(spans: list[Span], duration: float) -> None:
    assert spans
    assert spans[0].start == 0.0
    assert spans[-1].end == duration
    assert all(a.end == b.start for a, b in pairwise(spans))
    assert all(span.length > 0 for span in spans)


def bounds(spans: list[Span]) -> list[float]:
    return [span.start for span in spans[1:]]


def united(speech: list[Span], duration: float) -> list[Span]:
    whole: list[Span] = []
    for span in sorted(speech, key=lambda s: s.start):
        start, end = max(0.0, span.start), min(duration, span.end)
        if start >= end:
            continue
        if whole and start <= whole[-1].end:
            whole[-1] = Span(whole[-1].start, max(end, whole[-1].end))
        else:
            whole.append(Span(start, end))
    return whole


@settings(max_examples=300, deadline=None)
@given(durations, cut_lists, st.one_of(st.none(), speech_lists))
def test_smart_segments_tile_the_film_and_never_divide_a_sentence(
    duration: float, cuts: list[Cut], speech: list[Span] | None
) -> None:
    spans = plan_video(duration, cuts, "smart", speech=speech)
    assert_tiles(spans, duration)
    sentences = [s for s in united(speech or [], duration) if s.length <= MAX_SENTENCE_SECONDS]
    for bound in bounds(spans):
        assert not any(s.start < bound < s.end for s in sentences)


@settings(max_examples=200, deadline=None)
@given(durations, cut_lists)
def test_content_aware_segments_are_shots_of_sane_length(duration: float, cuts: list[Cut]) -> None:
    spans = plan_video(duration, cuts, "content_aware")
    assert_tiles(spans, duration)
    assert all(span.length <= MAX_SEGMENT_SECONDS + 1e-6 for span in spans)
    if len(spans) > 1:
        assert all(span.length >= MIN_SHOT_SECONDS - 1e-6 for span in spans)


@settings(max_examples=200, deadline=None)
@given(durations, st.floats(1, 300))
def test_fixed_segments_are_as_long_as_was_asked(duration: float, seconds: float) -> None:
    for spans in (plan_video(duration, [], "fixed", seconds), plan_audio(duration, "fixed", seconds)):
        assert_tiles(spans, duration)
        assert all(math.isclose(span.length, seconds, abs_tol=1e-6) for span in spans[:-1])
        assert spans[-1].length < seconds + 0.5 + 1e-6


@settings(max_examples=200, deadline=None)
@given(durations, speech_lists, st.lists(moments, max_size=40))
def test_segments_of_a_recording_tile_it(duration: float, speech: list[Span], changes: list[float]) -> None:
    spans = plan_audio(duration, "content_aware", activity=Activity(tuple(speech), tuple(changes)))
    assert_tiles(spans, duration)
    sentences = [s for s in united(speech, duration) if s.length <= MAX_SENTENCE_SECONDS]
    for bound in bounds(spans):
        assert not any(s.start < bound < s.end for s in sentences)


def test_a_film_without_a_cut_is_one_segment() -> None:
    assert plan_video(30.0, []) == [Span(0.0, 30.0)]
    assert plan_video(30.0, [], "content_aware") == [Span(0.0, 30.0)]


def test_a_long_film_without_a_cut_is_divided_evenly() -> None:
    spans = plan_video(150.0, [])
    assert [span.length for span in spans] == [50.0, 50.0, 50.0]


def test_neighbouring_shots_that_look_alike_are_joined_up_to_a_length() -> None:
    alike = [Cut(at, likeness=ALIKE + 0.1) for at in (8.0, 16.0, 24.0, 32.0)]
    spans = plan_video(40.0, alike)
    assert len(spans) < 5
    assert all(span.length <= JOINED_SCENE_SECONDS for span in spans)
    different = [Cut(cut.time, likeness=0.2) for cut in alike]
    assert bounds(plan_video(40.0, different)) == [8.0, 16.0, 24.0, 32.0]


def test_shots_that_look_alike_but_do_not_sound_alike_stay_apart() -> None:
    cut = [Cut(8.0, likeness=0.95)]
    assert plan_video(16.0, cut) == [Span(0.0, 16.0)]
    assert bounds(plan_video(16.0, cut, speech=[Span(8.5, 15.5)])) == [8.0]


def test_a_very_short_shot_joins_the_neighbour_it_looks_like() -> None:
    cuts = [Cut(10.0, likeness=0.1), Cut(11.0, likeness=0.7)]
    assert bounds(plan_video(25.0, cuts)) == [10.0]
    assert all(span.length >= MIN_SCENE_SECONDS for span in plan_video(25.0, cuts))


def test_a_cut_in_a_sentence_moves_to_its_nearer_end() -> None:
    assert bounds(plan_video(20.0, [Cut(9.0)], speech=[Span(5.0, 10.0)])) == [10.0]
    assert bounds(plan_video(30.0, [Cut(12.0)], speech=[Span(5.0, 20.0)])) == []


def test_a_long_take_is_divided_between_sentences() -> None:
    talk = [Span(0.0, 29.0), Span(30.0, 58.0), Span(59.0, 89.0)]
    spans = plan_video(90.0, [], speech=talk)
    assert len(spans) == 2
    assert bounds(spans)[0] in (29.0, 30.0, 58.0, 59.0)


def test_a_recording_is_divided_at_its_pauses() -> None:
    talk = (Span(0.0, 9.0), Span(10.0, 19.0), Span(20.0, 29.0))
    assert bounds(plan_audio(29.0, activity=Activity(talk))) == [9.5, 19.5]


def test_a_recording_of_one_sound_is_divided_by_length_alone() -> None:
    spans = plan_audio(70.0)
    assert all(span.length <= MAX_SOUND_SECONDS for span in spans)
    assert len(spans) == 3


def test_an_image_is_one_segment_without_length() -> None:
    assert plan_image() == [Span(0.0, 0.0)]


@pytest.mark.parametrize("seconds", [None, 0, 0.5, 301, float("nan")])
def test_a_fixed_length_out_of_range_is_refused(seconds: float | None) -> None:
    with pytest.raises(ValueError, match="1 to 300"):
        plan_video(10.0, [], "fixed", seconds)


@pytest.mark.parametrize("duration", [0.0, -1.0, float("inf"), float("nan")])
def test_media_without_a_length_is_refused(duration: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        plan_video(duration, [])


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown"):
        plan_video(10.0, [], "clever")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown"):
        plan_audio(10.0, "smart")  # type: ignore[arg-type]
