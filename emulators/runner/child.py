"""What every process below the supervisor does: end with its parent, stop when told, log, and give memory back."""

import ctypes
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

PARENT = "VIDEOVECTOR_PARENT"
_PR_SET_PDEATHSIG = 1
_TRIM_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_LATER = 5  # steps of priority: a third of the processor where somebody else wants it, all of it where nobody does


class _Json(logging.Formatter):
    """The same lines as the functions' own."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"severity": record.levelname, "time": datetime.now(UTC).isoformat(), "message": record.getMessage()}
        if record.exc_info:
            said["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def begin() -> None:
    """To be called first: ties this process to its parent and sets up the log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the supervisor, which stops us in order
    parent = int(os.environ[PARENT])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()


def give_way() -> None:
    """What works in the background lets those go first whom somebody waits for: the API and what it reads from.

    To be called before the threads begin that do the work: on Linux it counts for the thread that calls and those it makes.
    """
    if hasattr(os, "nice"):
        os.nice(_LATER)


def _watch(parent: int) -> None:
    """Ends this process when its parent is gone, also where the system does not, and returns memory that is not in use."""
    trimmed = time.monotonic()
    while True:
        if os.getppid() != parent:
            os._exit(1)
        if time.monotonic() - trimmed > _TRIM_SECONDS:
            trim()
            trimmed = time.monotonic()
        time.sleep(1.0)


def trim() -> None:
    """Hands free heap pages back to the system, where its C library can."""
    gc.collect(1)
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:  # another C library than glibc
        return


def settle() -> None:
    """After start-up: what is there stays, so the collector need not walk it again."""
    gc.collect()
    gc.freeze()
    trim()


def wait_for_stop(on_stop: Callable[[], None]) -> None:
    """Sleeps until SIGTERM, then calls `on_stop`."""
    told = False

    def tell(*_: object) -> None:  # a flag only: an Event's lock may be held by the very thread that is interrupted
        nonlocal told
        told = True

    signal.signal(signal.SIGTERM, tell)
    while not told:
        time.sleep(_LOOK_SECONDS)
    on_stop()
