"""Fills a schema from evidence: every value is something seen, heard, measured or given, or it is left out."""

import re
from typing import Any

from emulators.vertex.generate import wording
from emulators.vertex.generate.coercion import MISSING, coerced, distinct, fitted, member, neutral, padded
from emulators.vertex.generate.facts import LISTENING, LOOKING, Facts, Known
from emulators.vertex.generate.match import (
    BOOLEANS,
    COUNTABLE,
    NUMBERS,
    Place,
    asks_for_a_count,
    asks_what_sort,
    is_unseen,
    kinds_for,
    record_kind,
    slot_for,
)
from emulators.vertex.generate.notes import Notes
from emulators.vertex.generate.rules import within
from emulators.vertex.generate.shape import Shape
from emulators.vertex.generate.sources import COUNTED, LABELLED, Sources
from emulators.vertex.generate.vocabulary import any_stem, words_of
from emulators.vertex.generate.witness import Witness

MAX_ITEMS = 200
MAX_DEPTH = 40
_TEXT_FORMATS = {"date": "date", "date-time": "date", "time": "clock_time", "email": "email", "uri": "link"}
_WHOLE_SHAPE = {
    "date": re.compile(r"\d{4}-\d{2}-\d{2}$"),
    "uri": re.compile(r"https?://\S+$"),
    "email": re.compile(r"\S+@\S+$"),
    "time": re.compile(r"never$^"),
    "date-time": re.compile(r"never$^"),
}
_NEGATIONS = ("no", "not", "without", "lack", "missing")
_DARKNESS = ("dark", "dim", "night")
_STILLNESS = ("static", "still", "motionless")
_NUMBERED_MEMBER = {"colour", "motion", "brightness", "language", "sound", "silence", "sharpness", "movement", "shot_type"}


