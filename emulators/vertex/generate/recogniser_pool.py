"""Recognisers at work side by side: one process each, started when first needed, sent home when idle."""

import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from emulators.vertex.generate.recogniser import read_message, write_message

ROOT = Path(__file__).resolve().parents[3]
SPHINX = "pocketsphinx en-US"
Word = tuple[str, float, float, float]


@dataclass(frozen=True)
class Heard:
    """The words of one utterance, times in seconds from its beginning, and the language they are in."""

    language: str
    words: list[Word]


def whisper_folder(environment: Mapping[str, str] = os.environ) -> str | None:
    """The faster-whisper model the user has put on this machine (`WHISPER_MODEL_DIR`), if it and the package are there.

    Whether both exist is found out before anything is loaded: the package would try to download a model it cannot find.
    """
    folder = environment.get("WHISPER_MODEL_DIR", "")
    there = bool(folder) and (Path(folder) / "model.bin").is_file()
    installed = all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "ctranslate2"))
    return folder if there and installed else None


class RecogniserLost(RuntimeError):
    """A recogniser process died twice over the same utterance."""


class _Worker:
    def __init__(self, arguments: Sequence[str]) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emulators.vertex.generate.recogniser", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self, pcm: bytes) -> Heard:
        assert self._process.stdin is not None and self._process.stdout is not None
        write_message(self._process.stdin, pcm)
        answer = read_message(self._process.stdout)
        if answer is None:
            raise BrokenPipeError("the recogniser is gone")
        said = json.loads(answer)
        words = [(str(word), float(a), float(b), float(p)) for word, a, b, p in said["words"]]
        return Heard(str(said["language"]), words)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class RecogniserPool:
    """At most `size` processes; callers wait for a free one. Safe for many threads."""

    def __init__(self, size: int, whisper: str | None = None) -> None:
        """`whisper` is the folder of a faster-whisper model; without it pocketsphinx listens."""
        self.size = max(1, size)
        self.engine = f"faster-whisper ({Path(whisper).name})" if whisper else SPHINX
        self._arguments = [whisper] if whisper else []
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(self.size):
            self._idle.put(None)  # a place not yet taken by a process
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="recognise")
        self._alive: set[_Worker] = set()
        self._lock = threading.Lock()

    def words(self, utterances: list[bytes]) -> list[list[Word]]:
        """The words of each utterance, times in seconds from its own beginning."""
        return [heard.words for heard in self.hear(utterances)]

    def hear(self, utterances: list[bytes]) -> list[Heard]:
        """Words and language of each utterance."""
        if len(utterances) == 1:
            return [self._one(utterances[0])]
        return list(self._threads.map(self._one, utterances))

    def _one(self, pcm: bytes) -> Heard:
        for _ in range(2):
            worker = self._idle.get() or self._start()
            try:
                heard = worker.hear(pcm)
            except (OSError, ValueError, LookupError):
                self._drop(worker)
                self._idle.put(None)
                continue
            self._idle.put(worker)
            return heard
        raise RecogniserLost("speech recognition stopped twice on the same words")

    def pids(self) -> set[int]:
        with self._lock:
            return {worker.pid for worker in self._alive}

    def _start(self) -> _Worker:
        worker = _Worker(self._arguments)
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
