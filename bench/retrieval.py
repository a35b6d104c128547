"""How often a search finds what it should: scenes made of a subject, a deed and a place, asked for by their own words, by the
name of who is in them, and by other words that mean the same. The right scene is known; many others share two of its three parts.
"""

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from bench.archive import NoBlobs
from bench.figure import Figure
from emulators.faults import Faults
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.vertex.server import serve
from infra.manifests import ROOT
from shared.config import Settings
from shared.domain.leaves import metadata_text
from shared.domain.media import Video
from shared.domain.runs import Run, RunStatus, SegmentResult, SegmentState
from shared.inference.models import Models
from shared.search.found import Scope, texts_of
from shared.search.text import TextSearch
from shared.store.documents import Store
from shared.vectors.ids import TextId
from shared.vectors.index import VectorIndex
from shared.vectors.points import text_points
from shared.vectors.words import words

_SCENES, _ASKED, _WITHIN = 200, 60, 5
_PROJECT, _TENANT = "videovector-bench", "tenant_bench"
# each: how the archive says it, and how somebody else would
_SUBJECTS = [
    ("a cyclist", "someone on a bike"),
    ("a chef", "a cook"),
    ("an old man", "an elderly gentleman"),
    ("two children", "a pair of kids"),
    ("a police officer", "a cop"),
    ("a surgeon", "a doctor"),
    ("a farmer", "a man who grows crops"),
    ("a pilot", "an aviator"),
    ("a dog", "a puppy"),
    ("a singer", "a vocalist"),
    ("a bride", "a woman getting married"),
    ("soldiers", "troops"),
]
_DEEDS = [
    ("runs", "is sprinting"),
    ("sleeps", "is taking a nap"),
    ("reads a newspaper", "is looking at the daily press"),
    ("eats an apple", "is having some fruit"),
    ("argues with a driver", "is quarrelling with a motorist"),
    ("repairs an engine", "is fixing a motor"),
    ("laughs loudly", "is giggling"),
    ("paints a wall", "is colouring a surface with a brush"),
    ("makes a phone call", "is talking on a mobile"),
    ("carries a suitcase", "is holding luggage"),
    ("dances", "is moving to music"),
    ("weeps", "is crying"),
]
_PLACES = [
    ("on a beach", "by the sea"),
    ("in a hospital", "at a clinic"),
    ("in a forest", "among trees"),
    ("at an airport", "where planes take off"),
    ("in a restaurant kitchen", "where meals are prepared"),
    ("on a mountain", "high on a summit"),
    ("in a courtroom", "before a judge"),
    ("in heavy rain", "during a downpour"),
    ("on a bridge", "above a river crossing"),
    ("in a classroom", "at school"),
    ("in a supermarket", "in a grocery store"),
    ("at night", "after dark"),
]


@dataclass(frozen=True)
class Scene:
    said: str
    otherwise: str
    name: str


def run() -> list[Figure]:
    scenes = _scenes(random.Random(7))
    asked = scenes[:_ASKED]
    ways: dict[str, Callable[[Scene], str]] = {
        "their own words": lambda one: one.said,
        "a name": lambda one: one.name,
        "other words": lambda one: one.otherwise,
    }
    server = serve(None, Faults(), time.time, _no_objects)
    try:
        search = _Corpus(f"http://127.0.0.1:{server.port}", scenes)
        plain = _Bm25([f"{one.said} {one.name}" for one in scenes])
        figures = []
        for how, question in ways.items():
            ours = _recall(asked, scenes, lambda one, question=question: search.best(question(one)))
            theirs = _recall(asked, scenes, lambda one, question=question: plain.best(question(one)))
            aim = ">= 0.85" if how == "other words" else ">= 0.95"
            figures += [
                Figure(f"the right one of {len(scenes)} among the first {_WITHIN}, asked by {how}", ours, "", aim),
                Figure("  plain BM25", theirs, ""),
            ]
        return figures
    finally:
        server.stop()


