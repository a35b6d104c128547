"""A process's output: every line to its file, warnings and worse to the terminal too."""

import json
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

_LARGEST = 16 * 1024 * 1024  # bytes, then the file is put aside and a fresh one begun
_TAIL_LINES = 25
_LOUD = {"WARNING", "ERROR", "CRITICAL"}


class LogFile:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        self._last: deque[str] = deque(maxlen=_TAIL_LINES)

    def take(self, stream: IO[bytes]) -> None:
        """Reads the stream to its end."""
        for line in stream:
            self._write(line)
        stream.close()

    def tail(self) -> str:
        """The last lines, for a message that says why a process ended."""
        with self._lock:
            return "".join(self._last).rstrip()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _write(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        with self._lock:
            self._last.append(text)
            if self._file.closed:
                return
            if self._size > _LARGEST:
                self._begin_anew()
            self._file.write(line)
            self._size += len(line)
        loud = loud_message(text)
        if loud:
            print(f"{self._path.stem}: {loud}", file=sys.stderr, flush=True)

    def _begin_anew(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_suffix(".1.log"))
        self._file = self._path.open("ab", buffering=0)
        self._size = 0


def loud_message(line: str) -> str:
    """What of a line belongs on the terminal: the message of a warning or an error, else nothing."""
    if not line.startswith("{"):
        return ""
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(said, dict) or said.get("severity") not in _LOUD:
        return ""
    rest = " ".join(f"{key}={value}" for key, value in said.items() if key not in _QUIET)
    return f"{said['severity'].lower()}: {said.get('message', '')} {rest}".strip()


_QUIET = {"severity", "time", "message", "stack_trace"}
