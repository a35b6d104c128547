"""Automations: what happens to an index by itself. One that imports, one that exports, each with its own document."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal

from shared.domain.documents import Work, json_field
from shared.domain.ids import derived_id

AutomationKind = Literal["import", "export"]
INTERVALS: dict[str, timedelta] = {
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
WAKE_GRACE = timedelta(seconds=60)  # after a scheduled look, before the sweep asks for it again
RECHECK = timedelta(minutes=5)  # how often an import under way is looked after if nobody tells of its end
SWEEP = timedelta(hours=1)  # how often an export automation looks for ends of runs that nobody told it of


class AutomationState(StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"  # paused, or not enabled


@dataclass(kw_only=True)
class Automation(Work):
    """`job_id` is the import under way, whose media the prompt has not been run over yet.

    `active_since`: what ended before is not exported. `caught_up_to`: up to when ends of runs were looked at.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/automations/{automation_id}"

    tenant: str
    automation_id: str
    index_id: str
    kind: AutomationKind
    user_id: str
    enabled: bool = True
    paused: bool = False
    connector_id: str = ""
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    debounce_interval: str = "10m"
    prompt_preset: dict[str, Any] | None = json_field(lambda: None)
    destination_subpath: str = ""
    job_id: str = ""
    export_id: str = ""  # the last one asked for
    active_since: datetime | None = None
    caught_up_to: datetime | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None
    last_error: str = ""

    @property
    def active(self) -> bool:
        return self.enabled and not self.paused

    @property
    def interval(self) -> timedelta:
        return INTERVALS[self.debounce_interval]


def automation_id(index_id: str, kind: AutomationKind) -> str:
    """An index has one of each kind."""
    return derived_id("automation", index_id, kind)


def import_of(automation: Automation, due: datetime) -> str:
    """The id of the import that the look due then begins, however often it is looked."""
    return derived_id("import_job", automation.automation_id, due.isoformat())


def run_of(automation: Automation, job_id: str) -> str:
    """The id of the run over what an import brought."""
    return derived_id("run", automation.automation_id, job_id)


def export_of(automation: Automation, run_id: str, status: str) -> str:
    """The id of the export of a run that ended so; one whose end gets better after retries is exported again."""
    return derived_id("export", automation.automation_id, run_id, status)


def started(automation: Automation, now: datetime) -> dict[str, Any]:
    """The values that set a configured automation going, or leave it going."""
    if not automation.active:
        return {"status": AutomationState.STOPPED, "wake_at": None}
    values: dict[str, Any] = {"status": AutomationState.ACTIVE, "active_since": automation.active_since or now}
    if automation.kind == "export":
        return {**values, "caught_up_to": automation.caught_up_to or now, "wake_at": now + SWEEP}
    due = max(now, automation.next_run_at) if automation.next_run_at else now + automation.interval
    return {
        **values,
        "next_run_at": due,
        "wake_at": min(due + WAKE_GRACE, now + RECHECK) if automation.job_id else due + WAKE_GRACE,
    }
