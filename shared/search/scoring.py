"""How near a text is to a question: what it means and the words it holds, in one number from 0 to 1.

    score = (1 - w) · cosine + w · words

`words` is the share of the question's words that the text holds, each weighing the square of how much it tells: log(1 + rows /
rows that hold it), counted where the search looks. `w` grows with the rarest of them up to 0.6: a text that holds a rare word or
a name exactly as typed beats every text that does not, since those reach 0.4; where all words are common, meaning decides. A word
that nobody holds counts as held by half a row: what is held then tells less.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.vectors.words import telling, words

MOST_WORDS_SAY = 0.6
PHRASE = 0.1  # of the words' share: that they stand side by side as typed


@dataclass(frozen=True)
class Question:
    """The words asked for: all in order, and the telling ones once."""

    text: str
    typed: Sequence[str]
    asked: Sequence[str]

    @classmethod
    def of(cls, text: str) -> "Question":
        typed = words(text)
        return cls(text, typed, telling(typed))


@dataclass(frozen=True)
class Scale:
    """What each word asked for tells in this scope, as shares that sum to 1, and how much words count beside meaning."""

    question: Question
    shares: Mapping[str, float]
    weight: float

    @classmethod
    def of(cls, question: Question, holders: Mapping[str, int], rows: int) -> "Scale":
        """`holders` counts the rows that hold each word asked for; `rows` those looked through."""
        rows = max([rows, 1, *holders.values()])
        tells = {word: math.log(1 + rows / max(holders.get(word, 0), 0.5)) ** 2 for word in question.asked}
        whole = sum(tells.values()) or 1.0
        held = [count for count in holders.values() if count]
        rarest = math.log(1 + rows / min(held)) / math.log(1 + rows) if held else 0.0
        return cls(question, {word: value / whole for word, value in tells.items()}, MOST_WORDS_SAY * rarest)

    def words_in(self, text: str) -> float:
        """From 0 to 1."""
        if not self.weight:
            return 0.0
        held = words(text)
        present = set(held)
        share = sum(share for word, share in self.shares.items() if word in present)
        return share * ((1 - PHRASE) + PHRASE * _stand_together(self.question.typed, held))

    def share_of(self, held: set[str]) -> float:
        """At most what `words_in` can say of a text that holds these words of the question."""
        return min(1.0, sum(self.shares.get(word, 0.0) for word in held))

    def blend(self, similarity: float, words_held: float) -> float:
        """A cosine below 0 says as little as one of 0."""
        return (1 - self.weight) * min(1.0, max(0.0, similarity)) + self.weight * words_held


def _stand_together(typed: Sequence[str], held: Sequence[str]) -> bool:
    size = len(typed)
    return any(list(held[at : at + size]) == list(typed) for at in range(len(held) - size + 1))
