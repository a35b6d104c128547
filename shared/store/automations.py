"""Automations of a tenant, and how they are told to look."""

from datetime import datetime

from shared.domain.automations import Automation, AutomationKind, automation_id
from shared.domain.errors import ApiError, ErrorCode
from shared.messaging.messages import RunAutomation
from shared.messaging.queues import Queues
from shared.store.documents import Store


class Automations:
    def __init__(self, store: Store, queues: Queues) -> None:
        self._store = store
        self._queues = queues

    def find(self, tenant: str, index_id: str, kind: AutomationKind) -> Automation | None:
        return self._store.get(Automation, tenant, automation_id(index_id, kind))

    def get(self, tenant: str, index_id: str, kind: AutomationKind) -> Automation:
        """Raises AUTOMATION_NOT_FOUND."""
        found = self.find(tenant, index_id, kind)
        if found is None:
            raise ApiError(ErrorCode.AUTOMATION_NOT_FOUND, f"this index has no {kind} automation")
        return found

    def schedule(self, automation: Automation) -> None:
        """Its next look, by a task that waits for its hour; named after it, so that asking twice makes one."""
        due = automation.next_run_at
        if automation.active and due is not None:
            self._send(automation, slot=f"due-{_stamp(due)}", not_before=due)

    def wake(self, automation: Automation, because: str) -> None:
        """A look now; `because` tells one reason from another."""
        if automation.active:
            self._send(automation, slot=because)

    def _send(self, automation: Automation, *, slot: str, not_before: datetime | None = None) -> None:
        command = RunAutomation(tenant=automation.tenant, automation_id=automation.automation_id)
        self._queues.send(command, slot=slot, not_before=not_before)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%S.%f")