def _scenes(chance: random.Random) -> list[Scene]:
    every = [(s, d, p) for s in _SUBJECTS for d in _DEEDS for p in _PLACES]
    syllables = ["ka", "vel", "dor", "min", "tas", "ruk", "ol", "pe", "zan", "ir", "bos", "gwy"]
    scenes = []
    for parts in chance.sample(every, _SCENES):
        name = f"{''.join(chance.choices(syllables, k=2))} {''.join(chance.choices(syllables, k=3))}".title()
        scenes.append(Scene(" ".join(one[0] for one in parts), " ".join(one[1] for one in parts), name))
    return scenes


def _recall(asked: Sequence[Scene], scenes: Sequence[Scene], best: Callable[[Scene], list[int]]) -> float:
    return sum(scenes.index(one) in best(one)[:_WITHIN] for one in asked) / len(asked)


class _Corpus:
    """The scenes as segments of one run, searched as the API searches."""

    def __init__(self, url: str, scenes: Sequence[Scene]) -> None:
        settings = Settings(
            project_id=_PROJECT,
            vector_index=f"projects/{_PROJECT}/locations/us-central1/indexes/videovector",
            vector_endpoint=f"projects/{_PROJECT}/locations/us-central1/indexEndpoints/videovector#videovector",
            vector_api_endpoint=url,
        )
        engine = FirestoreEngine(None, time.time, ROOT / "infra" / "firestore.indexes.json")
        store = Store(firestore_client(engine, _PROJECT), lambda: datetime.now(UTC), NoBlobs())  # type: ignore[arg-type]
        vectors, models = VectorIndex(requests.Session(), settings), Models(settings, _client_of(url))
        self._search = TextSearch(store, vectors, models)
        now = datetime.now(UTC)
        stamps: dict[str, Any] = {"created_at": now, "updated_at": now, "tenant": _TENANT}
        names: dict[str, Any] = {"user_id": "bench", "prompt_id": "p", "prompt_name": "p", "prompt_revision": 1}
        run_ = Run(**stamps, run_id="run", **names, prompt={}, target={}, status=RunStatus.COMPLETED)
        batch = store.batch()
        batch.put(run_)
        batch.put(Video(**stamps, video_id="video", user_id="bench", title="Tape", video_uri="gs://originals/tape"))
        batch.commit()
        for number, scene in enumerate(scenes):
            metadata = {"scene": scene.said, "person": scene.name}
            row = SegmentResult(
                **stamps,
                run_id="run",
                video_id="video",
                segment_id=f"s{number}",
                status=SegmentState.SUCCESSFUL,
                open=False,
                metadata=metadata,
                metadata_text=metadata_text(metadata),
                vector_attempt=1,
            )
            texts = texts_of(run_, row)
            identity = TextId("run", "video", row.segment_id, 1, 0)
            vectors.upsert(text_points(_TENANT, "", identity, texts, models.embed_texts([one.text for one in texts])))
            batch = store.batch()
            batch.put(row)
            batch.commit()

    def best(self, question: str) -> list[int]:
        found = self._search.search(question, Scope(_TENANT, [""]), _WITHIN)
        return [int(one.segment_id[1:]) for one in found]


class _Bm25:
    """The usual formula over whole words, k1 = 1.2 and b = 0.75."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._held = [Counter(words(text)) for text in texts]
        self._lengths = [sum(held.values()) for held in self._held]
        self._usual = sum(self._lengths) / len(texts)
        self._holders = Counter(word for held in self._held for word in held)

    def best(self, question: str) -> list[int]:
        asked = words(question)
        scores = [sum(self._worth(word, number) for word in asked) for number in range(len(self._held))]
        return sorted((n for n, score in enumerate(scores) if score > 0), key=lambda n: (-scores[n], n))

    def _worth(self, word: str, number: int) -> float:
        count, holders = self._held[number][word], self._holders[word]
        rarity = math.log(1 + (len(self._held) - holders + 0.5) / (holders + 0.5))
        return rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * self._lengths[number] / self._usual))


def _no_objects(uri: str) -> bytes:
    raise FileNotFoundError(uri)


def _client_of(url: str) -> Callable[[Settings], Any]:
    def make(_: Settings) -> Any:
        from google import genai
        from google.genai import types
        from google.oauth2.credentials import Credentials

        options = types.HttpOptions(base_url=url, timeout=20_000)
        token = Credentials(token="bench")
        return genai.Client(vertexai=True, project=_PROJECT, location="us-central1", credentials=token, http_options=options)

    return make
