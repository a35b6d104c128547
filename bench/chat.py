"""`make eval`: how well chat answers over a generated library whose truth is known, with the local model.

Each of 24 films has six scenes, each scene one fact. Questions ask for a fact in its own words and others, for what comes after
a moment, and for things that are nowhere. Right is a citation of the very scene; where nothing is, right is to say so.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from bench.figure import Figure
from emulators.faults import Faults
from emulators.firestore.engine import Engine as FirestoreEngine
from emulators.firestore.inprocess import client as firestore_client
from emulators.vertex.server import serve
from functions.pipeline.run_turn.turning import Deps, run_turn
from infra.manifests import ROOT
from shared.chat.talking import Deps as TalkDeps
from shared.chat.tools import Library
from shared.config import Settings
from shared.domain.chat import ChatSession, ChatTurn
from shared.domain.cursors import Cursors
from shared.domain.ids import derived_id
from shared.domain.leaves import metadata_text
from shared.domain.media import Video
from shared.domain.runs import Run, RunMedia, RunStatus, SegmentResult, SegmentState
from shared.inference.models import Models
from shared.messaging.messages import RunTurn
from shared.search.found import texts_of
from shared.search.text import TextSearch
from shared.store.documents import Store
from shared.store.pages import Pages
from shared.store.runs import Runs
from shared.store.videos import Videos
from shared.tables.asking import SqlTables
from shared.tables.cache import FileCache
from shared.tables.filtering import FilterSearch
from shared.tables.sandbox import Sandbox
from shared.vectors.ids import TextId
from shared.vectors.index import VectorIndex
from shared.vectors.points import text_points
from shared.work.claims import Claims

_PROJECT, _TENANT = "videovector-local", "tnt_eval"
_FILMS, _SCENES, _LENGTH = 24, 6, 10.0
# who · does what, to what · the same in other words
_FACTS = (
    ("a carpenter", "sawing an oak plank", "cutting timber"),
    ("a nurse", "bandaging a wounded knee", "dressing an injury"),
    ("two children", "building a sandcastle", "playing with sand"),
    ("a chef", "kneading bread dough", "preparing loaves for baking"),
    ("a pilot", "checking the cockpit instruments", "preparing an aircraft for departure"),
    ("a violinist", "tuning her instrument backstage", "getting ready for a concert"),
    ("a fisherman", "mending torn nets", "repairing fishing gear"),
    ("a mechanic", "replacing a car tyre", "changing a wheel"),
    ("a teacher", "writing equations on a blackboard", "explaining mathematics"),
    ("a dog", "catching a frisbee", "playing fetch"),
    ("a cyclist", "climbing a steep mountain road", "riding a bike uphill"),
    ("a gardener", "pruning rose bushes", "trimming flowers"),
    ("firefighters", "extinguishing a burning barn", "putting out a blaze"),
    ("a potter", "shaping a clay bowl", "making ceramics"),
    ("a surgeon", "washing hands before an operation", "scrubbing in"),
    ("a farmer", "milking cows at dawn", "tending dairy cattle"),
    ("a baker", "decorating a wedding cake", "icing a dessert for a marriage"),
    ("two men", "arguing about a parking ticket", "quarrelling over a fine"),
    ("a girl", "feeding ducks at a pond", "giving bread to birds by the water"),
    ("a plumber", "fixing a leaking pipe", "stopping water from dripping"),
    ("a crowd", "cheering after the final whistle", "celebrating at the end of the match"),
    ("a scientist", "looking through a microscope", "examining tiny samples"),
    ("a reporter", "standing outside the parliament", "covering politics on location"),
    ("a train", "leaving the platform", "departing from the station"),
    ("an old woman", "knitting a scarf", "making something warm out of wool"),
    ("a boy", "learning to swim", "taking his first strokes in the pool"),
    ("a barista", "pouring milk foam", "preparing a latte"),
    ("a goalkeeper", "saving a penalty", "stopping a shot from the spot"),
    ("a dentist", "examining a patient's teeth", "checking somebody's mouth"),
    ("a tractor", "ploughing a muddy field", "turning over the soil"),
    ("a bride", "throwing her bouquet", "tossing flowers to the guests"),
    ("a locksmith", "opening a jammed door", "getting into a house that will not unlock"),
)
_PLACES = (
    "in Lisbon",
    "in Oslo",
    "in Kyoto",
    "in Nairobi",
    "in Boston",
    "in Hanoi",
    "in Quito",
    "in Cairo",
    "in Perth",
    "in Lima",
)
_WEATHER = ("under grey clouds", "in bright sunshine", "during heavy rain", "in thick fog", "on a snowy day", "at night")
_ABSENT = (
    "Where does an astronaut repair a satellite?",
    "Who talks about inflation and interest rates?",
    "Show me a chess tournament.",
    "Is there a submarine?",
    "Find a lighthouse in a storm.",
    "When does the volcano erupt?",
    "Which scene shows a courtroom verdict?",
    "Find penguins on an iceberg.",
    "Does anybody play the saxophone?",
    "Where is the nuclear reactor?",
    "Is there a parachute jump?",
    "Who assembles a smartphone?",
    "Show the opera singer receiving flowers.",
    "Is there an election debate?",
    "Where do archaeologists dig up a mummy?",
    "Find a knight in armour.",
)


@dataclass(frozen=True)
class Asked:
    """`scene` is (film, scene) that answers, None where nothing does; `first` is asked before, in the same session."""

    kind: str
    question: str
    scene: tuple[int, int] | None
    first: str = ""


@dataclass
class Told:
    """What came of the questions of one kind."""

    hits: int = 0
    total: int = 0
    right: int = 0
    cited: int = 0
    abstained: int = 0
    steps: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="videovector-eval-") as folder:
        server = serve(None, Faults(), time.time, _no_objects)
        try:
            return _figures(_Library(f"http://127.0.0.1:{server.port}", Path(folder)))
        finally:
            server.stop()


def _no_objects(uri: str) -> bytes:
    raise FileNotFoundError(uri)


def _figures(library: "_Library") -> list[Figure]:
    facts = library.fill(random.Random(20))
    told: dict[str, Told] = {}
    for one in _questions(facts, random.Random(21)):
        library.put(one, told.setdefault(one.kind, Told()))
    there = [told[kind] for kind in ("same words", "other words", "what follows")]
    steps = [n for one in told.values() for n in one.steps]
    calls = [n for one in told.values() for n in one.calls]
    seconds = [n for one in told.values() for n in one.seconds]
    figures = [
        Figure(f"hit@3 of cited scenes, {kind}", told[kind].hits / told[kind].total, "") for kind in told if kind != "nothing"
    ]
    return [
        Figure("hit@3 of cited scenes, all", sum(one.hits for one in there) / sum(one.total for one in there), "", ">= 0.9"),
        *figures,
        Figure(
            "citations that lead to the right seconds",
            sum(one.right for one in there) / max(1, sum(one.cited for one in there)),
            "",
            ">= 0.9",
        ),
        Figure("says that nothing is there, of what is nowhere", told["nothing"].abstained / told["nothing"].total, "", ">= 0.9"),
        Figure(
            "says that nothing is there, of what is", sum(o.abstained for o in there) / sum(o.total for o in there), "", "<= 0.1"
        ),
        Figure("steps of a turn, mean", statistics.mean(steps), ""),
        Figure("tool calls of a turn, mean", statistics.mean(calls), "", "<= 3"),
        Figure("a turn's work, median", statistics.median(seconds) * 1000, "ms"),
        Figure("questions asked", float(len(seconds)), ""),
    ]


def _questions(facts: dict[tuple[int, int], tuple[int, str, str]], chance: random.Random) -> list[Asked]:
    """Of scenes whose fact and place are the only ones of their kind."""
    seen: dict[tuple[int, str], int] = {}
    for fact, place, _ in facts.values():
        seen[fact, place] = seen.get((fact, place), 0) + 1
    single = [scene for scene, (fact, place, _) in facts.items() if seen[fact, place] == 1]
    asked: list[Asked] = []
    for scene in chance.sample(single, 20):
        fact, place, _ = facts[scene]
        who, does, _ = _FACTS[fact]
        asked.append(Asked("same words", f"Where is {who} {does} {place}?", scene))
    for scene in chance.sample(single, 20):
        fact, place, _ = facts[scene]
        asked.append(Asked("other words", f"Find somebody {_FACTS[fact][2]} {place}.", scene))
    for film, number in chance.sample([one for one in single if one[1] < _SCENES - 1], 12):
        fact, place, _ = facts[film, number]
        who, does, _ = _FACTS[fact]
        asked.append(Asked("what follows", "What happens after that?", (film, number + 1), f"Where is {who} {does} {place}?"))
    return asked + [Asked("nothing", question, None) for question in _ABSENT]


class _Library:
    """Films as runs leave them, on engines in this process; sentence vectors and talks by the local models."""

    def __init__(self, url: str, folder: Path) -> None:
        settings = Settings(
            project_id=_PROJECT,
            vector_index=f"projects/{_PROJECT}/locations/us-central1/indexes/videovector",
            vector_endpoint=f"projects/{_PROJECT}/locations/us-central1/indexEndpoints/videovector#videovector",
            vector_api_endpoint=url,
            cursor_key="eval",
        )
        engine = FirestoreEngine(None, time.time, ROOT / "infra" / "firestore.indexes.json")
        none: Any = None
        self.store = Store(firestore_client(engine, _PROJECT), lambda: datetime.now(UTC), none)
        self.vectors = VectorIndex(requests.Session(), settings)
        self.models = Models(settings, lambda _: _client(url))
        cursors = Cursors("eval")
        pages = Pages(self.store, cursors)
        files = FileCache(none, folder)
        library = Library(
            self.store,
            Runs(self.store, pages),
            Videos(self.store, pages),
            TextSearch(self.store, self.vectors, self.models),
            FilterSearch(self.store, files, cursors),
            SqlTables(self.store, files, Sandbox()),
        )
        self.deps = Deps(self.store, Claims(self.store), TalkDeps(self.store, self.models, library))
        self._serial = 0

    def fill(self, chance: random.Random) -> dict[tuple[int, int], tuple[int, str, str]]:
        """The fact, place and weather of each scene."""
        facts: dict[tuple[int, int], tuple[int, str, str]] = {}
        for film in range(_FILMS):
            chosen = chance.sample(range(len(_FACTS)), _SCENES)
            for number, fact in enumerate(chosen):
                facts[film, number] = (fact, chance.choice(_PLACES), chance.choice(_WEATHER))
            self._film(film, [facts[film, number] for number in range(_SCENES)])
        return facts

    def _film(self, film: int, scenes: Sequence[tuple[int, str, str]]) -> None:
        video_id, run_id = derived_id("video", film), derived_id("run", film)
        names = {"tenant": _TENANT, "video_id": video_id}
        video = Video(
            **self._stamps(), **names, user_id="eval", title=f"Film {film + 1}", video_uri="gs://x/y", latest_run_id=run_id
        )
        run_ = Run(
            **self._stamps(),
            tenant=_TENANT,
            run_id=run_id,
            user_id="eval",
            prompt_id="prm_eval",
            prompt_name="Scenes",
            prompt_revision=1,
            index_ids=[""],
            status=RunStatus.COMPLETED,
        )
        media = RunMedia(**self._stamps(), **names, run_id=run_id, status="completed", open=False, total_segments=len(scenes))
        rows = [self._row(video_id, run_id, number, *scene) for number, scene in enumerate(scenes)]
        batch = self.store.batch()
        for document in (video, run_, media, *rows):
            batch.create(document)
        batch.commit()
        for row in rows:
            texts = texts_of(run_, row)
            vectors = self.models.embed_texts([one.text for one in texts])
            self.vectors.upsert(text_points(_TENANT, "", TextId(run_id, video_id, row.segment_id, 1, 0), texts, vectors))

    def _row(self, video_id: str, run_id: str, number: int, fact: int, place: str, weather: str) -> SegmentResult:
        who, does, _ = _FACTS[fact]
        metadata = {"headline": f"{who.capitalize()} {does} {place}", "setting": weather}
        return SegmentResult(
            **self._stamps(),
            tenant=_TENANT,
            run_id=run_id,
            video_id=video_id,
            segment_id=derived_id("segment", video_id, number),
            ordinal=number,
            start=number * _LENGTH,
            end=(number + 1) * _LENGTH,
            status=SegmentState.SUCCESSFUL,
            open=False,
            metadata=metadata,
            metadata_text=metadata_text(metadata),
            vector_attempt=1,
        )

    def put(self, asked: Asked, told: Told) -> None:
        session_id = derived_id("session", asked.question, asked.first, self._serial)
        session = ChatSession(**self._stamps(), tenant=_TENANT, session_id=session_id, user_id="eval")
        self.store.create_once(session)
        if asked.first:
            self._turn(session_id, asked.first)
        turn = self._turn(session_id, asked.question)
        citations = turn.answer.get("citations", []) if turn.status == "completed" else []
        told.total += 1
        told.abstained += not citations
        told.steps.append(turn.stats["steps"])
        told.calls.append(turn.stats["tool_calls"])
        told.seconds.append(turn.stats["work_ms"] / 1000)
        if asked.scene is None:
            return
        film, number = asked.scene
        right = [one["video_id"] == derived_id("video", film) and _meets(one, number * _LENGTH) for one in citations]
        told.hits += any(right[:3])
        told.right += sum(right)
        told.cited += len(right)

    def _turn(self, session_id: str, question: str) -> ChatTurn:
        turn_id = derived_id("turn", session_id, question)
        turn = ChatTurn(
            **self._stamps(),
            tenant=_TENANT,
            session_id=session_id,
            turn_id=turn_id,
            user_id="eval",
            message=question,
            owner=_TENANT,
            index_ids=[""],
            model="gemini-2.5-flash",
            status="pending",
        )
        self.store.create_once(turn)
        run_turn(RunTurn(tenant=_TENANT, session_id=session_id, turn_id=turn_id), self.deps)
        found = self.store.get(ChatTurn, _TENANT, session_id, turn_id)
        assert found is not None
        return found

    def _stamps(self) -> dict[str, Any]:
        self._serial += 1
        at = self.store.clock() + timedelta(microseconds=self._serial)
        return {"created_at": at, "updated_at": at}


def _meets(citation: dict[str, Any], start: float) -> bool:
    """Half of what both span together, or not more than two seconds beside it at either end."""
    begins, ends = citation["start_time"], citation["end_time"]
    shared = max(0.0, min(ends, start + _LENGTH) - max(begins, start))
    whole = max(ends, start + _LENGTH) - min(begins, start)
    return shared / whole >= 0.5 or (abs(begins - start) <= 2 and abs(ends - start - _LENGTH) <= 2)


def _client(url: str) -> Any:
    from google import genai
    from google.genai import types
    from google.oauth2.credentials import Credentials

    options = types.HttpOptions(base_url=url, timeout=60_000)
    return genai.Client(
        vertexai=True, project=_PROJECT, location="us-central1", credentials=Credentials(token="local"), http_options=options
    )
