"""How far a run is: what has been done of its media, at what pace, and so when the rest will be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.domain.runs import MediaState, RunMedia

Stage = Literal["planning", "cutting", "processing", "synthesizing", "settling", "done"]

_SEGMENT_SECONDS = 10.0  # what a segment costs beside its length, told in seconds of it; and how long one is by guess
_LAST_PERCENT = 99.0  # of a run that has not ended
_KNOWN_FROM = 0.02  # the share that must have been done at a pace before it says something
_LONGEST = timedelta(days=7)  # an estimate beyond it is none
_RECOUNT_SECONDS = 2
_RECOUNT_SECONDS_MOST = 60
_ITEMS_A_SECOND = 250  # of a run's rows, read for its recount: so many are worth a second of waiting for the next one


class Meter:
    """Takes the items of a run one by one, so that they need not be held all at once."""

    def __init__(self) -> None:
        self._total = self._done = 0.0
        self._states: set[str] = set()

    def add(self, item: RunMedia, ended: float) -> None:
        """`ended` of its segments have come to an end."""
        segments = item.total_segments or max(1.0, item.duration_seconds / _SEGMENT_SECONDS)
        weight = item.duration_seconds + _SEGMENT_SECONDS * segments
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
    """`total` and `done` in seconds of media, with an allowance for each segment."""

    stage: Stage
    total: float
    done: float

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


def seconds_between_recounts(items: int) -> int:
    """A recount reads a row for each item of the run: the more there are, the seldomer it is made."""
    return min(_RECOUNT_SECONDS_MOST, max(_RECOUNT_SECONDS, items // _ITEMS_A_SECOND))


def _stage(states: set[str]) -> Stage:
    if MediaState.PROCESSING in states:
        return "processing"
    if MediaState.PENDING in states:
        return "cutting"
    if MediaState.SYNTHESIZING in states:
        return "synthesizing"
    return "settling"


def progress(pace: Pace, before: dict[str, Any], now: datetime) -> dict[str, Any]:
    """`{stage, percent, eta_seconds, eta_at, since_share, since_at}`, given what was told before (at first nothing).

    The pace is taken from the first moment at which something was done: what a start costs says nothing about the rest. Both
    times are None until the pace tells something, and the percentage never goes back.
    """
    since_share, since_at = before.get("since_share"), before.get("since_at")
    if since_at is None and pace.share > 0.0:
        since_share, since_at = pace.share, now
    left = _left(pace, since_share, since_at, now)
    return {
        "stage": pace.stage,
        "percent": max(before.get("percent", 0.0), min(_LAST_PERCENT, round(100.0 * pace.share, 1))),
        "eta_seconds": None if left is None else round(left.total_seconds()),
        "eta_at": None if left is None else now + left,
        "since_share": since_share,
        "since_at": since_at,
    }


def _left(pace: Pace, since_share: float | None, since_at: datetime | None, now: datetime) -> timedelta | None:
    if since_share is None or since_at is None or now <= since_at or pace.share - since_share < _KNOWN_FROM:
        return None
    seconds = (now - since_at).total_seconds() * (1.0 - pace.share) / (pace.share - since_share)
    return timedelta(seconds=seconds) if seconds <= _LONGEST.total_seconds() else None
