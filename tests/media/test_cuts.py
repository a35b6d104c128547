"""Cuts are found where films made for the purpose have them, and nowhere else."""

import io

import numpy as np
import pytest

from shared.domain.segmentation import Span, plan_video
from shared.media.cuts import find_cuts
from shared.media.survey import survey
from tests.media.making import RATE, SIZE, dissolve, film, picture, recording, scene, shots, silence

FORMATS = [
    ("mp4", "libx264", "yuv420p"),
    ("mp4", "libx265", "yuv420p"),
    ("mp4", "libx264", "yuv422p"),
    ("mp4", "libx264", "yuv444p"),
    ("mp4", "libx264", "yuv420p10le"),
    ("matroska", "ffv1", "bgr0"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("mov", "mpeg4", "yuv420p"),
]


def frames_of(data: bytes) -> list[tuple[int, str]]:
    return [(round(cut.time * RATE), cut.kind) for cut in find_cuts(io.BytesIO(data))]


@pytest.mark.parametrize(("format", "codec", "pixels"), FORMATS)
def test_hard_cuts_are_found_to_the_frame_in_every_codec(format: str, codec: str, pixels: str) -> None:
    data = film(shots(30, 25, 40), format=format, codec=codec, pixels=pixels)
    assert frames_of(data) == [(30, "hard"), (55, "hard")]


def test_a_film_of_one_moving_scene_has_no_cut() -> None:
    assert frames_of(film(shots(120))) == []


def test_a_dissolve_is_one_change_in_its_middle() -> None:
    pictures = [scene(1)] * 40 + dissolve(scene(1), scene(2), 20) + [scene(2)] * 40
    [(frame, kind)] = frames_of(film(pictures))
    assert kind == "dissolve"
    assert abs(frame - 50) <= 3


def test_a_fade_through_black_is_one_change_in_the_dark() -> None:
    black = np.zeros_like(scene(1))
    pictures = [scene(1)] * 30 + dissolve(scene(1), black, 15) + [black] * 10
    pictures += dissolve(black, scene(2), 15) + [scene(2)] * 30
    [(frame, kind)] = frames_of(film(pictures))
    assert kind == "fade"
    assert 40 <= frame <= 60


def test_coming_out_of_black_at_the_start_and_going_into_it_at_the_end_are_no_cuts() -> None:
    black = np.zeros_like(scene(1))
    pictures = [black] * 5 + dissolve(black, scene(1), 15) + [scene(1)] * 40 + dissolve(scene(1), black, 15) + [black] * 5
    assert frames_of(film(pictures)) == []


def test_a_flash_of_light_is_no_cut() -> None:
    white = np.full_like(scene(1), 255)
    assert frames_of(film([scene(1)] * 40 + [white] * 2 + [scene(1)] * 40)) == []


def test_a_camera_that_adjusts_its_exposure_makes_no_cut() -> None:
    levels = np.clip((np.arange(100) - 40) / 20, 0, 1)
    pictures = [np.clip(scene(1) * 0.6 + 70 * level, 0, 255).astype(np.uint8) for level in levels]
    assert frames_of(film(pictures)) == []


def test_fast_movement_without_a_cut_is_no_cut() -> None:
    assert frames_of(film([scene(1, at * 7) for at in range(0, 9)] + [scene(1, 63 - at * 7) for at in range(9)] * 3)) == []


def test_cuts_of_a_film_with_uneven_frame_times_are_told_in_its_own_time() -> None:
    steps = np.random.default_rng(4).integers(20, 90, 80)
    times = [int(t) for t in np.concatenate(([0], np.cumsum(steps)[:-1]))]
    [cut] = find_cuts(io.BytesIO(film(shots(40, 40), format="matroska", times=times)))
    assert cut.time == pytest.approx(times[40] / 1000, abs=0.002)


def test_a_film_that_starts_late_has_its_times_counted_from_its_first_picture() -> None:
    times = [5_000 + 40 * n for n in range(80)]
    [cut] = find_cuts(io.BytesIO(film(shots(40, 40), format="matroska", times=times)))
    assert cut.time == pytest.approx(1.6, abs=0.002)


def test_shots_that_look_alike_are_told_from_shots_that_do_not() -> None:
    calm = scene(1)
    brighter = np.clip(np.roll(calm, 90, axis=1), 0, 255).astype(np.uint8)
    data = film([calm] * 30 + [brighter] * 30 + [scene(9)] * 30)
    first, second = find_cuts(io.BytesIO(data))
    assert first.likeness > 0.85 > second.likeness


def test_a_film_of_one_frame_and_a_recording_have_no_cuts() -> None:
    assert find_cuts(io.BytesIO(film(shots(1)))) == []
    assert find_cuts(io.BytesIO(recording(silence(1.0)))) == []


def test_a_long_film_is_worked_through_in_blocks_without_losing_a_cut() -> None:
    lengths = (127, 130, 128, 129, 126, 20, 140)
    data = film(shots(*lengths, size=(160, 96)))
    assert [frame for frame, _ in frames_of(data)] == list(np.cumsum(lengths)[:-1])


def test_one_pass_gives_the_same_cuts_and_a_picture_for_every_segment() -> None:
    data = film(shots(60, 30, 50))
    told: list[float] = []
    found = survey(io.BytesIO(data), on_progress=told.append)
    assert [cut.time for cut in found.cuts] == [cut.time for cut in find_cuts(io.BytesIO(data))]
    assert found.pictures_seen == 140
    assert told == sorted(told) and told[-1] >= 4.0
    spans = plan_video(5.6, found.cuts, "content_aware")
    source = io.BytesIO(data)
    assert all(one is not None and one.jpeg.startswith(b"\xff\xd8") for one in found.pictures(spans, source))


def test_a_segments_picture_shows_that_segment() -> None:
    from PIL import Image

    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    pictures = [np.full((SIZE[1], SIZE[0], 3), colour, np.uint8) for colour in colours for _ in range(30)]
    found = survey(io.BytesIO(film(pictures)))
    spans = [Span(0, 1.2), Span(1.2, 2.4), Span(2.4, 3.6)]
    for span, colour, shown in zip(spans, colours, found.pictures(spans), strict=True):
        assert shown is not None and span.start <= shown.time < span.end
        seen = np.asarray(Image.open(io.BytesIO(shown.jpeg)))[SIZE[1] // 2, SIZE[0] // 2]
        assert np.abs(seen.astype(int) - colour).max() < 25


def test_a_span_without_a_candidate_gets_its_picture_by_seeking() -> None:
    data = film(shots(100))
    found = survey(io.BytesIO(data))
    found.candidates.clear()
    assert found.pictures([Span(1.0, 1.1)]) == [None]
    [shown] = found.pictures([Span(1.0, 1.1)], io.BytesIO(data))
    assert shown is not None and shown.jpeg.startswith(b"\xff\xd8")
    assert 1.0 <= shown.time < 1.1


def test_an_image_is_no_film() -> None:
    from shared.media.opener import UnreadableMedia

    with pytest.raises(UnreadableMedia):
        find_cuts(io.BytesIO(picture()))
