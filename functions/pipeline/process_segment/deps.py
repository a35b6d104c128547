"""What work on a segment stands on."""

from dataclasses import dataclass

from shared.inference.models import Models
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import Store
from shared.vectors.index import VectorIndex
from shared.work.claims import Claims
from shared.work.fan_in import FanIn


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    objects: Objects
    models: Models
    vectors: VectorIndex
    claims: Claims
    fan_in: FanIn
