"""The datapoints a row puts into the vector index: what they carry, so that they can be found, narrowed and told apart."""

import re
from collections.abc import Sequence

from shared.vectors.ids import TextId, image_id
from shared.vectors.index import Datapoint
from shared.vectors.texts import SearchText
from shared.vectors.words import sparse_of

NO_INDEX = "none"  # stands for the playground, because a restrict cannot be empty
_PLACE_IN_LIST = re.compile(r"\[\d*\]")


def text_points(
    tenant: str, index_id: str, row: TextId, texts: Sequence[SearchText], vectors: Sequence[Sequence[float]]
) -> list[Datapoint]:
    """One per text of a row, dense and sparse; `row.n` does not matter. A row is one crowd: it cannot fill a page alone."""
    crowd = f"{row.run_id}.{row.video_id}.{row.segment_id}"
    return [
        Datapoint(
            id=str(TextId(row.run_id, row.video_id, row.segment_id, row.attempt, one.n)),
            vector=vector,
            sparse=sparse_of(one.text),
            restricts={
                "tenant": tenant,
                "index": index_id or NO_INDEX,
                "run": row.run_id,
                "video": row.video_id,
                "kind": "text",
                "field": field_tokens(one.field_path),
            },
            crowding=crowd,
        )
        for one, vector in zip(texts, vectors, strict=True)
    ]


def image_point(tenant: str, index_id: str, video_id: str, cut_id: str, segment_id: str, vector: Sequence[float]) -> Datapoint:
    restricts: dict[str, str | list[str]] = {
        "tenant": tenant,
        "index": index_id or NO_INDEX,
        "video": video_id,
        "kind": "image",
    }
    return Datapoint(image_id(video_id, cut_id, segment_id), vector, restricts, crowding=segment_id)


def field_tokens(field_path: str) -> list[str]:
    """A leaf's path and every path above it: `scene.people[].name` is also found by `scene.people` and by `scene`."""
    parts = field_token(field_path).split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


def field_token(path: str) -> str:
    """A path as a restrict knows it: places in lists do not count, so `people[0].name` is `people[].name` is `people.name`."""
    return _PLACE_IN_LIST.sub("", path.strip())