class Filler:
    """Fills one answer; `unknown` lists the places about which nothing was known, in schema order, and `sources` where the other
    values come from."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._kind = ""  # of evidence that filled the last value
        self.sources = Sources(facts)
        self._notes = facts.witness.notes
        self.unknown: list[str] = []

    def answer(self, shape: Shape) -> Any:
        self._facts.witness.use(senses_for(Place((), shape)))
        place = Place((), shape)
        found = self._value(place)
        return neutral(shape) if found is MISSING else found

    def _value(self, place: Place) -> Any:
        shape = place.shape
        if len(place.path) > MAX_DEPTH:
            return MISSING
        written = self._written(place)
        if written is not MISSING:
            self.sources.written(str(place), place.name)
            return written
        fill = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": self._number,
            "integer": self._number,
            "boolean": self._boolean,
            "any": self._string,
        }.get(shape.kind)
        if shape.enum is not None:
            fill = self._member
        self._kind = ""
        found = fill(place) if fill is not None else None
        if self._kind and found is not MISSING:
            self.sources.tell(str(place), self._kind, found)
            self._kind = ""
        return found

    # -- what the request already says -----------------------------------------------------------------------------

    def _written(self, place: Place) -> Any:
        """A value the request's own JSON holds under this name. Prose is only taken where one value stands for all."""
        shape = place.shape
        if not place.path or place.path[-1] == "[]" or not self._notes.documents:
            return MISSING
        values = [node.value for node in self._notes.named(place.path)]
        if not values:
            return MISSING
        if shape.kind == "array" and shape.enum is None:
            lists = [one for value in values for one in (value if isinstance(value, list) else [value])]
            return coerced(distinct(lists)[:MAX_ITEMS], shape)
        if shape.kind == "object" and len(values) > 1:
            return MISSING
        fit = distinct([one for one in (coerced(value, shape) for value in values) if one is not MISSING])
        if not fit:
            return MISSING
        told = set(kinds_for(place)[:1]) & {"summary", "speech", "screen_text"}
        if len(fit) == 1 or shape.kind != "string" or shape.enum is not None or not told:
            values = [coerced(value, shape) for value in values]
            return max(fit, key=lambda one: (sum(v == one for v in values), -fit.index(one)))
        return " ".join(wording.most_telling([str(one) for one in fit])) or fit[0]

    # -- shapes ----------------------------------------------------------------------------------------------------

    def _object(self, place: Place) -> Any:
        shape, filled = place.shape, {}
        known = False
        for name, inner in shape.properties.items():
            found = self._value(place.under(name, inner))
            if found is not MISSING:
                filled[name] = found
                known = known or found not in ([], {}, None, "")
                continue
            self.unknown.append(str(place.under(name, inner)))
            if name in shape.required or inner.nullable:
                filled[name] = neutral(inner)
        if not known and place.path and shape.nullable:
            return None
        return filled if filled or not place.path or shape.required else MISSING

    def _array(self, place: Place) -> Any:
        shape = place.shape
        if shape.prefix:
            return self._tuple(place)
        inner = shape.items
        found: list[Any] = []
        if inner is not None and inner.kind == "object" and inner.properties:
            found = self._records(place, inner)
        elif inner is not None and inner.kind not in ("object", "array", "null"):
            found = self._items(place, inner)
        most = MAX_ITEMS if shape.max_items is None else min(shape.max_items, MAX_ITEMS)
        found = found[:most]
        if not found:
            self.unknown.append(str(place))
            if shape.nullable:
                return None
        return padded(found, shape)

    def _tuple(self, place: Place) -> list[Any]:
        filled = []
        for inner in place.shape.prefix[: place.shape.max_items]:
            found = self._value(place.under("[]", inner))
            filled.append(neutral(inner) if found is MISSING else found)
        return padded(filled, place.shape)

    def _items(self, place: Place, inner: Shape) -> list[Any]:
        if inner.enum is not None:
            return self._members(place, inner)
        for kind in kinds_for(place):
            fit = [coerced(item, inner) for item in self._facts.known(kind).items]
            fit = [one for one in fit if one is not MISSING]
            if fit:
                self._kind = kind
                return distinct(fit)
        self._kind = LABELLED
        return [one for one in (coerced(v, inner) for v in self._labelled(place)) if one is not MISSING]

    def _records(self, place: Place, inner: Shape) -> list[Any]:
        """A list of objects, one for each timed or counted thing of the kind asked for."""
        if self._notes.things and not is_unseen(place):
            return self._from_things(inner)
        kind = record_kind(place)
        slots = {name: slot_for(name, shape) for name, shape in inner.properties.items()}
        if kind is None or "text" not in slots.values():
            return []
        things = self._facts.records(kind)[:MAX_ITEMS]
        self.sources.records(f"{place}[]", kind, things)
        return [self._record(thing, inner, slots) for thing in things]

    def _from_things(self, inner: Shape) -> list[Any]:
        """One object for each thing of a list in the request's JSON, filled from that thing alone."""
        filled = []
        for thing in self._notes.things[:MAX_ITEMS]:
            one = Filler(Facts(Witness([], Notes.of(thing))))
            answer = one.answer(inner)
            if len(one.unknown) <= len(inner.properties) / 2:
                filled.append(answer)
        return distinct(filled)

    def _record(self, thing: dict[str, Any], inner: Shape, slots: dict[str, str | None]) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        taken: set[str] = set()
        for name, shape in inner.properties.items():
            slot = slots[name]
            part = "context" if slot == "text" and slot in taken else slot
            value = thing.get(part) if part is not None else None
            if slot in ("start", "end", "duration") and value is not None:
                value = self._moment(value, slot, name, shape)
            if slot == "words" and value is not None and shape.items is not None:
                inside = {part: slot_for(part, item) for part, item in shape.items.properties.items()}
                value = [self._record(word, shape.items, inside) for word in value][: shape.max_items]
                found: Any = padded(value, shape)
            elif slot == "box" and value is not None:
                found = coerced(_corners(value, shape), shape)
            else:
                found = coerced(value, shape) if value is not None else MISSING
            if found is not MISSING:
                taken.add(slot or "")
                filled[name] = found
            elif name in inner.required or shape.nullable:
                filled[name] = neutral(shape)
        return filled

    def _moment(self, seconds: float, slot: str, name: str, shape: Shape) -> Any:
        """A time in the unit and from the beginning that the field's own words ask for."""
        words = f"{name} {shape.words}".lower()
        span = self._facts.witness.span
        if slot != "duration" and span is not None and _from_the_stretch(words):
            seconds -= span[0]
        if shape.kind == "string":
            return f"{int(seconds) // 60:02d}:{seconds % 60:05.2f}"
        if "millisecond" in words or name.lower().endswith("ms"):
            return round(seconds * 1000)
        return round(seconds, 3)

    # -- single values ---------------------------------------------------------------------------------------------

    def _string(self, place: Place) -> Any:
        said = self._said(place)
        return said if said is MISSING else within(said, place.shape.description)

    def _said(self, place: Place) -> Any:
        pattern = _WHOLE_SHAPE.get(place.shape.format)
        kinds = [] if asks_what_sort(place) else kinds_for(place)
        wanted = _TEXT_FORMATS.get(place.shape.format)
        if wanted is not None:
            kinds = [wanted] if not is_unseen(place) else []
        if asks_for_a_count(place) and (count := self._count(kinds)) is not None:
            self._kind = COUNTED
            return f"{count:g}"
        for value in self._labelled(place):
            if pattern is None or pattern.match(value):
                self._kind = LABELLED
                return value
        for kind in kinds:
            known = self._facts.known(kind)
            self._kind = kind
            if kind in ("start", "end") and known.number is not None:
                return self._moment(known.number, kind, place.name, Shape("string", description=place.shape.description))
            if known.text and (pattern is None or pattern.match(known.text)):
                return known.text
        return MISSING

    def _labelled(self, place: Place) -> list[str]:
        return wording.labelled(place.name, self._facts.texts()) if not self._is_cheap(place) else []

    def _is_cheap(self, place: Place) -> bool:
        """Places answered by times and measures alone need no words, and so no reading and no recognition."""
        kinds = kinds_for(place)
        return bool(kinds) and (not needs(kinds[0]) or kinds[0] in ("speech", "screen_text", *_NUMBERED_MEMBER))

    def _number(self, place: Place) -> Any:
        kinds = kinds_for(place)
        if asks_for_a_count(place):
            count = self._count(kinds)
            self._kind = COUNTED
            return MISSING if count is None else fitted(count, place.shape)
        for kind in kinds:
            known = self._facts.known(kind)
            self._kind = kind
            if kind in NUMBERS and known.number is not None:
                found = fitted(self._in_unit(known, kind, place), place.shape)
                if found is not MISSING:
                    return found
        self._kind = LABELLED
        labelled = (coerced(value, place.shape) for value in self._labelled(place))
        return next((value for value in labelled if value is not MISSING), MISSING)

    def _count(self, kinds: list[str]) -> float | None:
        for kind in kinds:
            if kind not in COUNTABLE:
                continue
            known = self._facts.known(kind)
            if kind == "shots" and known.number is not None:
                return known.number
            if kind == "speech" and known.truth is not None:
                return float(sum(len(item.split()) for item in known.items))
            if kind != "shots" and (known.items or known.truth is False):
                return float(len(known.items))
        return None

    def _in_unit(self, known: Known, kind: str, place: Place) -> float:
        assert known.number is not None
        words = f"{place.name} {place.shape.words}".lower()
        if kind in ("start", "end", "duration"):
            moment = self._moment(known.number, kind, place.name, Shape("number", description=place.shape.description))
            return moment / 60 if "minute" in words else moment
        if known.is_share and ("percent" in words or (place.shape.most or 0) >= 100):
            return round(known.number * 100, 1)
        return known.number

    def _boolean(self, place: Place) -> Any:
        names = words_of(place.name)
        for kind in kinds_for(place):
            truth = self._truth(kind, names) if kind in BOOLEANS else None
            if truth is not None:
                self._kind = kind
                return truth != any(word in _NEGATIONS for word in names)
        self._kind = LABELLED
        labelled = (coerced(value, place.shape) for value in self._labelled(place))
        return next((value for value in labelled if value is not MISSING), MISSING)

    def _truth(self, kind: str, names: list[str]) -> bool | None:
        known = self._facts.known(kind)
        if kind == "brightness":
            if known.number is None:
                return None
            return known.text == ("dark" if any(word in _DARKNESS for word in names) else "bright")
        if kind == "sharpness" and known.truth is not None and any_stem(["blur"], names):
            return not known.truth
        if kind == "movement" and known.truth is not None and len(set(names) & {"pan", "tilt", "zoom"}) == 1:
            return known.text in names
        if kind == "motion" and known.truth is not None and any(word in _STILLNESS for word in names):
            return not known.truth
        return known.truth

    # -- enums -----------------------------------------------------------------------------------------------------

    def _member(self, place: Place) -> Any:
        enum = place.shape.enum or ()
        if len(enum) == 1:
            return enum[0]
        found = self._members(place, place.shape)
        return found[0] if found else MISSING

    def _members(self, place: Place, shape: Shape) -> list[Any]:
        """Members that the evidence holds, measured ones first; what takes understanding is never chosen."""
        enum = shape.enum or ()
        kinds = kinds_for(place)
        for kind in kinds:
            if kind not in _NUMBERED_MEMBER:
                continue
            known = self._facts.known(kind)
            fit = [one for item in (known.text, *known.items) if item for one in [_alias(item, enum)] if one is not MISSING]
            if fit:
                self._kind = kind
                return distinct(fit)
        self._kind = LABELLED
        labelled = [member(value, enum) for value in self._labelled(place)]
        if fit := [one for one in labelled if one is not MISSING]:
            return fit
        if is_unseen(place) or (kinds and kinds[0] in _NUMBERED_MEMBER):
            return []
        return _spoken_members(enum, self._facts.texts())


