"""What lies outside of the product and is reached by it: a receiver of webhooks, and a customer's bucket."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulators.faults import Faults, InjectedFault
from shared.connectors.opening import Opener
from shared.connectors.port import Cloud
from shared.domain.connectors import Connector
from shared.egress.client import Answer, Unreachable


@dataclass
class Receiver:
    """Takes what webhooks send, in the place of the network; `refuses` says whether it answers 503 this time."""

    faults: Faults
    refuses: Callable[[], bool]
    took: list[tuple[str, str]] = field(default_factory=list)  # delivery and attempt, of what it answered 200

    def request(self, method: str, url: str, *, headers: dict[str, str], **_: Any) -> Answer:
        try:
            with self.faults.around(f"webhook.{method}"):
                if self.refuses():
                    return Answer(503, {}, b"not now")
                self.took.append((headers["X-Delivery-ID"], headers["X-Delivery-Attempt-Id"]))
                return Answer(200, {}, b"taken")
        except InjectedFault as fault:
            raise Unreachable("the connection was lost") from fault


class CustomersOpener(Opener):
    """Connectors lead to buckets of the same storage, by the client that is there."""

    def __init__(self, whole: Opener, client: Any) -> None:
        super().__init__(whole._settings, whole.sealer)
        self._client = client

    def open(self, connector: Connector) -> Cloud:
        cloud: Any = super().open(connector)
        cloud.__dict__["_client"] = self._client  # what it would make of the customer's key on first use
        return cloud
