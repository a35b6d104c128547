"""How many changes of shot are found in films of textured, moving pictures, and how many are made up."""

import io

import pytest

from shared.media.cuts import find_cuts
from tests.media.making import film
from tests.media.textured import RATE, Change, textured_film

NEAR = {"hard": 2, "dissolve": 5, "fade": 5}  # pictures


def matched(changes: list[Change], found: list[int]) -> int:
    """How many changes have a find of their own."""
    left = list(found)
    hits = 0
    for change in changes:
        first = change.last if change.kind == "hard" else change.first
        near = [at for at in left if first - NEAR[change.kind] <= at <= change.last + NEAR[change.kind]]
        if near:
            left.remove(near[0])
            hits += 1
    return hits


@pytest.mark.parametrize("seeds", [(1,), pytest.param((1, 3), marks=pytest.mark.long)])
@pytest.mark.parametrize(("kinds", "least"), [(("hard",), 0.98), (("dissolve", "fade"), 0.9)])
def test_changes_of_shot_between_moving_pictures_are_found(kinds: tuple[str, ...], least: float, seeds: tuple[int, ...]) -> None:
    hits = wanted = told = 0
    for seed in seeds:
        pictures, changes = textured_film(seed, 9, kinds)
        data = film(pictures, codec_options={"preset": "ultrafast", "crf": "26"})
        found = [round(cut.time * RATE) for cut in find_cuts(io.BytesIO(data))]
        hits, wanted, told = hits + matched(changes, found), wanted + len(changes), told + len(found)
    precision, recall = hits / told, hits / wanted
    assert 2 * precision * recall / (precision + recall) >= least
