"""Words as typed, whatever they mean: how a text is taken apart, and its sparse vector for Vector Search.

A word's dimension is a hash of it; its value saturates with repetition and shrinks with the length of the text (BM25's term
weight). How rare a word is depends on where it is looked for, so it is not stored: a search finds out (`shared.search.rarity`).
"""

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

_ACCENTS = re.compile("[\u0300-\u036f]")
# marks that Python does not count as letters although words of Hebrew, Arabic, the Indian scripts and Thai hold them
_WORD = re.compile("(?:[^\\W_]|[\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e31-\u0e4e])+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_EMPTY = frozenset(
    re.findall(
        r"\S+",
        """a an and are as at be been but by did do does for from had has have he her his how i if in into is it its
        me my no not of on or our she so some such than that the their them then there these they this to up was we
        were what when where which who whom why will with you your""",
    )
)
_SATURATION, _LENGTH_SHARE, _USUAL_LENGTH = 1.2, 0.5, 24.0
MAX_TERMS = 512


@dataclass(frozen=True)
class Sparse:
    """Parallel lists: each dimension once, and its value."""

    dimensions: list[int]
    values: list[float]


def words(text: str) -> list[str]:
    """In order and with repeats; case and accents do not count. Scripts without spaces give their pairs of signs."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFC", plain)):
        if _UNSPACED.search(word):
            found += _pairs(word)
        else:
            found.append(word)
    return found


def telling(found: list[str]) -> list[str]:
    """Each word once, in order, without those that say nothing."""
    return [word for word in dict.fromkeys(found) if word not in _EMPTY]


def sparse_of(text: str) -> Sparse | None:
    """The sparse vector of a stored text; None if no word in it tells anything. The first 512 different words count."""
    found = words(text)
    counts = Counter(word for word in found if word not in _EMPTY)
    if not counts:
        return None
    penalty = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * len(found) / _USUAL_LENGTH)
    values: dict[int, float] = {}
    for word, count in list(counts.items())[:MAX_TERMS]:
        values[dimension(word)] = round(count * (_SATURATION + 1) / (count + penalty), 4)
    return Sparse(list(values), list(values.values()))


def sparse_query(asked: list[str]) -> Sparse:
    """Every word asked for counts alike."""
    dimensions = list(dict.fromkeys(dimension(word) for word in asked))
    return Sparse(dimensions, [1.0] * len(dimensions))


@lru_cache(maxsize=65_536)
def dimension(word: str) -> int:
    """48 bits: among a hundred million different words two are expected to meet about eighteen times."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=6).digest())


def _pairs(word: str) -> list[str]:
    """`北京大学 3D` style runs: signs of unspaced scripts in overlapping pairs, other letters between them as words."""
    found: list[str] = []
    place = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > place:
            found.append(word[place : run.start()])
        signs = run.group()
        found += [signs] if len(signs) == 1 else [signs[i : i + 2] for i in range(len(signs) - 1)]
        place = run.end()
    if place < len(word):
        found.append(word[place:])
    return found
