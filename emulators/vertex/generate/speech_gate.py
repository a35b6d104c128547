"""Tells speech from music and noise, so that the recogniser never invents words: Silero VAD, from a package's assets."""

import hashlib
import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RATE = 16_000
WINDOW = 512
CONTEXT = 64
MODEL_SHA256 = "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2"

BEGIN, STOP = 0.5, 0.35
MIN_SPEECH = 0.25
MIN_PAUSE = 0.45
MAX_SPAN = 14.0
PAD = 0.12


class ModelMissing(RuntimeError):
    """The model file is absent or not the one that was measured."""


def model_path() -> Path:
    """Where the model lies, found without importing the package around it."""
    spec = importlib.util.find_spec("faster_whisper")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "assets" / "silero_vad_v6.onnx"
        if path.is_file():
            return path
    raise ModelMissing("Silero VAD is not installed: `pip install --no-deps faster-whisper==1.2.1` brings it.")


class SpeechGate:
    """Finds the spans in which somebody speaks; the model is looked for and loaded at first use."""

    def __init__(self, find_model: Callable[[], Path] = model_path) -> None:
        self._find_model = find_model
        self._session: Any = None
        self._lock = threading.Lock()

    def probabilities(self, pcm: np.ndarray) -> np.ndarray:
        """How likely each window of 32 ms of 16 kHz mono int16 samples is speech."""
        if not len(pcm):
            return np.zeros(0, np.float32)
        samples = pcm.astype(np.float32) / 32768
        windows = np.pad(samples, (0, -len(samples) % WINDOW)).reshape(-1, WINDOW)
        context = np.zeros((len(windows), CONTEXT), np.float32)
        context[1:] = windows[:-1, -CONTEXT:]
        state = np.zeros((1, 1, 128), np.float32)
        feed = {"input": np.concatenate([context, windows], axis=1), "h": state, "c": state}
        return np.asarray(self._loaded().run(None, feed)[0]).ravel()

    def spans(self, pcm: np.ndarray) -> list[tuple[float, float]]:
        """Speech in seconds from the first sample, pauses cut out, no span much longer than 14 s."""
        likely = self.probabilities(pcm)
        length = len(pcm) / RATE
        return [(max(0.0, start - PAD), min(length, end + PAD)) for span in _runs(likely) for start, end in _split(span, likely)]

    def _loaded(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _load(self._find_model())
            return self._session


def _load(path: Path) -> Any:
    import onnxruntime

    model = path.read_bytes()
    if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
        raise ModelMissing(f"{path.name} is not the Silero VAD v6 this was built for.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _runs(likely: np.ndarray) -> list[tuple[float, float]]:
    step = WINDOW / RATE
    runs: list[tuple[float, float]] = []
    began: float | None = None
    quiet: float | None = None
    for index, probability in enumerate(likely):
        at = index * step
        if began is None:
            began = at if probability >= BEGIN else None
            continue
        if probability >= STOP:
            quiet = None
        else:
            quiet = at if quiet is None else quiet
            if at - quiet >= MIN_PAUSE:
                runs.append((began, quiet))
                began = quiet = None
    if began is not None:
        runs.append((began, quiet if quiet is not None else len(likely) * step))
    return [(start, end) for start, end in runs if end - start >= MIN_SPEECH]


def _split(span: tuple[float, float], likely: np.ndarray) -> list[tuple[float, float]]:
    """Cuts a long span where speech is least likely, never in its first or last two seconds."""
    start, end = span
    if end - start <= MAX_SPAN:
        return [span]
    step = WINDOW / RATE
    first, last = int((start + 2) / step), int(min(end - 2, start + MAX_SPAN) / step)
    at = (first + int(np.argmin(likely[first:last]))) * step
    return [(start, at), *_split((at, end), likely)]
