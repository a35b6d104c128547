"""Keeps the processes of a site running: starts them, starts again what dies, stops all in order."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulators.runner import child
from emulators.runner.logfile import LogFile
from emulators.runner.refusal import CannotStart
from emulators.runner.site import ROOT

ROLES = ("cloud", "models", "work", "api")
_STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_HOPELESS = 4  # deaths in a row before the site was ever healthy


@dataclass
class Process:
    """One role's process; `deaths` counts those since it was last healthy."""

    role: str
    log: LogFile
    running: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    start_at: float = 0.0
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """`sockets` maps a role to the descriptor of the listening socket it accepts on; `keep_open` are inherited by all."""

    def __init__(
        self,
        environment: Mapping[str, str],
        logs: Path,
        sockets: Mapping[str, int],
        keep_open: tuple[int, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = {**os.environ, **environment, child.PARENT: str(os.getpid())}
        self._sockets = sockets
        self._keep_open = keep_open
        self._clock = clock
        self._processes = [Process(role, LogFile(logs / f"{role}.log")) for role in ROLES]
        self._stopping = False
        self.was_healthy = False

    def start(self) -> None:
        for process in self._processes:
            self._spawn(process)

    def stop_soon(self, *_: object) -> None:
        """For signal handlers: it sets a flag and takes no lock."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        return self._stopping

    def watch(self, seconds: float) -> None:
        """Looks after the processes for that long, or until told to stop. Raises `CannotStart` when it is hopeless."""
        ends = self._clock() + seconds
        while not self._stopping and self._clock() < ends:
            for process in self._processes:
                self._look_after(process)
            time.sleep(min(_LOOK_SECONDS, max(0.0, ends - self._clock())))

    def healthy(self) -> None:
        """Everything answers: earlier deaths no longer count."""
        self.was_healthy = True
        for process in self._processes:
            process.deaths = 0

    def stop(self) -> None:
        """SIGTERM to the takers of work first, then to the cloud they need; SIGKILL to what is left after 5 seconds."""
        self._stopping = True
        ends = self._clock() + _STOP_SECONDS
        for roles, share in ((("api", "work"), 0.6), (("models", "cloud"), 1.0)):
            stopped = [process for process in self._processes if process.role in roles and process.running]
            for process in stopped:
                self._signal(process, signal.SIGTERM)
            until = ends - _STOP_SECONDS * (1 - share)
            for process in stopped:
                self._await(process, until)
        for process in self._processes:
            for reader in process.readers:
                reader.join(timeout=0.5)
            process.log.close()

    def pids(self) -> dict[str, int]:
        return {process.role: process.running.pid for process in self._processes if process.running}

    def _look_after(self, process: Process) -> None:
        if process.running is None:
            if self._clock() >= process.start_at:
                self._spawn(process)
            return
        status = process.running.poll()
        if status is None:
            return
        process.running = None
        process.deaths += 1
        if not self.was_healthy and process.deaths >= _HOPELESS:
            raise CannotStart(f"the {process.role} process ended {process.deaths} times while starting:\n{process.log.tail()}")
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (process.deaths - 1))
        process.start_at = self._clock() + pause
        say(f"the {process.role} process ended ({_described(status)}); starting it again in {pause:g} s")

    def _spawn(self, process: Process) -> None:
        descriptor = self._sockets.get(process.role)
        command = [sys.executable, "-m", "emulators.runner", process.role]
        if descriptor is not None:
            command += ["--listen-on", str(descriptor)]
        process.running = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(*self._keep_open, *([] if descriptor is None else [descriptor])),
        )
        reader = threading.Thread(
            target=process.log.take, args=(process.running.stdout,), name=f"log-{process.role}", daemon=True
        )
        reader.start()
        process.readers = [thread for thread in process.readers if thread.is_alive()] + [reader]

    def _signal(self, process: Process, number: signal.Signals) -> None:
        if process.running is not None and process.running.poll() is None:
            process.running.send_signal(number)

    def _await(self, process: Process, until: float) -> None:
        if process.running is None:
            return
        try:
            process.running.wait(max(0.05, until - self._clock()))
        except subprocess.TimeoutExpired:
            process.running.kill()
            process.running.wait()


def _described(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def say(text: str) -> None:
    """To whoever watches the terminal."""
    print(text, file=sys.stderr, flush=True)
