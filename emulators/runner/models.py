"""The models process: vector search, embeddings and generation."""

from emulators.clock import MovableClock
from emulators.faults import Faults
from emulators.runner import child
from emulators.runner.site import Site
from emulators.runner.stored import Stored
from emulators.vertex.server import serve


def run(site: Site) -> None:
    child.give_way()
    stored = Stored(site.url("storage"))
    server = serve(
        site.data_dir,
        Faults(),
        MovableClock(),
        stored.read,
        port=site.ports.models,
        read_range=stored.read_range,
        object_size=stored.size,
    )
    child.settle()
    child.wait_for_stop(server.stop)
