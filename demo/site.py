"""The running product that the tour visits: the one that is there, or one started for the occasion."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators.runner.serve import is_healthy

_START_SECONDS = 90.0


class NotRunning(Exception):
    """Nothing could be started; the message says why."""


@contextmanager
def running(port: int, data_dir: Path) -> Iterator[dict[str, str]]:
    """The credentials of a healthy site on that port with that data. One that is started here is stopped again."""
    credentials = data_dir / "credentials.json"
    if _serves(port, credentials):
        yield json.loads(credentials.read_text())
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir / "logs" / "demo-runner.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "emulators.runner", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    before = credentials.stat().st_mtime_ns if credentials.exists() else 0
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ, start_new_session=True)
    try:
        _wait(process, credentials, before, log)
        yield json.loads(credentials.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def _serves(port: int, credentials: Path) -> bool:
    """A site answers on the port, and it is the one of this data folder."""
    if not is_healthy(f"http://127.0.0.1:{port}"):
        return False
    try:
        said = json.loads(credentials.read_text())
    except (OSError, ValueError) as error:
        raise NotRunning(f"port {port} is served by a site with other data: choose another PORT, or its DATA_DIR") from error
    return said["base_url"] == f"http://127.0.0.1:{port}/api/v2"


def _wait(process: subprocess.Popen[bytes], credentials: Path, before: int, log: Path) -> None:
    """Until the site has written its credentials, which it does once it is healthy."""
    ends = time.monotonic() + _START_SECONDS
    while not credentials.exists() or credentials.stat().st_mtime_ns == before:
        if process.poll() is not None:
            raise NotRunning(log.read_text().strip())
        if time.monotonic() > ends:
            raise NotRunning(f"not up after {_START_SECONDS:.0f} s; see {log}")
        time.sleep(0.05)
