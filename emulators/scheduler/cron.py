"""Cron expressions of five fields, in UTC: minute, hour, day of month, month, day of week."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# Every combination of month, day and leap year comes within this time, or never.
_HORIZON = timedelta(days=366 * 8 + 2)


@dataclass(frozen=True)
class Cron:
    """The values each field allows; days match by either field where both are restricted, as in every cron."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Raises ValueError with the offending part."""
        fields = text.lower().split()
        if len(fields) != 5:
            raise ValueError(f"a cron expression has five fields, this one {len(fields)}: {text!r}")
        minute, hour, day, month, weekday = fields
        return cls(
            minutes=_values(minute, 0, 59, {}),
            hours=_values(hour, 0, 23, {}),
            days=_values(day, 1, 31, {}),
            months=_values(month, 1, 12, {name: n for n, name in enumerate(_MONTHS, 1)}),
            weekdays=frozenset(value % 7 for value in _values(weekday, 0, 7, {name: n for n, name in enumerate(_DAYS)})),
            any_day=day.startswith("*"),
            any_weekday=weekday.startswith("*"),
        )

    def next_after(self, moment: float) -> float:
        """The first matching minute that begins after `moment`, in seconds since the epoch."""
        at = datetime.fromtimestamp(moment, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = at + _HORIZON
        while at < end:
            if at.month not in self.months or not self._day_matches(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at.timestamp()
        raise ValueError("this cron expression never comes")

    def _day_matches(self, at: datetime) -> bool:
        day, weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday


def _values(field: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if step and (not step.isdecimal() or int(step) == 0):
            raise ValueError(f"not a step: {part!r}")
        first, last = _span(span, bool(step), low, high, names)
        if not low <= first <= last <= high:
            raise ValueError(f"out of range {low}-{high}: {part!r}")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _span(span: str, stepped: bool, low: int, high: int, names: dict[str, int]) -> tuple[int, int]:
    if span == "*":
        return low, high
    start, dash, end = span.partition("-")
    first = _number(start, names)
    if dash:
        return first, _number(end, names)
    return first, high if stepped else first


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdecimal():
        raise ValueError(f"not a cron value: {text!r}")
    return int(text)
