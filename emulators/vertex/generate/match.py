"""Which kind of evidence a field of the answer asks for, by the words of its name and description."""

from dataclasses import dataclass, replace
from functools import lru_cache

from emulators.vertex.generate.shape import Shape
from emulators.vertex.generate.vocabulary import (
    ASKING,
    COUNTING,
    KINDS,
    MOVING,
    SLOTS,
    SORTING,
    UNSEEN,
    any_stem,
    stem_matches,
    words_of,
)

NAME, TITLE, DESCRIPTION, PARENT = 2.0, 1.5, 1.0, 0.5
ENOUGH = 2.0

# What makes sense as a value of each type; a kind missing here cannot fill it.
NUMBERS = frozenset(
    ("brightness", "motion", "duration", "start", "end", "shots", "silence", "loudness", "width", "height", "music",
     "percentage", "price", "number", "speech", "sound", "sharpness")
)  # fmt: skip
COUNTABLE = frozenset(("speech", "screen_text", "colour", "shots", "keyword"))
BOOLEANS = frozenset(
    ("screen_text", "speech", "grey", "brightness", "motion", "silence", "sound", "music", "link", "email", "date",
     "price", "percentage", "phone", "place", "shots", "sharpness", "movement")
)  # fmt: skip
RECORDS = frozenset(("speech", "screen_text", "colour", "keyword", "summary"))


@dataclass(frozen=True)
class Place:
    """Where in the answer a value is wanted: its names from the root down, and its shape."""

    path: tuple[str, ...]
    shape: Shape
    about: str = ""

    def under(self, name: str, shape: Shape) -> "Place":
        return replace(self, path=(*self.path, name), shape=shape, about=self.shape.words)

    @property
    def name(self) -> str:
        return next((name for name in reversed(self.path) if name != "[]"), "")

    def __str__(self) -> str:
        return ".".join(self.path).replace(".[]", "[]") or "the answer"


def kinds_for(place: Place) -> list[str]:
    """Kinds of evidence that speak for this place, best first; empty when nothing measurable is asked."""
    names = words_of(place.name)
    if not names and not place.shape.words:
        return []
    fields = (
        (NAME, names),
        (TITLE, words_of(place.shape.title)),
        (DESCRIPTION, words_of(place.shape.description)),
        (PARENT, [word for name in place.path[:-1] for word in words_of(name)] + words_of(place.about)),
    )
    if any_stem(["camera"], names) and any_stem(MOVING, names):  # of all that is said of cameras, this alone is measured
        return ["movement"]
    if names[:1] == ["shot"] and asks_what_sort(place):
        return ["shot_type"]
    unseen = any_stem(UNSEEN, names) or any_stem(UNSEEN, fields[3][1])
    scores = {kind: _score(stems, fields) for kind, stems in KINDS.items()}
    if names == ["name"] and len(place.path) == 1:  # the name of the whole answer is its title
        scores["headline"] += NAME * 2
    if unseen:  # only a plain request for words survives: "what the people say", never "the people"
        seen = [word for word in names if not any_stem(UNSEEN, [word])]
        scores = {kind: scores[kind] for kind in ("speech", "screen_text") if _named(kind, seen)}
    return [kind for kind, score in sorted(scores.items(), key=lambda pair: -pair[1]) if score >= ENOUGH]


def _named(kind: str, names: list[str]) -> bool:
    return any(weight >= 2 and any_stem([stem], names) for stem, weight in KINDS[kind].items())


def _score(stems: dict[str, float], fields: tuple[tuple[float, list[str]], ...]) -> float:
    """The strongest word of each field counts whole, each further one a quarter, so that long prose cannot win by length."""
    total = 0.0
    for worth, words in fields:
        hits = sorted(
            (max((w for stem, w in stems.items() if stem_matches(stem, word)), default=0.0) for word in set(words)),
            reverse=True,
        )
        hits = [hit for hit in hits if hit]
        if hits:
            total += worth * (hits[0] + sum(hits[1:3]) / 4)
    return total


def asks_for_a_count(place: Place) -> bool:
    return any_stem(COUNTING, words_of(place.name)) or "number of" in place.shape.words.lower()


def asks_whether(place: Place) -> bool:
    return any_stem(ASKING, words_of(place.name))


def is_unseen(place: Place) -> bool:
    """Whether the name asks for something no sense here can tell."""
    return any_stem(UNSEEN, words_of(place.name))


def asks_what_sort(place: Place) -> bool:
    return words_of(place.name)[-1:] in [[word] for word in SORTING]


def record_kind(place: Place) -> str | None:
    """The kind of timed thing a list of objects asks for; its items' own words count as its description."""
    item = place.shape.items
    if item is None:
        return None
    inside = " ".join(f"{name} {shape.words}" for name, shape in item.properties.items())
    wide = replace(place.shape, description=f"{place.shape.description} {item.words} {inside}")
    kinds = kinds_for(replace(place, shape=wide))
    return next((kind for kind in kinds if kind in RECORDS), None)


def slot_for(name: str, shape: Shape) -> str | None:
    """Which part of a timed thing a field of a list item wants; its name decides, its description helps out."""
    names = words_of(name)
    if any_stem(UNSEEN, names):
        return None
    for words in (names, words_of(shape.words)):
        for slot in ("box", "words", "end", "duration", "start", "confidence", "language", "share", "count", "text"):
            if any_stem(SLOTS[slot], words) and _suits(slot, shape):
                return slot
    return None


def _suits(slot: str, shape: Shape) -> bool:
    if slot == "box":
        return shape.kind == "array" and shape.items is not None and shape.items.kind in ("number", "integer")
    if slot == "words":
        return shape.kind == "array" and shape.items is not None and shape.items.kind == "object"
    if slot in ("text", "language"):
        return shape.kind in ("string", "any")
    if slot in ("start", "end", "duration"):
        return shape.kind in ("number", "integer", "string", "any")
    return shape.kind in ("number", "integer", "any")


@lru_cache(4096)
def kinds_for_name(name: str) -> tuple[str, ...]:
    """Kinds a bare name speaks for, as a key of JSON evidence has no description."""
    return tuple(kinds_for(Place(("", name), Shape("string"))))
