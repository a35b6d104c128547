"""What work on a segment stands on."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from shared.inference.models import Models
from shared.messaging.queues import Queues
from shared.objects.buckets import Objects
from shared.store.documents import Store
from shared.vectors.index import VectorIndex
from shared.work.claims import Claims
from shared.work.fan_in import FanIn

Pool = Callable[..., AbstractContextManager[Executor]]


@dataclass(frozen=True)
class Deps:
    store: Store
    queues: Queues
    objects: Objects
    models: Models
    vectors: VectorIndex
    claims: Claims
    fan_in: FanIn
    pool: Pool = ThreadPoolExecutor  # what a segment's operations run side by side in
