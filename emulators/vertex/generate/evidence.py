"""What the senses found in a stretch of media: plain values that can be kept and read again."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """Words read in a picture; `height` is their share of the picture's height, `at` seconds in the media.

    `box` is left, top, width and height as shares of the picture; empty where it was not told.
    """

    text: str
    confidence: float
    height: float
    at: float
    box: tuple[float, ...] = ()


@dataclass(frozen=True)
class Look:
    """What was seen. Shares, brightness, saturation and motion run from 0 to 1; None means not measured."""

    width: int
    height: int
    moving_picture: bool
    lines: tuple[Line, ...] = ()
    colours: tuple[tuple[str, float], ...] = ()
    brightness: float = 0.0
    saturation: float = 0.0
    motion: float | None = None
    shots: int | None = None
    sharpness: float | None = None
    movement: str | None = None  # of the camera: static, pan, tilt, zoom, or moving for any other

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Look":
        lines = tuple(Line(**{**line, "box": tuple(line["box"])}) for line in kept["lines"])
        colours = tuple((name, share) for name, share in kept["colours"])
        return cls(**{**kept, "lines": lines, "colours": colours})


@dataclass(frozen=True)
class Utterance:
    """Words spoken without a long pause, in seconds of the media; `words` are (word, start, end, confidence), if they were told
    apart."""

    start: float
    end: float
    text: str
    confidence: float
    words: tuple[tuple[str, float, float, float], ...] = ()


@dataclass(frozen=True)
class Hearing:
    """What was heard. `source` tells where the words come from; loudness is in dBFS, the rest are shares."""

    source: str
    language: str | None = None
    utterances: tuple[Utterance, ...] = ()
    speech: tuple[tuple[float, float], ...] = ()
    loudness: float = -120.0
    silence: float = 1.0
    tonal: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Hearing":
        utterances = tuple(
            Utterance(**{**one, "words": tuple((w, a, b, p) for w, a, b, p in one["words"])}) for one in kept["utterances"]
        )
        speech = tuple((start, end) for start, end in kept["speech"])
        return cls(**{**kept, "utterances": utterances, "speech": speech})
