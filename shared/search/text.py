"""Search by meaning and by words as typed: one result per segment (or media item) and run, best first."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from shared.inference.models import Models
from shared.search.found import Found, Match, RowKey, Scope, best_first, texts_of
from shared.search.joining import Joined, Joiner
from shared.search.lists import MOST_HITS, PER_ROW, Lists, gather
from shared.search.scoring import Question
from shared.store.documents import Store
from shared.vectors.index import VectorIndex

SPARE_ROWS = 10  # read beside those wanted, for what turns out to be gone or to score less than it promised

_KEPT_QUESTIONS = 1_000
_LEARNING = ThreadPoolExecutor(8, thread_name_prefix="similarity")  # its threads begin with the first search

__all__ = ["Found", "Match", "Scope", "TextSearch"]


class _Questions:
    """Vectors of the questions asked last; a model's call takes as long as all the rest of a search. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Sequence[float]] = OrderedDict()

    def vector(self, models: Models, question: str) -> Sequence[float]:
        with self._lock:
            known = self._known.get(question)
            if known is not None:
                self._known.move_to_end(question)
                return known
        [vector] = models.embed_texts([question], query=True)
        with self._lock:
            self._known[question] = vector
            while len(self._known) > _KEPT_QUESTIONS:
                self._known.popitem(last=False)
        return vector


@dataclass(frozen=True)
class TextSearch:
    store: Store
    vectors: VectorIndex
    models: Models
    _questions: _Questions = field(default_factory=_Questions, repr=False, compare=False)

    def search(self, query: str, scope: Scope, top_k: int) -> list[Found]:
        """The `top_k` best of the scope. Scores are comparable within one search (see `shared.search.scoring`)."""
        return self._search(query, [scope], top_k)[0]

    def per_run(self, query: str, scope: Scope, run_ids: Sequence[str], top_k: int) -> list[list[Found]]:
        """The `top_k` best of each run, all by one scale."""
        scopes = [replace(scope, run_ids=[run_id]) for run_id in run_ids]
        return self._search(query, scopes, top_k) if scopes else []

    def _search(self, query: str, scopes: list[Scope], top_k: int) -> list[list[Found]]:
        vector = self._questions.vector(self.models, query)
        question = Question.of(query)
        limit = min(MOST_HITS, max(120, top_k * PER_ROW))
        while True:
            lists = gather(self.vectors, question, vector, scopes, limit)
            ranking = _Ranking(self.vectors, vector, lists, Joiner(self.store), scopes[0])
            found = ranking.best([_keys_of(lists, scope, alone=len(scopes) == 1) for scope in scopes], top_k)
            if lists.complete or limit >= MOST_HITS or all(len(part) >= top_k for part in found):
                return found
            limit = min(MOST_HITS, limit * 4)  # much of what was near is gone: look further


def _keys_of(lists: Lists, scope: Scope, *, alone: bool) -> list[RowKey]:
    return list(lists.rows) if alone else [key for key in lists.rows if key[0] in scope.run_ids]


class _Ranking:
    """Reads rows in the order of what they promise, until enough of them are there."""

    def __init__(self, vectors: VectorIndex, vector: Sequence[float], lists: Lists, joiner: Joiner, scope: Scope) -> None:
        self._vectors = vectors
        self._vector = vector
        self._lists = lists
        self._joiner = joiner
        self._scope = scope
        self._found: dict[RowKey, Found | None] = {}

    def best(self, groups: list[list[RowKey]], top_k: int) -> list[list[Found]]:
        promises = {key: self._lists.promise(key) for group in groups for key in group}
        orders = [sorted(group, key=lambda key: (-promises[key], key)) for group in groups]
        self._look_at([key for order in orders for key in order[: top_k + SPARE_ROWS]])
        return [self._take(order, top_k) for order in orders]

    def _take(self, order: list[RowKey], top_k: int) -> list[Found]:
        reached = 0
        while True:
            reached = min(len(order), reached + top_k + SPARE_ROWS)
            self._look_at(order[:reached])
            found = best_first([one for key in order[:reached] if (one := self._found[key]) is not None])[:top_k]
            if reached == len(order) or len(found) == top_k:
                return found

    def _look_at(self, keys: list[RowKey]) -> None:
        new = [key for key in keys if key not in self._found]
        learning = _LEARNING.submit(self._learn_similarities, new)
        joined = self._joiner.join(self._scope.tenant, new, self._scope.index_ids)
        learning.result()
        for key in new:
            self._found[key] = self._found_in(key, joined[key]) if key in joined else None

    def _learn_similarities(self, keys: list[RowKey]) -> None:
        """Of each row the text that holds most of the words has a cosine too, though it was found by its words alone."""
        unknown = [one for key in keys if (one := self._lists.by_words(key)).similarity is None]
        known = self._vectors.similarities([str(one.identity) for one in unknown], self._vector) if unknown else {}
        for one in unknown:
            one.similarity = known.get(str(one.identity), 0.0)

    def _found_in(self, key: RowKey, joined: Joined) -> Found | None:
        texts = {one.n: one for one in texts_of(joined.run, joined.row)}
        scale, matches = self._lists.scale, []
        for one in self._lists.rows[key]:
            text = texts.get(one.identity.n)
            if text is None or one.similarity is None or one.identity.attempt != joined.row.vector_attempt:
                continue
            similarity = min(1.0, max(0.0, one.similarity))
            held = scale.words_in(text.text)
            matches.append(Match(text, scale.blend(similarity, held), similarity, held))
        matches.sort(key=lambda match: (-match.score, match.text.n))
        return Found(joined.run, joined.video, joined.row, matches) if matches else None
