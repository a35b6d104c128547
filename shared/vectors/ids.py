"""Vector ids say which row they belong to, so that a hit is joined to it by one point read.

* text of a segment: `{run}.{video}.{segment}.{attempt}.{n}`
* text of a media-wide result: `{run}.{video}.-.{attempt}.{n}`
* picture of a segment, whatever the run: `image.{video}.{cut}.{segment}`

`attempt` is the fencing number of the worker that wrote it: a hit whose attempt is not the row's was left by a worker that lost
its lease, and does not count.
"""

from dataclasses import dataclass

_WHOLE = "-"
_IMAGE = "image"


@dataclass(frozen=True)
class TextId:
    """`segment_id` is empty for a media-wide result; `n` counts the row's texts."""

    run_id: str
    video_id: str
    segment_id: str
    attempt: int
    n: int

    def __str__(self) -> str:
        return f"{self.run_id}.{self.video_id}.{self.segment_id or _WHOLE}.{self.attempt}.{self.n}"

    @classmethod
    def parse(cls, text: str) -> "TextId | None":
        parts = text.split(".")
        if len(parts) != 5 or not parts[3].isdigit() or not parts[4].isdigit():
            return None
        return cls(parts[0], parts[1], "" if parts[2] == _WHOLE else parts[2], int(parts[3]), int(parts[4]))


def text_ids(run_id: str, video_id: str, segment_id: str, attempt: int, count: int) -> list[str]:
    return [str(TextId(run_id, video_id, segment_id, attempt, n)) for n in range(count)]


@dataclass(frozen=True)
class ImageId:
    """The picture of a segment; it belongs to the segment, not to a run."""

    video_id: str
    cut_id: str
    segment_id: str

    def __str__(self) -> str:
        return f"{_IMAGE}.{self.video_id}.{self.cut_id}.{self.segment_id}"

    @classmethod
    def parse(cls, text: str) -> "ImageId | None":
        parts = text.split(".")
        return cls(*parts[1:]) if len(parts) == 4 and parts[0] == _IMAGE else None


def image_id(video_id: str, cut_id: str, segment_id: str) -> str:
    return str(ImageId(video_id, cut_id, segment_id))
