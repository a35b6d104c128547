"""The two retrievals of a text search, in one call: nearest by meaning, and for each word asked for the texts that hold it.

One list per word, beside one for all of them, makes two things sure: whoever holds a rare word is a candidate however many texts
hold the common ones, and the length of each list tells how rare the word is in this very scope, which no index knows beforehand.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from shared.search.found import RowKey, Scope
from shared.search.scoring import Question, Scale
from shared.vectors.ids import TextId
from shared.vectors.index import Hit, Query, VectorIndex
from shared.vectors.words import sparse_query

PER_ROW = 4  # texts of one row in one list
HOLDERS = 120  # longest list of a word; a word with more holders is common
MOST_WORDS = 8  # that get a list of their own: numbers and long words first
MOST_HITS = 1000  # Vector Search gives no longer list


@dataclass
class Candidate:
    """One text that may match: its cosine where known, and the words asked for that it surely holds."""

    identity: TextId
    similarity: float | None = None
    held: set[str] = field(default_factory=set)

    @property
    def row(self) -> RowKey:
        return self.identity.run_id, self.identity.video_id, self.identity.segment_id


@dataclass(frozen=True)
class Lists:
    """`floor`: no candidate whose cosine is unknown is nearer than this. `complete`: nothing else is there to be found."""

    rows: dict[RowKey, list[Candidate]]
    scale: Scale
    floor: float
    complete: bool

    def promise(self, key: RowKey) -> float:
        """About what the row will score, before anything of it is read; exact but for words that very many texts hold."""
        return max(
            self.scale.blend(self.floor if one.similarity is None else one.similarity, self.scale.share_of(one.held))
            for one in self.rows[key]
        )

    def by_words(self, key: RowKey) -> Candidate:
        """The text of the row that holds most of what was asked for."""
        return max(self.rows[key], key=lambda one: (self.scale.share_of(one.held), one.similarity is not None, -one.identity.n))


def gather(vectors: VectorIndex, question: Question, vector: Sequence[float], scopes: Sequence[Scope], limit: int) -> Lists:
    """Candidates of several scopes (one by meaning each, the words over all); `limit` hits per scope by meaning."""
    own = sorted(question.asked, key=lambda word: (not any(c.isdigit() for c in word), -len(word), word))[:MOST_WORDS]
    everywhere = _together(scopes)
    queries = [Query(vector=vector, allow=scope.allow("text"), limit=limit, per_crowd=PER_ROW) for scope in scopes]
    for asked in [[word] for word in own] + ([list(question.asked)] if len(question.asked) > 1 else []):
        sparse = sparse_query(asked)
        queries.append(Query(sparse=sparse, allow=everywhere.allow("text"), limit=HOLDERS, per_crowd=PER_ROW))
    answers = vectors.find_all(queries)
    near, by_word = answers[: len(scopes)], answers[len(scopes) : len(scopes) + len(own)]
    ids = dict.fromkeys(hit.id for hit in chain(*answers))
    found = {id_: Candidate(identity) for id_ in ids if (identity := TextId.parse(id_)) is not None}
    for hit in chain(*near):
        if hit.id in found:
            found[hit.id].similarity = hit.score
    for word, hits in zip(own, by_word, strict=True):
        for hit in hits:
            if hit.id in found:
                found[hit.id].held.add(word)
    rows: dict[RowKey, list[Candidate]] = defaultdict(list)
    for one in found.values():
        rows[one.row].append(one)
    holders = {word: _rows_of(hits, found) for word, hits in zip(own, by_word, strict=True)}
    cut_off = [hits for hits in near if len(hits) >= limit]
    return Lists(
        rows=dict(rows),
        scale=Scale.of(question, holders, max(_rows_of(chain(*near), found), HOLDERS if cut_off else 0)),
        floor=max((hits[-1].score for hits in cut_off), default=0.0) if cut_off else 1.0,
        complete=not cut_off,
    )


def _together(scopes: Sequence[Scope]) -> Scope:
    """One scope that covers them all; they differ in their runs only."""
    first = scopes[0]
    return Scope(first.tenant, first.index_ids, [run for scope in scopes for run in scope.run_ids], first.fields)


def _rows_of(hits: Iterable[Hit], found: Mapping[str, Candidate]) -> int:
    """How many different rows they belong to."""
    return len({found[hit.id].row for hit in hits if hit.id in found})
