"""From what happened to the automations that it concerns: each is told to look, and decides itself what there is to do."""

from dataclasses import dataclass

from shared.domain.automations import Automation, automation_id
from shared.domain.events import Event, EventType
from shared.domain.exports import Export
from shared.messaging.messages import EventHappened
from shared.store.automations import Automations
from shared.store.documents import Store

_RUNS = (EventType.PROMPT_RUN_COMPLETED, EventType.PROMPT_RUN_PARTIAL_COMPLETED)
_IMPORTS = (EventType.IMPORT_JOB_COMPLETED, EventType.IMPORT_JOB_PARTIAL_COMPLETED, EventType.IMPORT_JOB_FAILED)
_EXPORTS = (EventType.EXPORT_READY, EventType.EXPORT_FAILED)
CONCERN = frozenset((*_RUNS, *_IMPORTS, *_EXPORTS))


@dataclass(frozen=True)
class Deps:
    store: Store
    automations: Automations


def react_automations(message: EventHappened, deps: Deps) -> None:
    if message.event_type and message.event_type not in CONCERN:
        return
    event = deps.store.get(Event, message.tenant, message.event_id)
    if event is None:
        return
    concerned = [(event.tenant, one) for one in _concerned(event, deps.store)]
    for automation in deps.store.get_all(Automation, concerned):
        deps.automations.wake(automation, event.event_id)


def _concerned(event: Event, store: Store) -> list[str]:
    payload = event.payload
    if event.event_type in _RUNS:
        return [automation_id(index_id, "export") for index_id in payload.get("index_ids", [])]
    if event.event_type in _IMPORTS:
        index_id = payload.get("target_index_id", "")
        return [automation_id(index_id, "import")] if index_id else []
    if event.event_type in _EXPORTS:
        export = store.get(Export, event.tenant, payload.get("export_id", ""))
        return [export.automation_id] if export is not None and export.automation_id else []
    return []