def _corners(box: tuple[float, ...], shape: Shape) -> list[float]:
    """A box as Gemini writes them: top, left, bottom, right; in thousandths unless the schema bounds them to 1."""
    left, top, width, height = box
    edges = (top, left, top + height, left + width)
    most = shape.items.most if shape.items is not None else None
    return [min(edge, 1.0) if most == 1 else round(min(edge, 1.0) * 1000) for edge in edges]


def _from_the_stretch(words: str) -> bool:
    return any(f"of the {one}" in words or f"{one} start" in words or f"within the {one}" in words
               for one in ("segment", "clip", "stretch", "scene"))  # fmt: skip


_ALIASES = {
    "static": ("static", "still", "none", "no motion", "low", "motionless"),
    "moving": ("moving", "dynamic", "high", "active", "motion"),
    "medium": ("medium", "normal", "mid", "average", "moderate"),
    "dark": ("dark", "low", "dim"),
    "bright": ("bright", "high", "light"),
    "silent": ("silent", "silence", "none", "quiet"),
    "tones": ("tones", "tonal", "music"),
    "speech": ("speech", "voice", "talking", "dialogue"),
    "grey": ("grey", "gray"),
    "text": ("text", "text card", "title card", "title", "slide", "graphic", "graphics"),
    "blank": ("blank", "black", "empty", "none"),
    "pan": ("pan", "panning"),
    "tilt": ("tilt", "tilting"),
    "zoom": ("zoom", "zooming"),
    "blurred": ("blurred", "blurry", "soft", "out of focus"),
    "sharp": ("sharp", "in focus", "clear"),
    "en": ("en", "en us", "english", "eng"),
}


