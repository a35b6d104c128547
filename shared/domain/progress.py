"""How far a run is, in media seconds: what has been done, at what pace, and so when the rest will be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.domain.runs import MediaState, RunMedia

Stage = Literal["planning", "cutting", "processing", "synthesizing", "settling", "done"]

_PICTURE_SECONDS = 1.0  # what an image, which has no length, weighs beside films
_LAST_PERCENT = 99.0  # of a run that has not ended
_KNOWN_FROM = 0.02  # the share done from which a pace says something
_LONGEST = timedelta(days=7)  # an estimate beyond it is none


class Meter:
    """Takes the items of a run one by one, so that they need not be held all at once."""

    def __init__(self) -> None:
        self._total = self._done = 0.0
        self._states: set[str] = set()

    def add(self, item: RunMedia, ended: int) -> None:
        """`ended` of its segments have come to an end."""
        weight = item.duration_seconds or _PICTURE_SECONDS
        self._total += weight
        self._states.add(item.status)
        if not item.open or item.status == MediaState.SYNTHESIZING:
            self._done += weight
        elif item.total_segments:
            self._done += weight * min(1.0, ended / item.total_segments)

    @property
    def pace(self) -> "Pace":
        return Pace(_stage(self._states), self._total, self._done)


@dataclass(frozen=True)
class Pace:
    """`total` and `done` in media seconds."""

    stage: Stage
    total: float
    done: float

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


def _stage(states: set[str]) -> Stage:
    if MediaState.PROCESSING in states:
        return "processing"
    if MediaState.PENDING in states:
        return "cutting"
    if MediaState.SYNTHESIZING in states:
        return "synthesizing"
    return "settling"


def progress(pace: Pace, started_at: datetime | None, now: datetime) -> dict[str, Any]:
    """`{stage, percent, eta_seconds, eta_at}`; both times are None until the pace so far tells something."""
    left = _left(pace, started_at, now)
    return {
        "stage": pace.stage,
        "percent": min(_LAST_PERCENT, round(100.0 * pace.share, 1)),
        "eta_seconds": None if left is None else round(left.total_seconds()),
        "eta_at": None if left is None else now + left,
    }


def _left(pace: Pace, started_at: datetime | None, now: datetime) -> timedelta | None:
    if started_at is None or pace.share < _KNOWN_FROM or now <= started_at:
        return None
    left = (now - started_at) * ((1.0 - pace.share) / pace.share)
    return left if left <= _LONGEST else None
