"""One runner per data folder."""

import fcntl
import os
import time
from pathlib import Path

from emulators.runner.refusal import CannotStart

# A killed runner's children end at once, but not in no time: they hold the lock too, and a successor waits for them.
_PATIENCE_SECONDS = 5.0


def own(data_dir: Path) -> int:
    """Locks the folder and answers the descriptor that holds the lock while it, or a child's copy, is open.

    Raises `CannotStart` if another runner serves the folder.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "runner.lock", os.O_RDWR | os.O_CREAT, 0o600)
    ends = time.monotonic() + _PATIENCE_SECONDS
    while not _locked(descriptor):
        if time.monotonic() > ends or _is_alive(_owner(descriptor)):
            owner = _owner(descriptor)
            os.close(descriptor)
            raise CannotStart(f"{data_dir} is served by another runner (process {owner}): stop it, or choose another DATA_DIR")
        time.sleep(0.05)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode()
    return int(text) if text.isdigit() else 0


def _is_alive(process: int) -> bool:
    if not process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
