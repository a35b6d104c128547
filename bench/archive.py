"""A large archive for measuring searches: made-up words with the frequencies of a language, vectors in topics, rows as runs write
them. It goes straight into the engines' files while the site is stopped, since no model could say so much in minutes.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.vertex.server import DEFAULT_INDEX
from emulators.vertex.vectors.datapoint import Datapoint as StoredPoint
from emulators.vertex.vectors.datapoint import Restrict, Sparse
from emulators.vertex.vectors.engine import VectorEngine
from infra.manifests import ROOT
from shared.domain.documents import Document
from shared.domain.leaves import metadata_text
from shared.domain.media import Cut, Segment, Video
from shared.domain.runs import Run, RunStatus, SegmentResult, SegmentState
from shared.store.documents import MAX_BATCH, Store
from shared.vectors.ids import TextId
from shared.vectors.index import DIMENSIONS, Datapoint
from shared.vectors.points import image_point, text_points
from shared.vectors.texts import search_texts

_WIDTH = 384  # of the local sentence model
PICTURED = 10
VIEWERS = 1_000  # different values of the one field that is a number
_PER_VIDEO = 200
_AT_ONCE = 250  # segments written in one go
_RUN, _CUT = "run_measured", "cut_measured"


@dataclass(frozen=True)
class Size:
    """`leaves` texts a segment beside its metadata text; one segment in ten has a picture that was embedded."""

    segments: int
    leaves: int

    @property
    def vectors(self) -> int:
        return self.segments * (self.leaves + 1) + self.segments // PICTURED


class Language:
    """Twenty thousand made-up words, as frequent as those of a language but its little words. Topics are directions in space."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(1)  # every seed speaks the same language
        syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "or")]
        made = self._random.choice(syllables, (40_000, 3))
        self._words = list(dict.fromkeys("".join(parts) for parts in made))[:20_000]
        shares = 1 / np.arange(10, len(self._words) + 10)
        self._bounds = np.cumsum(shares / shares.sum())
        self._topics = self._random.standard_normal((500, _WIDTH)).astype(np.float32)
        self._random = np.random.default_rng(seed)

    def words(self, count: int) -> str:
        places = np.searchsorted(self._bounds, self._random.random(count))
        return " ".join(self._words[min(place, len(self._words) - 1)] for place in places)

    def vectors(self, count: int) -> np.ndarray:
        """Unit vectors as the local model's: zeros behind the first 384 numbers."""
        near = self._topics[self._random.integers(0, len(self._topics), count)]
        made = near + self._random.standard_normal((count, _WIDTH), dtype=np.float32)
        padded = np.zeros((count, DIMENSIONS), dtype=np.float32)
        padded[:, :_WIDTH] = made / np.linalg.norm(made, axis=1, keepdims=True)
        return padded


def name_of(number: int) -> str:
    """The one word that only this segment holds."""
    return f"zq{number:06d}"


