"""An emulator in a process of its own, so that a test can kill it: `python -m tests.emulators.queue_process NAME FILE`.

Prints its port and serves until it is killed.
"""

import sys
import threading
from pathlib import Path
from typing import Any

from emulators.faults import Faults
from emulators.pubsub import engine as pubsub_engine
from emulators.pubsub import server as pubsub_server
from emulators.tasks import engine as tasks_engine
from emulators.tasks import server as tasks_server


def main(name: str, path: Path) -> None:
    if name == "pubsub":
        server: Any = pubsub_server.serve(pubsub_engine.Engine(path), Faults())
    else:
        server = tasks_server.serve(tasks_engine.Engine(path), Faults())
    print(server.port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
