"""How fast a queue may dispatch, and how long a failed task waits."""

from dataclasses import dataclass
from typing import Any

from emulators.tasks.limits import RETENTION, seconds

# Times since the epoch are floats with steps of a quarter microsecond; a token this close to whole is whole.
_NEARLY = 1e-3


@dataclass
class TokenBucket:
    """Holds up to `burst` dispatches and gains `rate` a second."""

    rate: float
    burst: float
    tokens: float
    at: float

    @classmethod
    def full(cls, limits: Any, now: float) -> "TokenBucket":
        return cls(limits.max_dispatches_per_second, limits.max_burst_size, limits.max_burst_size, now)

    def next_at(self, now: float) -> float:
        """When the next dispatch may leave; `now` if it may at once."""
        self._refill(now)
        return now if self.tokens >= 1 - _NEARLY else now + (1 - self.tokens) / self.rate

    def take(self, now: float) -> bool:
        self._refill(now)
        if self.tokens < 1 - _NEARLY:
            return False
        self.tokens = max(0.0, self.tokens - 1)
        return True

    def _refill(self, now: float) -> None:
        if now > self.at:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
            self.at = now


@dataclass(frozen=True)
class Retry:
    """A queue's retry settings with the task's own laid over them; times in seconds."""

    max_attempts: int
    max_duration: float
    min_backoff: float
    max_backoff: float
    max_doublings: int

    @classmethod
    def of(cls, queue: Any, task: Any) -> "Retry":
        base, own = queue.retry_config, task.retry_config

        def duration(field: str) -> float:
            return seconds(getattr(own if own.HasField(field) else base, field))

        return cls(
            max_attempts=own.max_attempts or base.max_attempts,
            max_duration=duration("max_retry_duration"),
            min_backoff=duration("min_backoff"),
            max_backoff=duration("max_backoff"),
            max_doublings=own.max_doublings or base.max_doublings,
        )

    def wait(self, failures: int) -> float:
        """Seconds after the n-th failure: doubles `max_doublings` times, then grows by equal steps, up to the maximum."""
        doublings = min(failures - 1, self.max_doublings, 60)
        interval = self.min_backoff * 2.0**doublings
        beyond = failures - 1 - self.max_doublings
        if beyond > 0:
            interval *= 1 + beyond
        return min(interval, self.max_backoff)

    def exhausted(self, attempts: int, created: float, first_attempt: float, now: float) -> bool:
        """Whether a task that just failed is given up: attempts and time must both be used up, as far as either is set."""
        if now - created >= RETENTION:
            return True
        if self.max_attempts < 0 and not self.max_duration:
            return False
        attempts_used = self.max_attempts < 0 or attempts >= self.max_attempts
        time_used = not self.max_duration or now - first_attempt >= self.max_duration
        return attempts_used and time_used