def _alias(word: str, enum: tuple[Any, ...]) -> Any:
    for name in (word, *_ALIASES.get(word, ())):
        if (one := member(name, enum)) is not MISSING:
            return one
    return MISSING


def _spoken_members(enum: tuple[Any, ...], texts: list[str]) -> list[Any]:
    """Text members that occur as words of their own, most often named first."""
    together = " ".join(["", *(" ".join(words_of(text)) for text in texts), ""]).replace(" ", "  ")
    counts = []
    for one in enum:
        words = words_of(one) if isinstance(one, str) else []
        if words and any(len(word) > 2 for word in words):
            count = together.count(f" {'  '.join(words)} ")
            if count:
                counts.append((count, one))
    return [one for _, one in sorted(counts, key=lambda pair: -pair[0])]


def needs(kind: str) -> set[str]:
    """The senses a kind of evidence takes."""
    return {sense for sense, kinds in (("look", LOOKING), ("hearing", LISTENING)) if kind in kinds}


def senses_for(place: Place, depth: int = 0) -> set[str]:
    """The senses that will surely be asked, so that they can work side by side."""
    shape = place.shape
    if depth > MAX_DEPTH:
        return set()
    if shape.kind == "object":
        inside = (senses_for(place.under(name, inner), depth + 1) for name, inner in shape.properties.items())
        return set().union(*inside)
    if shape.kind == "array" and shape.items is not None and shape.items.kind == "object":
        kind = record_kind(place)
        return needs(kind) if kind is not None else set()
    kinds = kinds_for(place)
    return needs(kinds[0]) if kinds else {"look", "hearing"}
