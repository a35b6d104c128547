"""An automation on the wire: what was put, and what it does."""

from typing import Any, Literal

from typing_extensions import TypedDict

from shared.domain.automations import Automation
from shared.domain.clock import wire_time
from shared.http.answers import Moment, Object


class _Common(TypedDict):
    index_id: str
    enabled: bool
    paused: bool
    created_at: Moment
    updated_at: Moment
    last_run_at: Moment | None
    next_run_at: Moment | None
    last_error: str | None


class ImportAutomationAnswer(_Common):
    """`next_run_at` is the next look at the source; null while it is paused or not enabled."""

    connector_id: str
    source_prefix: str
    file_pattern: str
    recursive: bool
    debounce_interval: Literal["5m", "10m", "1h", "1d"]
    prompt_preset: Object | None


class ExportAutomationAnswer(_Common):
    """It waits for runs, so `next_run_at` is always null."""

    destination_connector_id: str
    destination_subpath: str


def automation_view(automation: Automation) -> dict[str, Any]:
    asked: dict[str, Any]
    if automation.kind == "import":
        asked = {
            "connector_id": automation.connector_id,
            "source_prefix": automation.source_prefix,
            "file_pattern": automation.file_pattern,
            "recursive": automation.recursive,
            "debounce_interval": automation.debounce_interval,
            "prompt_preset": automation.prompt_preset,
        }
    else:
        asked = {
            "destination_connector_id": automation.connector_id,
            "destination_subpath": automation.destination_subpath,
        }
    return {
        "index_id": automation.index_id,
        "enabled": automation.enabled,
        "paused": automation.paused,
        **asked,
        "created_at": wire_time(automation.created_at),
        "updated_at": wire_time(automation.updated_at),
        "last_run_at": wire_time(automation.last_run_at),
        "next_run_at": wire_time(automation.next_run_at) if automation.active else None,
        "last_error": automation.last_error or None,
    }
