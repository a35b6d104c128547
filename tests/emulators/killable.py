"""Starts an emulator in a process of its own and kills it as a crash would."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType


class Killable:
    """`port` is where it listens."""

    def __init__(self, name: str, path: Path) -> None:
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.emulators.queue_process", name, str(path)],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> "Killable":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
