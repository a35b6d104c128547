"""The process that turns speech into words: pocketsphinx with the English model inside its wheel.

Run as `python -m emulators.vertex.generate.recogniser`. It reads utterances from standard input and answers each on
standard output, both as a little-endian 32-bit length and that many bytes: 16 kHz mono int16 samples in, JSON
`[[word, start_seconds, end_seconds, probability], …]` out. It ends when its input ends, so it cannot outlive its owner.
"""

import json
import os
import re
import struct
import sys
from typing import IO

_VARIANT = re.compile(r"\(\d+\)$")
FRAMES_PER_SECOND = 100
LENGTH = struct.Struct("<I")


class Recogniser:
    """One decoder. What it learned of the sound (its noise floor above all) is forgotten before each utterance: kept, it
    changes the words of the next one, and a new decoder for each would cost a third of a second."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=16000, loglevel="FATAL")

    def words(self, pcm: bytes) -> list[tuple[str, float, float, float]]:
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
    recogniser = Recogniser()
    while (pcm := read_message(sys.stdin.buffer)) is not None:
        write_message(answers, json.dumps(recogniser.words(pcm)).encode())


if __name__ == "__main__":
    main()
