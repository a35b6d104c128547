"""How well a result answers a question: the words they share, and how near they lie in meaning."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emulators.vertex.generate.talk import Row
from emulators.vertex.generate.vocabulary import words_of
from emulators.vertex.generate.wording import content_words

Nearness = Callable[[str, Sequence[str]], list[float]]  # cosines of a text to others

NEAR, NEARER = 0.30, 0.42  # cosines of sentence vectors: akin, and about the same thing
MOST_PIECES = 24  # of one result that are looked at
_PIECE = re.compile(r"\s*(?:;\s|\n|…\s)\s*|(?<=[.!?])\s+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_FIELD = re.compile(r"^[\w.\[\]-]{1,80}: ")
_ASKING = frozenset(
    """find finds finding search show showing doe does did
    scene scenes moment moments part parts place point someone anyone somebody anybody something anything people person
    talk talked talking speak speaks say says mention mentions mentioned happen happens happened look looks see seen there
    come comes came tell told time times kind show shows thing things place places many much number count total often second first
    third fourth fifth last next after before then earlier later following previous exactly please give list library media item
    result results audio picture recording footage episode watch hear heard describe explain answer question
    segment word phrase clip video summarise summarize summary overview gist""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Judged:
    """`piece` is what of the row's text says it best; `share` of the asked words that the row holds, `nearness` in meaning.

    `beyond` is the nearness of what is left on both sides without the words they share: "in Oslo" is settled where both say it,
    and whether a burning barn is the blaze that was asked for is not. Known where results are to be told apart by it.
    """

    row: Row
    piece: str
    share: float
    nearness: float
    beyond: float = 0.0

    @property
    def worth(self) -> float:
        return 0.55 * self.share + 0.45 * max(0.0, self.nearness)

    @property
    def holds_all(self) -> bool:
        """Of the asked words; what holds fewer is an answer by its meaning alone."""
        return self.share >= 0.99

    @property
    def answers(self) -> bool:
        """Enough to be shown as an answer, and not as what merely came out on top."""
        if self.holds_all or self.nearness >= NEARER:
            return True
        return self.share >= 0.5 and self.nearness >= NEAR


def subject(question: str) -> str:
    """The question without the words of asking, in its own order."""
    kept = [word for word in _WORD.findall(question) if asked_words(word) or _tells(word)]
    return " ".join(kept) or question.strip()


def asked_words(question: str) -> list[str]:
    """What has to be found, each once."""
    return list(dict.fromkeys(word for word in content_words(question) if word not in _ASKING))


def _tells(word: str) -> bool:
    """Numbers and short names say something too."""
    return any(letter.isdigit() for letter in word) or (len(word) <= 3 and word.isupper() and len(word) > 1)


def judge(question: str, rows: Sequence[Row], nearness: Nearness) -> list[Judged]:
    """Best first; each result once."""
    wanted = asked_words(question)
    asked = subject(question)
    split = [(row, pieces_of(row)) for row in {row.ref: row for row in rows}.values()]
    texts = [piece for _, pieces in split for piece in pieces]
    near = iter(nearness(asked, texts) if texts else [])
    judged = []
    for row, pieces in split:
        measured = [(piece, _share(wanted, piece), next(near)) for piece in pieces]
        best = max(measured, key=lambda one: 0.5 * one[1] + one[2], default=("", 0.0, 0.0))
        share = _share(wanted, f"{row.title} {row.text}")
        judged.append(Judged(row, best[0], share, max((one[2] for one in measured), default=0.0)))
    ordered = sorted(judged, key=lambda one: (-one.worth, one.row.ref))
    return _told_apart(asked, wanted, ordered, nearness)


def _told_apart(asked: str, wanted: Sequence[str], ordered: list[Judged], nearness: Nearness) -> list[Judged]:
    """Those that hold as many of the words as the best, where nothing holds all, in the order of what they say beyond these."""
    best = next((one for one in ordered if one.answers), None)
    if best is None or best.holds_all:
        return ordered
    alike: dict[str, list[Judged]] = {}  # by what is left of the question
    for one in ordered:
        if one.answers and one.share >= best.share:
            alike.setdefault(_without(asked, _shared(wanted, one.row)), []).append(one)
    measured = []
    for left, group in alike.items():
        beyond = nearness(left, [_without(one.piece, _shared(wanted, one.row)) for one in group])
        measured += [replace(one, beyond=near) for one, near in zip(group, beyond, strict=True)]
    measured.sort(key=lambda one: (-one.beyond, -one.worth, one.row.ref))
    chosen = {one.row.ref for one in measured}
    return measured + [one for one in ordered if one.row.ref not in chosen]


def _shared(wanted: Sequence[str], row: Row) -> list[str]:
    held = set(words_of(f"{row.title} {row.text}"))
    return [word for word in wanted if _holds(word, held)]


def _without(text: str, shared: Sequence[str]) -> str:
    """The text itself where nothing else would be left."""
    left = [word for word in _WORD.findall(text) if not any(_holds(one, set(words_of(word))) for one in shared)]
    return " ".join(left) or text


def pieces_of(row: Row) -> list[str]:
    """Sentences and values; names of fields are no words of the media."""
    parts = [_FIELD.sub("", part).strip() for part in _PIECE.split(row.text)]
    return list(dict.fromkeys(part for part in parts if len(part) > 2))[:MOST_PIECES] or [row.title or "-"]


def _share(wanted: Sequence[str], text: str) -> float:
    if not wanted:
        return 0.0
    held = set(words_of(text))
    return sum(_holds(word, held) for word in wanted) / len(wanted)


def _holds(word: str, held: set[str]) -> bool:
    """Also in another form of the same word: `slices` and `slicing`, not `star` and `start`."""
    if word in held:
        return True
    stem = word[: max(5, len(word) - 3)]
    return len(word) > 5 and any(other.startswith(stem) and abs(len(other) - len(word)) <= 4 for other in held)
