"""The process that turns speech into words: faster-whisper with a model folder of the user's, else pocketsphinx with the English
model inside its wheel.

Run as `python -m emulators.vertex.generate.recogniser [MODEL_FOLDER]`. It reads utterances from standard input and answers each
on standard output, both as a little-endian 32-bit length and that many bytes: 16 kHz mono int16 samples in, JSON `{"language":
…, "words": [[word, start_seconds, end_seconds, probability], …]}` out. It ends when its input ends, so it cannot outlive its
owner.
"""

import json
import os
import re
import struct
import sys
from typing import IO, Any, Protocol

import numpy as np

_VARIANT = re.compile(r"\(\d+\)$")
FRAMES_PER_SECOND = 100
LENGTH = struct.Struct("<I")


Words = list[tuple[str, float, float, float]]


class Engine(Protocol):
    def hear(self, pcm: bytes) -> tuple[str, Words]:
        """The language (two letters) and the words of one utterance, times in seconds from its beginning."""


class Sphinx:
    """English only. What the decoder learned of the sound (its noise floor above all) is forgotten before each utterance: kept,
    it changes the words of the next one, and a new decoder for each would cost a third of a second."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=16000, loglevel="FATAL")

    def hear(self, pcm: bytes) -> tuple[str, Words]:
        return "en", self._words(pcm)

    def _words(self, pcm: bytes) -> Words:
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return []
        return [
            (
                _VARIANT.sub("", part.word),
                part.start_frame / FRAMES_PER_SECOND,
                (part.end_frame + 1) / FRAMES_PER_SECOND,
                round(min(1.0, max(0.0, part.prob)), 3),
            )
            for part in self._decoder.seg()
            if part.word[0] not in "<["
        ]


class Whisper:
    """Any language the model knows. Nothing said before is given to it as context, so one utterance cannot colour the next."""

    def __init__(self, folder: str) -> None:
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)

    def hear(self, pcm: bytes) -> tuple[str, Words]:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        segments, info = self._model.transcribe(
            samples, word_timestamps=True, condition_on_previous_text=False, vad_filter=False, beam_size=5
        )
        words = [word for segment in segments for word in segment.words or []]
        return info.language, [
            (word.word.strip(), round(float(word.start), 2), round(float(word.end), 2), round(float(word.probability), 3))
            for word in words
            if word.word.strip()
        ]


def read_message(source: IO[bytes]) -> bytes | None:
    """The next message, or None when the other side is gone."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    body = source.read(size)
    return body if len(body) == size else None


def write_message(target: IO[bytes], body: bytes) -> None:
    target.write(LENGTH.pack(len(body)) + body)
    target.flush()


def main() -> None:
    """Answers until the input ends. The C library may print, so the answers get a descriptor of their own."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    engine: Engine = Whisper(sys.argv[1]) if len(sys.argv) > 1 else Sphinx()
    while (pcm := read_message(sys.stdin.buffer)) is not None:
        language, words = engine.hear(pcm)
        write_message(answers, json.dumps({"language": language, "words": words}).encode())


if __name__ == "__main__":
    main()
