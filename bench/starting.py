"""From the command to the first healthy answer, on an empty folder and on one that holds data."""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figure import Figure
from bench.site import free_port
from emulators.runner.serve import is_healthy

_ROUNDS = 3
_LONGEST = 60.0


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="videovector-bench-") as folder:
        first = _seconds(Path(folder) / "data")
        again = statistics.median(_seconds(Path(folder) / "data") for _ in range(_ROUNDS))
    return [
        Figure("start to healthy, empty folder", first, "s", "< 5"),
        Figure("start to healthy, again", again, "s", "< 5"),
    ]


def _seconds(data_dir: Path) -> float:
    port = free_port()
    command = [sys.executable, "-m", "emulators.runner", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_healthy(f"http://127.0.0.1:{port}"):
            if process.poll() is not None or time.perf_counter() - begun > _LONGEST:
                raise RuntimeError("the runner did not come up")
            time.sleep(0.01)
        return time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
