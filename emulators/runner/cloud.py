"""The cloud process: every emulator but the models', sole owner of their files."""

import threading
from collections.abc import Callable
from typing import Protocol

from emulators.clock import MovableClock
from emulators.control import control_app
from emulators.dispatch.listener import Listener
from emulators.faults import Faults
from emulators.firestore.engine import Engine as Firestore
from emulators.firestore.server import serve as serve_firestore
from emulators.identity.engine import Engine as Identity
from emulators.identity.server import serve as serve_identity
from emulators.pubsub.engine import Engine as PubSub
from emulators.pubsub.server import serve as serve_pubsub
from emulators.runner import child
from emulators.runner.provision import Provision, jobs
from emulators.runner.site import ACCOUNT, ISSUER, PROJECT, ROOT, UNIVERSE, Site
from emulators.scheduler.engine import Engine as Scheduler
from emulators.scheduler.server import serve as serve_scheduler
from emulators.storage.engine import Engine as Storage
from emulators.storage.server import serve as serve_storage
from emulators.tasks.engine import Engine as Tasks
from emulators.tasks.server import serve as serve_tasks
from infra.manifests import load_manifests

INDEXES = ROOT / "infra" / "firestore.indexes.json"


class Running(Protocol):
    def stop(self) -> object: ...


class Cloud:
    """Engines over one data folder, each behind its own port. The control port opens last: then all is provisioned."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._clock = MovableClock()
        self._faults = Faults()
        data, clock = site.data_dir, self._clock
        cloud = data / "cloud"
        self.identity = Identity(data, clock, ISSUER)
        self.firestore = Firestore(cloud / "firestore.sqlite", clock, INDEXES if INDEXES.exists() else None)
        self.pubsub = PubSub(cloud / "pubsub.sqlite", clock)
        self.tasks = Tasks(cloud / "tasks.sqlite", clock)
        self.storage = Storage(data, clock, self.identity.public_key_pem, self.pubsub.announce)
        self.scheduler = Scheduler(cloud / "scheduler.sqlite", clock)
        self._running: list[Running] = []

    def start(self) -> None:
        ports, faults, manifests = self._site.ports, self._faults, load_manifests()
        token_uri = f"{self._site.url('identity')}/token"
        self.identity.service_account_file(self._site.account_file, token_uri, ACCOUNT, PROJECT, universe=UNIVERSE)
        sign = self.identity.oidc_token
        self._running += [
            serve_identity(self.identity, faults, port=ports.identity),
            serve_firestore(self.firestore, faults, port=ports.firestore),
            serve_storage(self.storage, faults, port=ports.storage),
        ]
        provision = Provision(self._site, manifests)
        provision.topics(self.pubsub)
        provision.buckets()
        provision.queues(self.tasks)
        # Pushes and tasks left from before go out as soon as these run, so everything they meet is there already.
        self._running += [
            serve_pubsub(self.pubsub, faults, sign, ports.pubsub),
            serve_tasks(self.tasks, faults, sign, ports.tasks),
        ]
        self.scheduler.configure(jobs(self._site, manifests))
        self._running.append(serve_scheduler(self.scheduler, faults, sign, ports.scheduler))
        resets: dict[str, Callable[[], None]] = {
            "firestore": self.firestore.reset,
            "pubsub": self.pubsub.reset,
            "tasks": self.tasks.reset,
        }
        waking = [server.dispatcher.wake for server in self._running if hasattr(server, "dispatcher")]
        self._running.append(Listener(control_app(faults, self._clock, resets, waking), ports.control))

    def stop(self) -> None:
        """All at once: each stops taking calls and lets those at work end."""
        threads = [threading.Thread(target=server.stop, daemon=True) for server in self._running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=2.0)


def run(site: Site) -> None:
    cloud = Cloud(site)
    cloud.start()
    child.settle()
    child.wait_for_stop(cloud.stop)
