"""What a witness knows of each kind of thing a field may ask for, as text, list, number and truth."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulators.vertex.generate import wording
from emulators.vertex.generate.evidence import Line
from emulators.vertex.generate.match import kinds_for_name
from emulators.vertex.generate.witness import Witness

MOVES = 0.02
GREY = 0.04
DARK, BRIGHT = 0.25, 0.65
SOFT = 30.0
BLANK = 0.5
# The share of the picture that words must cover to make it a card of text.
CARD = 0.06
HEADLINE_LETTERS = 120


@dataclass(frozen=True)
class Known:
    """One kind of thing as it was found; whatever is None or empty was not."""

    text: str | None = None
    items: tuple[str, ...] = ()
    number: float | None = None
    truth: bool | None = None
    is_share: bool = False


NOTHING = Known()


class Facts:
    """Asks the witness only for what a field needs, and each kind once."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self._known: dict[str, Known] = {}

    def known(self, kind: str) -> Known:
        if kind not in self._known:
            find = _KINDS.get(kind)
            self._known[kind] = find(self) if find is not None else self._written(kind)
        return self._known[kind]

    # -- words ---------------------------------------------------------------------------------------------------

    def lines(self) -> tuple[Line, ...]:
        return self.witness.look.lines if self.witness.look is not None else ()

    def spoken(self) -> list[str]:
        return [one.text for one in self.witness.hearing.utterances] if self.witness.hearing is not None else []

    def texts(self) -> list[str]:
        """All words there are, on screen first."""
        if not self.witness.has_media:
            return self.witness.notes.sentences
        return [line.text for line in self.lines()] + self.spoken()

    def noted(self, kind: str) -> list[str]:
        """Words the request brought under a name of this kind; without any JSON, its own sentences stand for all."""
        notes = self.witness.notes
        if not notes.documents:
            return notes.sentences if not self.witness.has_media else []
        named = (node for node in notes.leaves if isinstance(node.value, str) and kind in kinds_for_name(node.path[-1])[:1])
        return [node.value.strip() for node in named if node.value.strip()]

    def noted_number(self, kind: str) -> float | None:
        """The first number the request brought under a name of this kind."""
        for node in self.witness.notes.leaves:
            counts = isinstance(node.value, int | float) and not isinstance(node.value, bool)
            if counts and kind in kinds_for_name(node.path[-1])[:1]:
                return float(node.value)
        return None

    def screen_text(self) -> Known:
        items = [line.text for line in self.lines()] or self.noted("screen_text")
        truth = None if self.witness.look is None else bool(items)
        between = " · " if self.witness.has_media else " "
        return Known(between.join(items) or None, tuple(items), float(len(items)), truth)

    def speech(self) -> Known:
        items = self.spoken() or self.noted("speech")
        hearing = self.witness.hearing
        if hearing is None:  # no sound at all is known silence; words alone tell nothing about sound
            truth = False if self.witness.stretches else None
            return Known(" ".join(items) or None, tuple(items), 0.0 if truth is False else None, truth)
        seconds = sum(end - start for start, end in hearing.speech)
        return Known(" ".join(items) or None, tuple(items), round(seconds, 2), bool(hearing.speech or items))

    def headline(self) -> Known:
        big = _biggest_words(self.lines())
        said = [] if big else self.spoken()
        noted = self.noted("headline") or self.noted("screen_text") or self.witness.notes.sentences
        if not big and not said and not noted:
            return Known(self.described())
        best = big or wording.shortened((said or _commonest(noted))[0], HEADLINE_LETTERS)
        return Known(best, tuple(dict.fromkeys([best, *noted])))

    def summary(self) -> Known:
        if not self.witness.has_media:
            notes = self.witness.notes
            chosen = wording.most_telling(notes.sentences, about=notes.prose if notes.documents else "")
            joined = " ".join(_ended(part) for part in chosen)
            return Known(joined or None, tuple(chosen))
        parts = []
        if lines := [line.text for line in self.lines()]:
            parts.append(_ended(f"On screen: {wording.shortened(' · '.join(lines), 300)}"))
        if said := wording.most_telling(self.spoken()):
            parts.append(_ended(f"Spoken: {wording.shortened(' … '.join(said), 500)}"))
        if not parts and (plain := self.described()):
            parts.append(plain)
        return Known(" ".join(parts) or None, tuple(parts))

    def keyword(self) -> Known:
        terms = tuple(term for term, _ in wording.keywords(self.texts()))
        return Known(", ".join(terms) or None, terms, float(len(terms)))

    def place(self) -> Known:
        named = self.noted("place") if self.witness.notes.documents else []
        items = tuple(named or wording.places(self.texts()))
        return Known(items[0] if items else None, items, None, True if items else None)

    def _written(self, kind: str) -> Known:
        """A date, a price, an address as the words show it."""
        if kind not in wording.PATTERNS:
            return NOTHING
        items = tuple(wording.found(kind, self.texts()))
        return Known(items[0] if items else None, items, _numeral(items[0]) if items else None, bool(items))

    def language(self) -> Known:
        hearing = self.witness.hearing
        code = hearing.language if hearing is not None else next(iter(self._named_texts("language")), None)
        return Known(code, (code,) if code else ())

    def _named_texts(self, kind: str) -> list[str]:
        return self.noted(kind) if self.witness.notes.documents else []

    # -- measures ------------------------------------------------------------------------------------------------

    def colour(self) -> Known:
        look = self.witness.look
        if look is None:
            return self._noted_list("colour")
        names = tuple(name for name, _ in look.colours)
        return Known(names[0] if names else None, names, float(len(names)))

    def _noted_list(self, kind: str) -> Known:
        items = tuple(self._named_texts(kind))
        return Known(", ".join(items) or None, items)

    def grey(self) -> Known:
        look = self.witness.look
        return NOTHING if look is None else Known(truth=look.saturation < GREY)

    def brightness(self) -> Known:
        look = self.witness.look
        if look is None:
            return self._noted_list("brightness")
        word = "dark" if look.brightness < DARK else "bright" if look.brightness > BRIGHT else "medium"
        return Known(word, (word,), look.brightness, None, is_share=True)

    def motion(self) -> Known:
        look = self.witness.look
        if look is None or look.motion is None:
            return self._noted_list("motion")
        moves = look.motion >= MOVES
        return Known("moving" if moves else "static", (), look.motion, moves, is_share=True)

    def sharpness(self) -> Known:
        look = self.witness.look
        if look is None or look.sharpness is None:
            return NOTHING
        sharp = look.sharpness >= SOFT
        return Known("sharp" if sharp else "blurred", (), look.sharpness, sharp)

    def movement(self) -> Known:
        """Of the camera. A picture in which much moves but nothing agrees on where to is only moving."""
        look = self.witness.look
        if look is None or look.movement is None:
            return NOTHING
        return Known(look.movement, (look.movement,), None, look.movement != "static")

    def shot_type(self) -> Known:
        """What a shot can be called without understanding it: blank, a card of text, or how its camera moves."""
        look = self.witness.look
        if look is None:
            return NOTHING
        if not look.lines and look.sharpness is not None and look.sharpness < BLANK:
            return Known("blank", ("blank",))
        if sum(line.box[2] * line.box[3] for line in look.lines if line.box) >= CARD and (look.motion or 0.0) < MOVES:
            return Known("text", ("text",))
        return Known(look.movement, (look.movement,)) if look.movement is not None else NOTHING

    def shots(self) -> Known:
        look = self.witness.look
        if look is None or look.shots is None:
            return NOTHING
        return Known(None, (), float(look.shots), look.shots > 1)

    def silence(self) -> Known:
        if not self.witness.stretches:
            return NOTHING
        hearing = self.witness.hearing
        share = hearing.silence if hearing is not None else 1.0
        return Known("silent" if share >= 0.98 else "not silent", (), share, share >= 0.98, is_share=True)

    def loudness(self) -> Known:
        hearing = self.witness.hearing
        return NOTHING if hearing is None else Known(f"{hearing.loudness:.1f} dBFS", (), hearing.loudness)

    def sound(self) -> Known:
        if not self.witness.stretches:
            return self._noted_list("sound")
        word = self._sound_word()
        return Known(word, (word,), None, word != "silent")

    def music(self) -> Known:
        """Held tones without speech are called music; mixed sound is not judged."""
        if not self.witness.stretches:
            return NOTHING
        hearing = self.witness.hearing
        if hearing is None or hearing.silence >= 0.98:
            return Known(truth=False, number=0.0, is_share=True)
        tonal = hearing.tonal >= 0.5 and not hearing.speech
        return Known(None, (), hearing.tonal, True if tonal else None, is_share=True)

    def _sound_word(self) -> str:
        hearing = self.witness.hearing
        if hearing is None or hearing.silence >= 0.98:
            return "silent"
        if hearing.speech or hearing.utterances:
            return "speech"
        return "tones" if hearing.tonal >= 0.5 else "sound without speech"

    def start(self) -> Known:
        span = self.witness.span
        if (noted := self.noted_number("start")) is not None:
            return Known(timecode(noted), (), noted)
        return NOTHING if span is None else Known(timecode(span[0]), (), round(span[0], 3))

    def end(self) -> Known:
        span = self.witness.span
        if (noted := self.noted_number("end")) is not None:
            return Known(timecode(noted), (), noted)
        return NOTHING if span is None else Known(timecode(span[1]), (), round(span[1], 3))

    def duration(self) -> Known:
        span = self.witness.span
        if (noted := self.noted_number("duration")) is not None:
            return Known(timecode(noted), (), noted)
        if span is None:
            return NOTHING
        return Known(f"{span[1] - span[0]:.2f} s", (), round(span[1] - span[0], 3))

    def width(self) -> Known:
        look = self.witness.look
        return NOTHING if look is None else Known(str(look.width), (), float(look.width))

    def height(self) -> Known:
        look = self.witness.look
        return NOTHING if look is None else Known(str(look.height), (), float(look.height))

    def resolution(self) -> Known:
        look = self.witness.look
        return NOTHING if look is None else Known(f"{look.width}x{look.height}")

    def described(self) -> str | None:
        """A plain sentence of measures, for media in which no words were found."""
        if not self.witness.stretches:
            return None
        parts = []
        if (look := self.witness.look) is not None:
            colour = " and ".join(name for name, _ in look.colours[:2]) or "dim"
            parts.append(f"{colour} {'frame' if look.moving_picture else 'picture'}")
            if look.motion is not None:
                parts.append("moving" if look.motion >= MOVES else "static")
        if any(not stretch.is_image for stretch in self.witness.stretches):
            parts.append(self._sound_word())
        return ", ".join(parts) or None

    # -- lists of things -----------------------------------------------------------------------------------------

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The timed or counted things of a kind, each as the parts it is known by."""
        if kind == "speech" and self.witness.hearing is not None:
            language = self.witness.hearing.language
            return [
                {"start": u.start, "end": u.end, "duration": round(u.end - u.start, 3), "text": u.text,
                 "confidence": u.confidence, "language": language,
                 "words": [{"text": w, "start": a, "end": b, "confidence": p} for w, a, b, p in u.words]}
                for u in self.witness.hearing.utterances
            ]  # fmt: skip
        if kind == "screen_text" and self.lines():
            return [
                {"text": line.text, "start": line.at, "confidence": line.confidence, "box": line.box or None}
                for line in self.lines()
            ]
        if kind == "colour" and self.witness.look is not None:
            return [{"text": name, "share": share} for name, share in self.witness.look.colours]
        if kind == "keyword":
            return self._terms(wording.keywords(self.texts()))
        if self.witness.has_media:
            return []
        if kind == "summary" and not self.witness.notes.documents:
            return self._terms(wording.subjects(self.texts()))
        return [{"text": text} for text in self.known(kind).items]

    def _terms(self, terms: list[tuple[str, int]]) -> list[dict[str, Any]]:
        """Each term with how often it came and the text that brought it first."""
        texts = self.texts()
        return [
            {"text": term, "count": count, "context": next((text for text in texts if term in text.lower()), None)}
            for term, count in terms
        ]


def timecode(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _numeral(text: str) -> float | None:
    digits = wording.PATTERNS["number"].search(text)
    if digits is None:
        return None
    try:
        return float(digits.group(0).replace(",", ""))
    except ValueError:
        return None


def _ended(sentence: str) -> str:
    return sentence if sentence[-1] in ".!?…" else f"{sentence}."


def _commonest(texts: list[str]) -> list[str]:
    """The text that comes up most, or the most telling one where each is there once."""
    (text, times), *_ = Counter(texts).most_common(1)
    return [text] if times > 1 else wording.most_telling(texts, 1)


def _biggest_words(lines: tuple[Line, ...]) -> str | None:
    """The tallest line of words and its neighbours of the same height in the same picture, as one headline."""
    worded = [line for line in lines if sum(letter.isalpha() for letter in line.text) >= 3]
    if not worded:
        return None
    tallest = max(worded, key=lambda line: line.height * min(3, len(line.text.split())) ** 0.5)
    same = [line for line in worded if line.at == tallest.at and 0.8 <= line.height / tallest.height <= 1.25]
    return wording.shortened(" ".join(line.text for line in same), HEADLINE_LETTERS)


_KINDS: dict[str, Callable[[Facts], Known]] = {
    name: getattr(Facts, name)
    for name in (
        "screen_text", "speech", "headline", "summary", "keyword", "place", "language", "colour", "grey", "brightness",
        "motion", "sharpness", "movement", "shot_type", "shots", "silence", "loudness", "sound", "music", "start", "end",
        "duration", "width", "height", "resolution",
    )
}  # fmt: skip

# Which senses each kind needs; kinds not named here need both, or neither.
LOOKING = frozenset(
    ("screen_text", "headline", "summary", "keyword", "place", "colour", "grey", "brightness", "motion", "shots", "sharpness",
     "movement", "shot_type", "width", "height", "resolution", *wording.PATTERNS)
)  # fmt: skip
LISTENING = frozenset(
    ("speech", "summary", "keyword", "place", "language", "silence", "loudness", "sound", "music", *wording.PATTERNS)
)
