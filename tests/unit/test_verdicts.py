"""How media items and runs are said to have ended, and how far they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.runs import MediaState
from shared.work.fan_in import media_verdict

NONE = {
    "successful_segments": 0,
    "failed_segments": 0,
    "field_extraction_failures": 0,
    "transcription_failures": 0,
    "image_embedding_failures": 0,
}


@pytest.mark.parametrize(
    ("counts", "cancelled", "synthesis_failed", "verdict"),
    [
        ({"successful_segments": 2}, False, False, MediaState.COMPLETED),
        ({"successful_segments": 2}, False, True, MediaState.PARTIAL),
        ({"successful_segments": 1, "failed_segments": 1}, False, False, MediaState.PARTIAL),
        ({"successful_segments": 2, "transcription_failures": 1}, False, False, MediaState.PARTIAL),
        ({"successful_segments": 2, "image_embedding_failures": 2}, False, False, MediaState.PARTIAL),
        ({"failed_segments": 2, "field_extraction_failures": 2}, False, False, MediaState.FAILED),
        ({}, False, False, MediaState.FAILED),
        ({"successful_segments": 2}, True, False, MediaState.CANCELLED),
        ({"failed_segments": 2}, True, False, MediaState.CANCELLED),
    ],
)
def test_a_media_item_ends_as_its_segments_did(
    counts: dict, cancelled: bool, synthesis_failed: bool, verdict: MediaState
) -> None:
    assert media_verdict(cancelled, {**NONE, **counts}, video_level_failed=synthesis_failed) == verdict


@given(st.fixed_dictionaries({name: st.integers(0, 5) for name in NONE}), st.booleans(), st.booleans())
def test_every_verdict_is_an_end(counts: dict, cancelled: bool, synthesis_failed: bool) -> None:
    verdict = media_verdict(cancelled, counts, video_level_failed=synthesis_failed)
    assert not verdict.is_open
    if verdict == MediaState.COMPLETED:
        assert counts == {**NONE, "successful_segments": counts["successful_segments"]}
