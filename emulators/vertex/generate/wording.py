"""Choosing among words that were really there: the telling sentence, the terms, names of places, labelled values."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from emulators.vertex.generate.vocabulary import words_of

# Words that tell nothing about what a text is about.
_EMPTY = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further get go had has have having he her here hers him
    his how i if in into is it its just like me more most much my no nor not now of off on once only or other our out
    over own really same say she should so some such than that the their them then there these they thing this those
    through to too under until up us very was we well were what when where which while who whom why will with would yes
    you your one two three four five six seven eight nine ten oh uh um okay
    said each every whether""".split()  # noqa: SIM905
)
# Words of people who say what they want done, not what it is about.
_REQUESTING = frozenset(
    """find extract identify detect describe summarize summarise capture track note collect design create generate make
    show shown prompt prompts user users want wants need needs field fields video videos segment segments media film
    films clip clips appear appears using schema""".split()  # noqa: SIM905
)
WHOLE_SENTENCE = 4
_RAW_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_PLACE_NOUNS = (
    "station|street|square|airport|park|bridge|hall|river|harbour|harbor|beach|hotel|hospital|school|university|"
    "museum|stadium|arena|market|avenue|road|boulevard|plaza|island|mountain|lake|valley|bay|port|terminal|tower|"
    "church|cathedral|castle|palace|theatre|theater|centre|center|city|town|village"
)
_AFTER_PREPOSITION = re.compile(r"\b(?:in|at|from|near|outside|inside)\s+((?:the\s+)?[A-Z][\w'’.-]*(?:[ ,]+[A-Z][\w'’.-]*){0,4})")
_NAMED_PLACE = re.compile(rf"\b((?:[A-Z][\w'’-]*\s+){{1,3}}(?:{_PLACE_NOUNS}))\b", re.IGNORECASE)
_SPOKEN_PLACE = re.compile(
    rf"\b(?:in|at|near|outside|inside|from)\s+(?:the\s+|a\s+)?((?:[a-z'-]+\s+){{0,2}}(?:{_PLACE_NOUNS}))\b"
)
_LEADING = re.compile(r"^(?:(?:in|at|near|outside|inside|from|to|by|of|and|live|the|a|an|this|that)\s+)+", re.I)
_LABEL_END = r"\s*[:=–—-]\s*(.+)$"

PATTERNS = {
    "link": re.compile(r"\b(?:https?://|www\.)[^\s<>\"']+|\b[\w-]+\.(?:com|org|net|io|gov|edu|tv)\b(?:/\S*)?", re.I),
    "email": re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    "date": re.compile(
        r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b(?:\d{1,2}\s+)?(?:january|february|march|april|may|"
        r"june|july|august|september|october|november|december)\s+\d{1,4}(?:,?\s+\d{4})?\b",
        re.I,
    ),
    "clock_time": re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]m)?\b|\b\d{1,2}\s?[ap]m\b", re.I),
    "price": re.compile(r"[$€£¥]\s?\d[\d.,]*\d|[$€£¥]\s?\d|\b\d[\d.,]*\s?(?:USD|EUR|GBP|dollars|euros|pounds)\b", re.I),
    "percentage": re.compile(r"\b\d+(?:[.,]\d+)?\s?(?:%|percent\b)", re.I),
    "phone": re.compile(r"(?<!\w)\+?\d[\d ()-]{7,}\d\b"),
    "number": re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)*\b"),
}


def content_words(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in _EMPTY and len(word) > 2 and not word.isdigit()]


def keywords(texts: Sequence[str], limit: int = 12) -> list[tuple[str, int]]:
    """The terms that come up most, with how often; earlier ones first among equals, written as they first were."""
    counts: Counter[str] = Counter()
    written: dict[str, str] = {}
    for text in texts:
        for word in _RAW_WORD.findall(text):
            for term in content_words(word):
                counts[term] += 1
                written.setdefault(term, word.lower())
    return [(written[term], count) for term, count in counts.most_common(limit)]


def subjects(texts: Sequence[str], limit: int = 12) -> list[tuple[str, int]]:
    """Terms of a wish, without the words of wishing."""
    return [(term, count) for term, count in keywords(texts, 3 * limit) if term not in _REQUESTING][:limit]


def most_telling(sentences: Sequence[str], most: int = 4, letters: int = 600, about: str = "") -> list[str]:
    """The sentences that carry most of what all of them say, in their own order, none saying the same twice; those
    that share words with `about` come first."""
    whole = [sentence for sentence in sentences if len(sentence.split()) >= WHOLE_SENTENCE]
    sentences = whole or sentences
    words = [set(content_words(sentence)) for sentence in sentences]
    shared = Counter(word for group in words for word in group)
    asked = set(content_words(about))
    worth = [
        (sum(math.log1p(shared[word]) for word in group) / math.sqrt(6 + len(group)) + 2 * len(group & asked)) if group else 0.0
        for group in words
    ]
    if asked and any(group & asked for group in words):
        most = min(most, sum(bool(group & asked) for group in words))
    chosen: list[int] = []
    room = letters
    for index in sorted(range(len(sentences)), key=lambda i: (-worth[i], i)):
        if len(chosen) == most:
            break
        if len(sentences[index]) <= room and not any(_overlap(words[index], words[i]) > 0.7 for i in chosen):
            chosen.append(index)
            room -= len(sentences[index])
    if not chosen and sentences:
        return [shortened(sentences[0], letters)]
    return [sentences[index] for index in sorted(chosen)]


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


def shortened(text: str, letters: int = 120) -> str:
    """The text up to its last whole word within the limit."""
    if len(text) <= letters:
        return text
    cut = text[: letters - 1].rsplit(" ", 1)[0].rstrip(",;:-– ")
    return f"{cut or text[: letters - 1]}…"


def places(texts: Sequence[str]) -> list[str]:
    """Places the words themselves name: after a preposition, or before a word for a place."""
    found: list[str] = []
    for text in texts:
        for pattern in (_NAMED_PLACE, _AFTER_PREPOSITION, _SPOKEN_PLACE):
            found += [_LEADING.sub("", match).strip(" .,") for match in pattern.findall(text) if not _is_calendar(match)]
    kept: list[str] = []
    for place in found:
        if place and not any(place.casefold() in known.casefold() for known in kept):
            kept.append(place)
    return kept


def _is_calendar(text: str) -> bool:
    return bool(re.fullmatch(r"(?:[A-Z]\w*day|January|February|March|April|May|June|July|August|September|"
                             r"October|November|December)(?: \d+)?", text.strip()))  # fmt: skip


def found(kind: str, texts: Sequence[str]) -> list[str]:
    """Every date, price, address and so on that the texts show, as written."""
    return list(dict.fromkeys(match.group(0).strip() for text in texts for match in PATTERNS[kind].finditer(text)))


def labelled(name: str, texts: Sequence[str]) -> list[str]:
    """What stands after the name where a text is written as `Name: value`."""
    words = words_of(name)
    if not words:
        return []
    label = re.compile(r"^\W*" + r"[\s_-]*".join(f"{re.escape(word)}s?" for word in words) + _LABEL_END, re.IGNORECASE)
    return [match.group(1).strip() for text in texts if (match := label.match(text)) and match.group(1).strip()]
