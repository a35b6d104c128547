"""Time as the product knows it: aware UTC datetimes, passed in as a function, ISO-8601 with milliseconds on the wire."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def wire_time(moment: datetime | None) -> str | None:
    """`2026-04-20T10:11:12.345Z`, or None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