class NoBlobs:
    """Rows this small never leave their document."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("a measured row is too large")


@dataclass
class Archive:
    data_dir: Path
    index_id: str
    size: Size
    tenant: str = ""

    def fill(self) -> float:
        """Writes everything, rows and vectors side by side; answers the seconds it took."""
        begun = time.perf_counter()
        with self._rows() as store:
            self.tenant = self._find_tenant(store)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            for part in [pool.submit(self._fill_rows), pool.submit(self._fill_vectors)]:
                part.result()
        return time.perf_counter() - begun

    def _fill_rows(self) -> None:
        with self._rows() as store:
            _put(store, self.frame())
            for made in self.segments():
                _put(store, [row for _, row in made] + [segment for segment, _ in made if _has_picture(segment)])

    def _fill_vectors(self) -> None:
        vectors, language = open_vectors(self.data_dir), Language(5)
        try:
            for made in self.segments():
                vectors.upsert(DEFAULT_INDEX, [point for segment, row in made for point in self._points(segment, row, language)])
        finally:
            vectors.close()

    def segments(self) -> Iterator[list[tuple[Segment, SegmentResult]]]:
        """All of them, some at a time; the same however often it is asked."""
        language = Language()
        for start in range(0, self.size.segments, _AT_ONCE):
            yield [self._segment(number, language) for number in range(start, min(start + _AT_ONCE, self.size.segments))]

    @contextmanager
    def _rows(self) -> Iterator[Store]:
        engine = FirestoreEngine(
            self.data_dir / "cloud" / "firestore.sqlite", time.time, ROOT / "infra" / "firestore.indexes.json"
        )
        try:
            yield Store(firestore_client(engine, "videovector-local"), _now, NoBlobs())  # type: ignore[arg-type]
        finally:
            engine.close()

    def _find_tenant(self, store: Store) -> str:
        for tenant in store.db.collection("tenants").list_documents():
            if tenant.collection("indexes").document(self.index_id).get().exists:
                return tenant.id
        raise LookupError(self.index_id)

    def frame(self) -> list[Document]:
        """The run first, then the media items with their cuts."""
        names: dict[str, Any] = {"created_at": _now(), "updated_at": _now(), "tenant": self.tenant}
        run = Run(
            **names,
            run_id=_RUN,
            user_id="measured",
            prompt_id="prompt_measured",
            prompt_name="Measured",
            prompt_revision=1,
            prompt={"semantic_indexing": {}, "json_schema": self.schema()},
            target={},
            index_ids=[self.index_id],
            status=RunStatus.COMPLETED,
        )
        frame: list[Document] = [run]
        for number in range(-(-self.size.segments // _PER_VIDEO)):
            video_id = f"video_{number}"
            about: dict[str, Any] = {"user_id": "measured", "title": f"Tape {number}", "video_uri": f"gs://originals/{video_id}"}
            frame.append(Video(**names, video_id=video_id, index_id=self.index_id, **about))
            cut: dict[str, Any] = {"cut_id": _CUT, "generation": "1", "segment_count": _PER_VIDEO, "runs": {_RUN: _now()}}
            frame.append(Cut(**names, video_id=video_id, **cut))
        return frame

    def schema(self) -> dict[str, Any]:
        """What the run's prompt asked for."""
        texts = {name: {"type": "string"} for name in ("headline", *(f"field_{n}" for n in range(self.size.leaves - 1)))}
        return {"type": "object", "properties": {**texts, "viewers": {"type": "integer"}}}

    def _segment(self, number: int, language: Language) -> tuple[Segment, SegmentResult]:
        leaves = {f"field_{n}": language.words(6) for n in range(self.size.leaves - 1)}
        metadata = {"headline": f"{language.words(5)} {name_of(number)}", **leaves, "viewers": number * 7919 % VIEWERS}
        ordinal = number % _PER_VIDEO
        place: dict[str, Any] = {
            "created_at": _now(),
            "updated_at": _now(),
            "tenant": self.tenant,
            "video_id": f"video_{number // _PER_VIDEO}",
            "segment_id": f"segment_{number}",
            "cut_id": _CUT,
            "ordinal": ordinal,
            "start": ordinal * 10.0,
            "end": ordinal * 10.0 + 10.0,
            "thumbnail_uri": f"gs://derived/thumbs/{number}.jpg",
        }
        result = SegmentResult(
            **place,
            run_id=_RUN,
            index_id=self.index_id,
            status=SegmentState.SUCCESSFUL,
            open=False,
            metadata=metadata,
            metadata_text=metadata_text(metadata),
            vector_attempt=1,
        )
        return Segment(**place), result

    def _points(self, segment: Segment, row: SegmentResult, language: Language) -> Iterator[StoredPoint]:
        texts = search_texts(row.metadata, row.metadata_text, "", [])
        vectors = language.vectors(len(texts) + 1)
        identity = TextId(_RUN, row.video_id, row.segment_id, 1, 0)
        made = text_points(self.tenant, self.index_id, identity, texts, list(vectors[:-1]))  # type: ignore[arg-type]
        if _has_picture(segment):
            made.append(image_point(self.tenant, self.index_id, row.video_id, _CUT, row.segment_id, vectors[-1]))  # type: ignore[arg-type]
        return (stored(one) for one in made)


def open_vectors(data_dir: Path) -> VectorEngine:
    cloud = data_dir / "cloud"
    return VectorEngine([DEFAULT_INDEX], database=cloud / "vertex.sqlite", folder=cloud / "vertex-blocks")


def stored(point: Datapoint) -> StoredPoint:
    """A datapoint as the engine keeps it, without the way through JSON."""
    restricts = [Restrict(ns, (held,) if isinstance(held, str) else tuple(held)) for ns, held in point.restricts.items()]
    sparse = Sparse(tuple(point.sparse.dimensions), tuple(point.sparse.values)) if point.sparse else None
    return StoredPoint(point.id, np.asarray(point.vector, np.float32), sparse, restricts, crowding=point.crowding)


def _put(store: Store, documents: list[Document]) -> None:
    for start in range(0, len(documents), MAX_BATCH):
        batch = store.batch()
        for document in documents[start : start + MAX_BATCH]:
            batch.put(document)
        batch.commit()


def _has_picture(segment: Segment) -> bool:
    return segment.ordinal % PICTURED == 0


def _now() -> datetime:
    return datetime.now(UTC)
