"""What an instruction says about columns that are known: which it mentions, what they should be, how to count and order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_NUMBER = r"-?\d+(?:\.\d+)?"
_OPERATORS: tuple[tuple[str, str, bool], ...] = (
    (r"(?:is|are|was)\s+not|isn't|aren't|not\s+equal\s+to|!=|<>|other\s+than|is\s+no", "=", True),
    (r"(?:do|does)(?:\s+not|n't)\s+(?:contain|include|mention)|without", "contains", True),
    (
        r"(?:is\s+|are\s+)?(?:greater|more|higher|larger|bigger|longer|older)\s+than(?!\s+or)|over|above|exceeds?|>(?!=)|after",
        ">",
        False,
    ),
    (r"(?:is\s+|are\s+)?(?:at\s+least|>=|no\s+less\s+than|greater\s+than\s+or\s+equal\s+to)", ">=", False),
    (r"(?:is\s+|are\s+)?(?:less|fewer|lower|smaller|shorter|younger)\s+than(?!\s+or)|under|below|<(?![=>])|before", "<", False),
    (r"(?:is\s+|are\s+)?(?:at\s+most|<=|no\s+more\s+than|up\s+to|less\s+than\s+or\s+equal\s+to)", "<=", False),
    (r"contain(?:s|ing)?|includ(?:es?|ing)|mention(?:s|ing)?|like|has|have|having|with", "contains", False),
    (r"(?:starts?|starting|begins?|beginning)\s+with", "starts", False),
    (r"(?:ends?|ending)\s+(?:with|in)", "ends", False),
    (r"(?:is|are|was)\s+(?:exactly\s+)?(?=(?:greater|more|less|at|over|above|under|below|not)\b)", "", False),
    (r"(?:is|are|was|equals?|equal\s+to|being|==?|:)", "=", False),
)
_STOP = (
    r"(?=\s*(?:,|;|\.(?:\s|$)|$|\band\b|\bor\b|\bbut\b|\bsort(?:ed)?\b|\border(?:ed)?\b|\bgroup(?:ed)?\b|\bper\b|"
    r"\blimit\b|\bby\b|\bfor\s+each\b))"
)
_VALUE = rf"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s,;\"'][^,;\"']*?){_STOP})"
_COUNT = re.compile(r"\b(?:how\s+many|count|number\s+of|how\s+often)\b", re.I)
_FUNCTIONS = (
    (r"average|mean|avg", "avg"),
    (r"total|sum", "sum"),
    (r"maximum|max|highest|largest|longest", "max"),
    (r"minimum|min|lowest|smallest|shortest", "min"),
)
_TOP = re.compile(r"\b(?:top|first|limit(?:\s+to)?|show|give\s+me|list)\s+(?:the\s+)?(?:top\s+|first\s+)?(\d{1,5})\b", re.I)
_GROUP = re.compile(r"\b(?:per|for\s+each|for\s+every|by\s+each|group(?:ed)?\s+by|by|of\s+each)\s+(?:the\s+)?$", re.I)
_ORDER = re.compile(r"\b(?:order(?:ed)?|sort(?:ed)?|rank(?:ed)?)(?:\s+\w+){0,2}\s+by\s+(?:the\s+)?$", re.I)
_FALLING = re.compile(r"^\W*(?:desc|descending|highest|largest|most|from\s+high)", re.I)
MOST_ROWS = 2_000


@dataclass(frozen=True)
class Mention:
    """A column and the words that mean it."""

    column: str
    path: str
    kind: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, column: str, path: str, kind: str) -> "Mention":
        bare = path.replace("[]", "")
        last = re.split(r"[.]", bare)[-1]
        spoken = {re.escape(path), re.escape(bare), _words(bare), _words(last)}
        return cls(
            column, path, kind, re.compile(rf"(?<![\w.])(?:{'|'.join(sorted(spoken, key=len, reverse=True))})(?![\w\[])", re.I)
        )


def _words(name: str) -> str:
    """`view_count` is also said `view count`, and most things in the singular or the plural."""
    parts = [part for part in re.split(r"[._\s]+|(?<=[a-z])(?=[A-Z])", name) if part]
    if not parts:
        return re.escape(name)
    if len(parts[-1]) > 3:
        parts[-1] = parts[-1].removesuffix("s")
    return r"[\s_.]+".join(re.escape(part) for part in parts) + "s?"


@dataclass(frozen=True)
class Test:
    """`operator` is a sign, or `contains`, `starts`, `ends` for texts. `value` is SQL only where the kind is no text."""

    column: str
    path: str
    kind: str
    operator: str
    value: str
    negated: bool = False


@dataclass
class Sentence:
    mentioned: list[Mention] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    aggregate: str = ""
    aggregated: Mention | None = None
    group: Mention | None = None
    order: list[tuple[str, bool]] = field(default_factory=list)
    limit: int = 0


def read(instruction: str, known: Sequence[Mention]) -> Sentence:
    sentence = Sentence()
    top = _TOP.search(instruction)
    if top:
        sentence.limit = max(1, min(MOST_ROWS, int(top.group(1))))
    found = _find(instruction, known)
    ends = [*(start for _, start, _ in found[1:]), len(instruction)]
    for (mention, start, end), until in zip(found, ends, strict=False):
        before, after = instruction[:start], instruction[end:until]
        if _ORDER.search(before):
            sentence.order.append((mention.column, bool(_FALLING.search(after))))
        elif (test := _read_test(mention, after)) is not None:
            sentence.tests.append(test)
        elif _GROUP.search(before) and sentence.group is None:
            sentence.group = mention
        sentence.mentioned.append(mention)
    _read_words(instruction, known, sentence)
    _read_aggregate(instruction, found, sentence)
    if sentence.group is not None and not sentence.aggregate:
        numeric = sentence.group.kind in ("BIGINT", "DOUBLE", "INTEGER")
        sentence.order.append((sentence.group.column, numeric and bool(top)))  # "top 5 by viewers"
        sentence.group = None
    return sentence


def _find(instruction: str, known: Sequence[Mention]) -> list[tuple[Mention, int, int]]:
    """Every place that means a column, the longest words first where two columns claim the same; not what is quoted."""
    unquoted = re.sub(r"\"[^\"]*\"|(?<!\w)'[^']*'", lambda quote: "\x00" * len(quote.group()), instruction)
    places = [(m.start(), m.end(), n, one) for n, one in enumerate(known) for m in one.pattern.finditer(unquoted)]
    taken: list[tuple[Mention, int, int]] = []
    for start, end, _, mention in sorted(places, key=lambda place: (place[0] - place[1], place[2])):
        if all(end <= other_start or start >= other_end for _, other_start, other_end in taken):
            taken.append((mention, start, end))
    return sorted(taken, key=lambda one: one[1])


def _read_test(mention: Mention, after: str) -> Test | None:
    for pattern, operator, negated in _OPERATORS:
        match = re.match(rf"\s*(?:{pattern})(?:\s+|(?<=\W)){_VALUE}" if operator else r"(?!)", after, re.I)
        if match:
            said = match.group("double") or match.group("single") or (match.group("bare") or "").strip()
            return _typed(mention, operator, said, negated)
    return None


def _typed(mention: Mention, operator: str, said: str, negated: bool) -> Test | None:
    """With the value as the column's type has it; None where it is no such value."""
    kind = mention.kind.removesuffix("[]")
    if kind == "VARCHAR":
        said = re.sub(r"^(?:the\s+word\s+|an?\s+|the\s+)", "", said, flags=re.I)
        usable = operator in ("=", "contains", "starts", "ends") and said
        return Test(mention.column, mention.path, mention.kind, operator, said, negated) if usable else None
    if kind == "BOOLEAN":
        truth = {"true": "true", "yes": "true", "false": "false", "no": "false"}.get(said.lower().split(" ")[0])
        return Test(mention.column, mention.path, mention.kind, "=", truth, negated) if truth and operator == "=" else None
    number = re.match(_NUMBER, said)
    sign = "=" if operator == "contains" else operator
    if number is None or sign in ("starts", "ends"):
        return None
    return Test(mention.column, mention.path, mention.kind, sign, number.group(0), negated)


