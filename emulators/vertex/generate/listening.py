"""Listens to a stretch of media: who speaks when, which words, and what the rest sounds like."""

from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from emulators.vertex.generate import sound
from emulators.vertex.generate.evidence import Hearing, Utterance
from emulators.vertex.generate.recogniser_pool import RecogniserPool, Word
from emulators.vertex.generate.speech_gate import RATE, ModelMissing, SpeechGate
from emulators.vertex.generate.subtitles import spoken_language, subtitle_lines
from shared.media.audio import audio_span

SUBTITLES = "subtitle track"
NO_SPEECH = "no speech heard"
NO_GATE = "speech recognition is not installed"
_WAV_HEADER = 44
# A pause inside one breath of speech after which a new utterance is written down.
NEW_UTTERANCE = 0.7


class Listener:
    """Recognises what its pool's engine does; pocketsphinx knows English only. Subtitles are believed in any language."""

    def __init__(self, pool: RecogniserPool, gate: SpeechGate) -> None:
        self._pool = pool
        self._gate = gate

    def listen(self, open_source: Callable[[], BinaryIO], start: float, end: float) -> Hearing:
        """Times of what is heard are seconds of the media."""
        pcm = np.frombuffer(audio_span(open_source(), start, end), "<i2", offset=_WAV_HEADER)
        loudness, silence, tonal = sound.measure(pcm)
        try:
            spans = self._gate.spans(pcm) if silence < 1.0 else []
            without = NO_SPEECH
        except ModelMissing:  # without the gate nothing is recognised: ungated, music would turn into words
            spans, without = [], NO_GATE
        language, lines = subtitle_lines(open_source(), start, end)
        source = SUBTITLES
        if not lines:
            lines, heard_language = self._recognise(pcm, spans, start)
            source = self._pool.engine if lines else without
            language = (spoken_language(open_source()) or heard_language) if lines else None
        return Hearing(
            source=source,
            language=language,
            utterances=tuple(lines),
            speech=tuple((round(start + a, 3), round(start + b, 3)) for a, b in spans),
            loudness=loudness,
            silence=silence,
            tonal=tonal,
        )

    def _recognise(self, pcm: np.ndarray, spans: list[tuple[float, float]], start: float) -> tuple[list[Utterance], str | None]:
        """What was said, and the language of most of it."""
        if not spans:
            return [], None
        pieces = [pcm[int(a * RATE) : int(b * RATE)].tobytes() for a, b in spans]
        heard = self._pool.hear(pieces)
        languages = [one.language for one in heard for _ in one.words]
        utterances = [
            utterance
            for (begins, _), one in zip(spans, heard, strict=True)
            for utterance in _utterances(one.words, start + begins)
        ]
        return utterances, max(set(languages), key=languages.count) if languages else None


def _utterances(words: list[Word], begins: float) -> list[Utterance]:
    """The words of a span as sentences-to-be, parted where the speaker pauses."""
    groups: list[list[Word]] = []
    for word in words:
        if groups and word[1] - groups[-1][-1][2] < NEW_UTTERANCE:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [
        Utterance(
            round(begins + group[0][1], 2),
            round(begins + group[-1][2], 2),
            " ".join(word[0] for word in group),
            round(sum(word[3] for word in group) / len(group), 3),
            tuple((word, round(begins + a, 2), round(begins + b, 2), p) for word, a, b, p in group),
        )
        for group in groups
    ]
