"""A job as it is configured."""

import re
from dataclasses import dataclass, field

from emulators.dispatch.delivery import Bearer
from emulators.scheduler.cron import Cron

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,500}")


@dataclass(frozen=True)
class Job:
    """Exactly one of `every_seconds` and `cron` (UTC). `deadline` bounds the call in seconds."""

    name: str
    url: str
    every_seconds: float | None = None
    cron: str | None = None
    method: str = "POST"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    bearer: Bearer | None = None
    deadline: float = 180.0

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ValueError(f"a job's name has 1 to 500 letters, digits, - and _: {self.name!r}")
        if (self.every_seconds is None) == (self.cron is None):
            raise ValueError(f"job {self.name} needs either every_seconds or cron")
        if self.every_seconds is not None and self.every_seconds <= 0:
            raise ValueError(f"job {self.name}: every_seconds must be positive")
        if self.cron is not None:
            Cron.parse(self.cron)

    @property
    def schedule(self) -> str:
        """In words that change exactly when the schedule does."""
        return self.cron if self.cron is not None else f"every {self.every_seconds} s"

    def next_after(self, moment: float) -> float:
        """When it runs next if it ran at `moment`, in seconds since the epoch."""
        if self.cron is not None:
            return Cron.parse(self.cron).next_after(moment)
        return moment + (self.every_seconds or 0)