def _read_words(instruction: str, known: Sequence[Mention], sentence: Sentence) -> None:
    """`mentioning "rain"` without a field is about everything that was found; `says "rain"` about what is spoken."""
    if sentence.tests:
        return
    by_name = {one.column: one for one in known}
    for verbs, column in (
        (r"says?|said|saying|spoken|speaks?\s+of", "transcript"),
        (r"mention\w*|about|contain\w*|with", "metadata_text"),
    ):
        match = re.search(rf"\b(?:{verbs})\s+(?:the\s+word\s+)?{_VALUE}", instruction, re.I)
        if match and column in by_name and (match.group("double") or match.group("single")):
            said = match.group("double") or match.group("single")
            sentence.tests.append(Test(column, column, "VARCHAR", "contains", said))
            return


def _read_aggregate(instruction: str, found: Sequence[tuple[Mention, int, int]], sentence: Sentence) -> None:
    numbers = [(one, start) for one, start, _ in found if one.kind in ("BIGINT", "DOUBLE")]
    for pattern, function in _FUNCTIONS:
        match = re.search(rf"\b(?:{pattern})\b", instruction, re.I)
        if match is None:
            continue
        behind = [one for one, start in numbers if start >= match.end()]
        if behind and not (sentence.limit and function in ("max", "min")):
            sentence.aggregate, sentence.aggregated = function, behind[0]
            return
    if _COUNT.search(instruction):
        sentence.aggregate = "count"
