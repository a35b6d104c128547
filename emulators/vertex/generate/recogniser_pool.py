"""Recognisers at work side by side: one process each, started when first needed, sent home when idle."""

import json
import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from emulators.vertex.generate.recogniser import read_message, write_message

ROOT = Path(__file__).resolve().parents[3]
Word = tuple[str, float, float, float]


class RecogniserLost(RuntimeError):
    """A recogniser process died twice over the same utterance."""


class _Worker:
    def __init__(self) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emulators.vertex.generate.recogniser"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def words(self, pcm: bytes) -> list[Word]:
        assert self._process.stdin is not None and self._process.stdout is not None
        write_message(self._process.stdin, pcm)
        answer = read_message(self._process.stdout)
        if answer is None:
            raise BrokenPipeError("the recogniser is gone")
        return [(str(word), float(a), float(b), float(p)) for word, a, b, p in json.loads(answer)]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class RecogniserPool:
    """At most `size` processes; callers wait for a free one. Safe for many threads."""

    def __init__(self, size: int) -> None:
        self.size = max(1, size)
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(self.size):
            self._idle.put(None)  # a place not yet taken by a process
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="recognise")
        self._alive: set[_Worker] = set()
        self._lock = threading.Lock()

    def words(self, utterances: list[bytes]) -> list[list[Word]]:
        """The words of each utterance, times in seconds from its own beginning."""
        if len(utterances) == 1:
            return [self._one(utterances[0])]
        return list(self._threads.map(self._one, utterances))

    def _one(self, pcm: bytes) -> list[Word]:
        for _ in range(2):
            worker = self._idle.get() or self._start()
            try:
                words = worker.words(pcm)
            except (OSError, ValueError):
                self._drop(worker)
                self._idle.put(None)
                continue
            self._idle.put(worker)
            return words
        raise RecogniserLost("speech recognition stopped twice on the same words")

    def pids(self) -> set[int]:
        with self._lock:
            return {worker.pid for worker in self._alive}

    def _start(self) -> _Worker:
        worker = _Worker()
        with self._lock:
            self._alive.add(worker)
        return worker

    def _drop(self, worker: _Worker) -> None:
        worker.stop()
        with self._lock:
            self._alive.discard(worker)

    def rest(self) -> None:
        """Ends the processes that have nothing to do; the next utterance starts new ones."""
        free: list[_Worker | None] = []
        with suppress(queue.Empty):
            while True:
                free.append(self._idle.get_nowait())
        for worker in free:
            if worker is not None:
                self._drop(worker)
            self._idle.put(None)

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            alive = list(self._alive)
        for worker in alive:
            self._drop(worker)
