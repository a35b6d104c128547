"""Where the values of an answer come from, field by field: the line read, the words heard, the measure taken."""

from typing import Any

from emulators.vertex.generate.facts import Facts

LABELLED = "labelled"  # a value that stood behind its name in the words
COUNTED = "counted"
MAX_FIELDS = 120
MAX_EACH = 4
_MEASURED = frozenset(
    ("colour", "grey", "brightness", "motion", "sharpness", "movement", "shot_type", "shots", "silence", "loudness", "sound",
     "music", "start", "end", "duration", "width", "height", "resolution", COUNTED)
)  # fmt: skip


class Sources:
    """`told` is by place of the answer (`people[].name`): a few sources each, or one for each item of a list of things."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.told: dict[str, list[dict[str, Any]]] = {}

    def written(self, place: str, name: str) -> None:
        """The value came in the request's own JSON, under this name."""
        self._add(place, [{"sense": "given", "name": name}])

    def tell(self, place: str, kind: str, value: Any) -> None:
        """The value was found as evidence of this kind."""
        if value in (None, "", []):
            return
        if kind in _MEASURED:
            self._add(place, [{"sense": "measuring", "of": kind, "value": value}])
            return
        self._add(place, self._saying(value) or [{"sense": "measuring", "of": kind, "value": value}])

    def records(self, place: str, kind: str, things: list[dict[str, Any]]) -> None:
        """A source for each of the things, in their order."""
        sense = {"speech": "hearing", "screen_text": "reading"}.get(kind, "measuring")
        told = []
        for thing in things:
            known = {name: value for name, value in thing.items() if value not in (None, [], ())}
            if kind == "speech":
                known["words"] = (
                    [[w["text"], w["start"], w["end"], w["confidence"]] for w in thing["words"]] if "words" in thing else []
                )
                known["by"] = self._by()
            told.append({"sense": sense, **known})
        self._add(place, told)

    def _add(self, place: str, told: list[dict[str, Any]]) -> None:
        if told and (place in self.told or len(self.told) < MAX_FIELDS):
            self.told[place] = told

    def _by(self) -> str:
        hearing = self._facts.witness.hearing
        return hearing.source if hearing is not None else ""

    def _saying(self, value: Any) -> list[dict[str, Any]]:
        """The lines and utterances that hold the value, or that it holds."""
        wanted = [_solid(str(one)) for one in (value if isinstance(value, list) else [value])]
        wanted = [one for one in wanted if one]

        def says(text: str) -> bool:
            solid = _solid(text)
            return bool(solid) and any(one in solid or (len(solid) > 3 and solid in one) for one in wanted)

        told: list[dict[str, Any]] = [
            {"sense": "reading", "text": line.text, "at": line.at, "confidence": line.confidence, "box": list(line.box)}
            for line in self._facts.lines()
            if says(line.text)
        ]
        hearing = self._facts.witness.heard  # what was never listened to is not listened to for this
        if hearing is not None:
            told += [
                {
                    "sense": "hearing",
                    "text": u.text,
                    "start": u.start,
                    "end": u.end,
                    "confidence": u.confidence,
                    "by": hearing.source,
                }
                for u in hearing.utterances
                if says(u.text)
            ]
        return told[:MAX_EACH]


def _solid(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
