"""Two rankings made one by weighted reciprocal rank fusion.

A result's fused score is the sum over both rankings of weight · 61 / (60 + rank): first in everything is 1. The weights are those
asked for, divided by their sum.
"""

from dataclasses import dataclass
from typing import Literal

from shared.search.found import Found

RANK_CONSTANT = 60


@dataclass(frozen=True)
class Fused:
    """Ranks count from 1; None where that search did not find it."""

    found: Found
    score: float
    text_rank: int | None
    image_rank: int | None

    @property
    def match_type(self) -> Literal["both", "text_only", "image_only"]:
        if self.text_rank is None:
            return "image_only"
        return "both" if self.image_rank is not None else "text_only"


def fuse(by_text: list[Found], by_image: list[Found], text_weight: float, image_weight: float) -> list[Fused]:
    """A picture belongs to its segment, whichever run speaks of it; a segment found by its picture alone keeps the run it came
    with. The weights' sum is positive."""
    whole = text_weight + image_weight
    shares = text_weight / whole, image_weight / whole
    image_ranks = {one.segment_id: rank for rank, one in enumerate(by_image, 1)}
    pictures = {one.segment_id: one.picture for one in by_image}
    spoken_of = {one.segment_id for one in by_text}
    fused = []
    for rank, one in enumerate(by_text, 1):
        one.picture = pictures.get(one.segment_id) if one.segment_id else None
        fused.append(_fused(one, rank, image_ranks.get(one.segment_id) if one.segment_id else None, shares))
    fused += [_fused(one, None, image_ranks[one.segment_id], shares) for one in by_image if one.segment_id not in spoken_of]
    return sorted(fused, key=lambda one: (-one.score, one.found.result_id))


def _fused(found: Found, text_rank: int | None, image_rank: int | None, shares: tuple[float, float]) -> Fused:
    parts = [
        share * (RANK_CONSTANT + 1) / (RANK_CONSTANT + rank)
        for share, rank in zip(shares, (text_rank, image_rank), strict=True)
        if rank is not None
    ]
    return Fused(found, sum(parts), text_rank, image_rank)
