"""Setting up what happens to an index by itself; stopping it and letting it go on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.api.automations.schemas import ExportAutomationBody, ImportAutomationBody, PromptPreset
from functions.api.automations.views import automation_view
from shared.domain.automations import Automation, AutomationKind, AutomationState, automation_id, started
from shared.domain.connectors import EXPORT, IMPORT
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.http.call import Call
from shared.store.automations import Automations
from shared.store.connectors import Connectors
from shared.store.documents import Changed, Store
from shared.store.indexes import Indexes
from shared.store.prompts import Prompts

_TRIES = 10  # at a change that a stage's own changes come in between of


@dataclass(frozen=True)
class Deps:
    store: Store
    automations: Automations
    indexes: Indexes
    connectors: Connectors
    prompts: Prompts


def get_import(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Retrieve the import automation of an index"""
    return _get(call, deps, index_id, "import")


def get_export(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Retrieve the export automation of an index"""
    return _get(call, deps, index_id, "export")


def put_import(call: Call[ImportAutomationBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """Create or replace the import automation of an index"""
    body = call.body
    deps.indexes.own(call.tenant, index_id)
    _check_connector(call.tenant, body.connector_id, IMPORT, "connector_id", deps)
    if body.prompt_preset is not None:
        _check_preset(call.tenant, body.prompt_preset, deps)
    preset = None if body.prompt_preset is None else body.prompt_preset.model_dump(exclude_unset=True)
    values = body.model_dump(exclude={"prompt_preset"}) | {"prompt_preset": preset}
    return _put(call, deps, index_id, "import", values)


def put_export(call: Call[ExportAutomationBody], deps: Deps, index_id: str) -> dict[str, Any]:
    """Create or replace the export automation of an index"""
    body = call.body
    deps.indexes.own(call.tenant, index_id)
    _check_connector(call.tenant, body.destination_connector_id, EXPORT, "destination_connector_id", deps)
    values = {
        "enabled": body.enabled,
        "paused": body.paused,
        "connector_id": body.destination_connector_id,
        "destination_subpath": body.destination_subpath,
    }
    return _put(call, deps, index_id, "export", values)


def pause_import(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Pause the import automation; what it has begun goes on, nothing new begins"""
    return _set_paused(call, deps, index_id, "import", True)


def resume_import(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Let the import automation go on"""
    return _set_paused(call, deps, index_id, "import", False)


def pause_export(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Pause the export automation"""
    return _set_paused(call, deps, index_id, "export", True)


def resume_export(call: Call[None], deps: Deps, index_id: str) -> dict[str, Any]:
    """Let the export automation go on; runs that ended in between are exported then"""
    return _set_paused(call, deps, index_id, "export", False)


def _get(call: Call[Any], deps: Deps, index_id: str, kind: AutomationKind) -> dict[str, Any]:
    deps.indexes.own(call.tenant, index_id)
    return automation_view(deps.automations.get(call.tenant, index_id, kind))


def _put(call: Call[Any], deps: Deps, index_id: str, kind: AutomationKind, values: dict[str, Any]) -> dict[str, Any]:
    def decide(found: Automation | None) -> dict[str, Any]:
        """A replaced one keeps what it has done. Another interval counts from now; one that was off begins anew."""
        kept: dict[str, Any] = {"last_error": "", "failures": 0}
        if found is None or not found.enabled:
            return {**kept, "active_since": None, "caught_up_to": None, "next_run_at": None}
        if kind == "import" and found.debounce_interval != values["debounce_interval"]:
            kept["next_run_at"] = None
        return kept

    return _change(call, deps, index_id, kind, lambda found: {**values, **decide(found)}, create=True)


def _set_paused(call: Call[Any], deps: Deps, index_id: str, kind: AutomationKind, paused: bool) -> dict[str, Any]:
    deps.indexes.own(call.tenant, index_id)
    return _change(call, deps, index_id, kind, lambda _: {"paused": paused}, create=False)


def _change(
    call: Call[Any],
    deps: Deps,
    index_id: str,
    kind: AutomationKind,
    decide: Callable[[Automation | None], dict[str, Any]],
    *,
    create: bool,
) -> dict[str, Any]:
    """Writes and sets going what was decided over the newest state; a worker that holds the document then starts over."""
    for _ in range(_TRIES):
        found = deps.automations.find(call.tenant, index_id, kind)
        if found is None and not create:
            deps.automations.get(call.tenant, index_id, kind)
        now = deps.store.clock()
        automation = found or Automation(
            created_at=now,
            updated_at=now,
            tenant=call.tenant,
            automation_id=automation_id(index_id, kind),
            index_id=index_id,
            kind=kind,
            user_id=call.caller.user_id,
            status=AutomationState.STOPPED,
        )
        values = decide(found)
        for name, value in values.items():
            setattr(automation, name, value)
        values |= started(automation, now)
        batch = deps.store.batch()
        if found is None:
            for name, value in values.items():
                setattr(automation, name, value)
            batch.create(automation)
        else:
            batch.change(automation, lease_until=None, **values)
        try:
            batch.commit()
        except Changed:
            continue
        deps.automations.schedule(automation)
        deps.automations.wake(automation, f"changed-{automation.version}")
        return automation_view(automation)
    raise ApiError(ErrorCode.CONFLICT, "the automation changed in the same moment; try again")


def _check_connector(tenant: str, connector_id: str, scope: str, field: str, deps: Deps) -> None:
    connector = deps.connectors.get(tenant, connector_id)
    if scope not in connector.scopes:
        raise invalid(field, f"this connector's scopes do not include {scope}")


def _check_preset(tenant: str, preset: PromptPreset, deps: Deps) -> None:
    if not deps.prompts.get(tenant, preset.prompt_id).is_active:
        raise invalid("prompt_preset.prompt_id", "this prompt is deactivated; choose an active one or create it anew")
