"""One look of an automation: what is there to be done, done once, and when to look again.

Everything that sets it off only says "look": a task at its hour, the end of a run or an import, a change by the user, the sweep.
What it begins has an id made of what set it off, and begins in the commit that writes that down, so looks too many find nothing.
"""

from dataclasses import dataclass

from functions.pipeline.run_automation.exporting import export_ended_runs
from functions.pipeline.run_automation.importing import follow_import, look_at_source
from shared.connectors.opening import Opener
from shared.domain.automations import Automation
from shared.domain.media import Index
from shared.messaging.messages import RunAutomation
from shared.messaging.queues import Queues
from shared.store.automations import Automations
from shared.store.documents import Store
from shared.store.imports import Imports
from shared.work.claims import Claims


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    automations: Automations
    imports: Imports
    opener: Opener
    claims: Claims


def run_automation(message: RunAutomation, deps: Deps) -> None:
    automation = deps.store.get(Automation, message.tenant, message.automation_id)
    if automation is None or not automation.active or not _index_is_there(automation, deps.store):
        return
    if automation.kind == "export":
        export_ended_runs(automation, deps.store, deps.queues)
        return
    if automation.job_id:
        follow_import(automation, deps.store, deps.queues, deps.imports)
    due = automation.next_run_at
    if due is not None and due <= deps.store.clock():
        look_at_source(automation, deps.store, deps.imports, deps.opener, deps.claims)
    deps.automations.schedule(automation)


def _index_is_there(automation: Automation, store: Store) -> bool:
    index = store.get(Index, automation.tenant, automation.index_id)
    return index is not None and index.deleted_at is None
