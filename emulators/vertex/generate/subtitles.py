"""Words that come with the media as a subtitle track: written by people, so better than any recognition."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from emulators.vertex.generate.evidence import Utterance
from shared.media.opener import Container, open_media

TEXT_CODECS = frozenset(("mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"))
# A line whose packet does not say how long it stands.
USUAL_SECONDS = 3.0
_STYLE = re.compile(r"\{[^}]*\}|<[^>]*>")
_LANGUAGES = {"eng": "en", "fra": "fr", "fre": "fr", "deu": "de", "ger": "de", "spa": "es", "ita": "it", "por": "pt",
              "nld": "nl", "dut": "nl", "rus": "ru", "jpn": "ja", "kor": "ko", "zho": "zh", "chi": "zh", "ara": "ar",
              "hin": "hi", "pol": "pl", "swe": "sv", "tur": "tr", "ukr": "uk"}  # fmt: skip


def language_code(stream: Any) -> str | None:
    """The two-letter code of a stream that names its language, else what it says, None for "undetermined"."""
    said = (stream.metadata or {}).get("language", "").lower()
    return None if said in ("", "und", "zxx", "mul") else _LANGUAGES.get(said, said)


def spoken_language(source: BinaryIO) -> str | None:
    """The language the sound track says it is in."""
    with open_media(source) as container:
        return language_code(container.audio) if container.audio is not None else None


def subtitle_lines(source: BinaryIO, start: float, end: float) -> tuple[str | None, list[Utterance]]:
    """Language and lines shown mostly within [start, end), in seconds of the media; no lines without a text track.

    A line belongs where its middle is, or to a stretch of which it fills half, so neighbours do not both claim it.
    """
    with open_media(source) as container:
        stream = _best(container)
        if stream is None:
            return None, []
        container.seek(max(0.0, start - 10.0))
        lines: dict[tuple[float, str], Utterance] = {}
        for begins, stops, text in _lines(container, stream, end):
            middle, shared = (begins + stops) / 2, min(stops, end) - max(begins, start)
            if text and (start <= middle < end or shared >= (end - start) / 2 > 0):
                spoken = Utterance(round(max(begins, start), 3), round(min(stops, end), 3), text, 1.0)
                lines[(spoken.start, text)] = spoken
        return language_code(stream), sorted(lines.values(), key=lambda line: line.start)


def _best(container: Container) -> Any:
    """The text track in the language of the sound, else the first one."""
    tracks = [s for s in container.subtitles if s.codec_context is not None and s.codec_context.name in TEXT_CODECS]
    heard = language_code(container.audio) if container.audio is not None else None
    return next((s for s in tracks if heard and language_code(s) == heard), tracks[0] if tracks else None)


def _lines(container: Container, stream: Any, end: float) -> Iterator[tuple[float, float, str]]:
    for packet in container.packets(stream):
        begins = container.time_of(packet)
        if begins is None:
            continue
        if begins >= end:
            break
        stops = begins + (float(packet.duration * packet.time_base) if packet.duration else USUAL_SECONDS)
        for part in container.decode(packet):
            raw = getattr(part, "dialogue", None) or getattr(part, "text", None) or b""
            text = _STYLE.sub("", raw.decode("utf-8", "replace")).replace("\\N", " ").replace("\\n", " ")
            yield begins, stops, " ".join(text.split())
