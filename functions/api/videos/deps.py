"""What the media endpoints stand on."""

from dataclasses import dataclass

from shared.connectors.opening import Opener
from shared.messaging.topics import Topics
from shared.objects.buckets import Objects
from shared.store.connectors import Connectors
from shared.store.deletions import Deletions
from shared.store.documents import Store
from shared.store.indexes import Indexes
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos


@dataclass(frozen=True)
class Deps:
    store: Store
    topics: Topics
    objects: Objects
    pages: Pages
    indexes: Indexes
    videos: Videos
    runs: Runs
    deletions: Deletions
    connectors: Connectors
    opener: Opener
