"""Folders for tables and queries that a killed process left in the temporary directory."""

import os
import re
import shutil
import tempfile
from pathlib import Path

_OURS = re.compile(r"^videovector-(?:tables|sql)-([0-9]+)-")


def prefix(purpose: str) -> str:
    """For a folder of this process: its number says later whether anybody still uses it."""
    return f"videovector-{purpose}-{os.getpid()}-"


def sweep(within: Path | None = None) -> list[Path]:
    """Removes those of our own user whose process is gone; what was removed."""
    removed = []
    for folder in (within or Path(tempfile.gettempdir())).iterdir():
        match = _OURS.match(folder.name)
        if match is None or _is_alive(int(match[1])):
            continue
        try:
            if folder.is_symlink() or folder.lstat().st_uid != os.getuid():
                continue
            folder.chmod(0o700)
            shutil.rmtree(folder)
        except OSError:  # another process sweeps too
            continue
        removed.append(folder)
    return removed


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's: not ours to judge
        return True
    return True
