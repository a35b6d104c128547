"""What the endpoints about usage and limits take and give."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from typing_extensions import TypedDict

from shared.domain.usage import Metric
from shared.http.answers import Moment, Object

MOST_DAYS = 731


def _whole_day(said: object) -> object:
    """A date alone is a day, whichever of two types that both read it is asked first."""
    return date.fromisoformat(said) if isinstance(said, str) and len(said) == 10 else said


Day = Annotated[datetime | date, BeforeValidator(_whole_day)]


class SpanQuery(BaseModel):
    """From the first day to the last, both whole and in UTC; this month where nothing is said."""

    start_date: Day | None = None
    end_date: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "SpanQuery":
        for name in ("start_date", "end_date"):
            said = getattr(self, name)
            if said is not None and not 2000 <= said.year < 2100:
                raise ValueError(f"{name} is not of this century")
        since, until = moment(self.start_date), moment(self.end_date, end=True)
        if since and until and since > until:
            raise ValueError("start_date is after end_date")
        if since and until and (until - since).days > MOST_DAYS:
            raise ValueError(f"start_date and end_date are more than {MOST_DAYS} days apart")
        return self


class HistoryQuery(SpanQuery):
    limit: Annotated[int, Field(ge=1, le=24)] = 12


class DetailsQuery(SpanQuery):
    """Narrowed to one metric by `metric_type`."""

    metric_type: Metric | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


def moment(said: datetime | date | None, *, end: bool = False) -> datetime | None:
    """A plain date means the beginning of that day, or its end; a time without a zone is UTC."""
    if said is None:
        return None
    if not isinstance(said, datetime):
        return datetime.combine(said, time.max if end else time.min, UTC)
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


class TotalsAnswer(TypedDict):
    total_tokens: int
    total_searches: int
    total_storage_bytes: int
    total_videos_uploaded: int
    total_videos_processed: int
    total_segments_created: int


class PeriodAnswer(TypedDict):
    period_start: Moment
    period_end: Moment


class CurrentAnswer(PeriodAnswer):
    user_id: str
    metrics: dict[str, float]
    model_usage: dict[str, dict[str, float]]
    auth_usage: dict[str, dict[str, str | float]]
    totals: TotalsAnswer


class HistoryItemAnswer(PeriodAnswer):
    summary_id: str
    metrics: dict[str, float]
    model_usage: dict[str, dict[str, float]]
    auth_usage: dict[str, dict[str, str | float]]
    totals: dict[str, int]


class HistoryAnswer(TypedDict):
    user_id: str
    periods: list[HistoryItemAnswer]


class DetailAnswer(TypedDict):
    event_id: str
    metric_type: str
    value: float
    unit: str
    timestamp: Moment
    metadata: Object


class BreakdownAnswer(PeriodAnswer):
    user_id: str
    breakdown: dict[str, float]
    totals: TotalsAnswer


class MetricTypeAnswer(TypedDict):
    type: str
    description: str
    unit: str


class CategoryAnswer(TypedDict):
    minute_used: int
    minute_limit: int
    minute_remaining: int
    hour_used: int
    hour_limit: int
    hour_remaining: int
    reset_at: int


class LimitsAnswer(TypedDict):
    user_id: str
    plan_id: str
    categories: dict[str, CategoryAnswer]
