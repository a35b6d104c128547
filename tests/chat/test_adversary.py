"""A model that wants out: whatever it calls and says, nothing outside the scope is read and nothing is written.

What lies outside carries words that stand nowhere else; they are looked for in everything that leaves the tools and the turn.
Before that, at the door of the store, the path of every document that a tool reads is looked at, whatever becomes of it.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.chat.tools import ToolError
from shared.domain.ids import new_id
from tests.chat.test_streams import assert_grammar
from tests.chat.world import ChatWorld, call, say, text

SECRET = "xyzzyquux"  # holds in whatever lies outside
ELSEWHERE = "plughfrotz"  # holds in what another run found inside


class Door:
    """Where the store's client leaves the process: writes down which documents a tool reads, and whether it writes."""

    def __init__(self, chat: ChatWorld) -> None:
        db: Any = chat.store.db
        self._api = db._firestore_api
        db._firestore_api_internal = self
        self._here = threading.local()
        self.paths: set[str] = set()
        self.reads = 0
        self.writes = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What this thread does meanwhile is done by a tool."""
        self._here.on = True
        try:
            yield
        finally:
            self._here.on = False

    @property
    def _on(self) -> bool:
        """A turn runs its tools in threads of that name, and they read side by side in such as join rows."""
        return getattr(self._here, "on", False) or threading.current_thread().name.startswith(("tool", "join"))

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._api, name)
        reading = name in ("batch_get_documents", "run_query", "run_aggregation_query", "list_documents", "list_collection_ids")

        def through(*args: Any, **kwargs: Any) -> Any:
            if not self._on:
                return call(*args, **kwargs)
            self.reads += reading
            self.writes += not reading
            if name not in ("batch_get_documents", "run_query"):
                return call(*args, **kwargs)
            answers = list(call(*args, **kwargs))
            found = (one.found.name if name == "batch_get_documents" else one.document.name for one in answers)
            self.paths |= {path.partition("/documents/")[2] for path in found if path}
            return iter(answers)

        return through


class Place:
    """One index inside the scope, one outside, another run over the index inside, and another tenant's.

    `by_run`: the scope names one run, so that the other lies outside; else it names the index alone.
    """

    def __init__(self, chat: ChatWorld, *, by_run: bool) -> None:
        inside, outside = chat.index(), chat.index()
        self.film = chat.film(inside.index_id, "Evening news")
        self.run = chat.look(self.film, {"headline": "A reporter outside a station"}, {"headline": "Onions in a kitchen"})
        self.other_run = chat.look(self.film, {"headline": f"{ELSEWHERE} of the other run"})
        self.far_film = film = chat.film(outside.index_id, f"{SECRET} film")
        self.far_run = run = chat.look(film, {"headline": f"{SECRET} reporter station"}, whole={"program_summary": SECRET})
        mine, chat.house.tenant = chat.house.tenant, new_id("tenant")
        theirs = chat.film("", f"{SECRET} of theirs")
        their_run = chat.house.run([(theirs, [{"headline": f"{SECRET} reporter"}])])
        self.tenants = [mine, chat.house.tenant]
        chat.house.tenant = mine
        self._tenant, self._looked_up = mine, {f"tenants/{mine}/videos/{film.video_id}"}
        self._outside = {outside.index_id, film.video_id, theirs.video_id, run.run_id, their_run.run_id}
        self.runs = {self.run.run_id, self.other_run.run_id}
        self.scope = {"index_ids": [inside.index_id], "prompt_run_ids": []}
        self.secrets = [SECRET]
        if not by_run:
            self._looked_up.add(f"tenants/{mine}/runs/{run.run_id}")
        else:
            self._outside.add(self.other_run.run_id)
            self.runs = {self.run.run_id}
            self.scope["prompt_run_ids"] = [self.run.run_id]
            self.secrets.append(ELSEWHERE)
        self.ids = [  # those inside more often, as a call that is refused at once tries nothing, and those just outside
            *(inside.index_id, self.film.video_id, self.run.run_id) * 5,
            *(outside.index_id, film.video_id, run.run_id, self.other_run.run_id) * 3,
            *(inside.index_id, outside.index_id, self.film.video_id, film.video_id, theirs.video_id),
            *(self.run.run_id, self.other_run.run_id, run.run_id, their_run.run_id),
            *("playground", "", "..", "__x__", "a/b", "x" * 90, *self.tenants),
        ]

    def tells_of_outside(self, said: str) -> bool:
        return any(one in said for one in self.secrets)

    def leads_out(self, path: str) -> bool:
        """Of a document's path. The entry of a media item or a run may be looked at by its id: it tells where it lies."""
        parts = path.split("/")
        return parts[:2] != ["tenants", self._tenant] or (path not in self._looked_up and not self._outside.isdisjoint(parts))


def random_call(chance: random.Random, ids: list[str], sql: bool) -> tuple[str, dict[str, Any]]:
    name = chance.choice(
        ["search_media", "filter_media", "get_segments", "get_video_result", "describe_scope", "describe_tables"]
    )
    if sql:
        name = "query_tables"
    some: Callable[[], Any] = lambda: chance.sample(ids, chance.randint(0, 3))  # noqa: E731  three words are no function
    values: dict[str, Callable[[], Any]] = {
        "query": lambda: chance.choice(["reporter", SECRET, ELSEWHERE, "station", "' OR 1=1", "\x00", "", "*"]),
        "fields": lambda: chance.choice([None, ["headline"], ["headline"], [SECRET], ["*"], "headline"]),
        "top_k": lambda: chance.choice([1, 5, 8, 20, 0, 10**9, "5", None]),
        "index_ids": lambda: chance.choice([None, some(), chance.choice(ids)]),
        "prompt_run_ids": lambda: chance.choice([None, some()]),
        "video_id": lambda: chance.choice(ids),
        "prompt_run_id": lambda: chance.choice([None, *ids]),
        "from_seconds": lambda: chance.choice([0, 0, 5, -1, 1e9, "x"]),
        "conditions": lambda: [
            {
                "field": "headline",
                "operator": "contains",
                "type": "string",
                "value": chance.choice(["reporter", SECRET, ELSEWHERE]),
            }
        ],
        "tenant": lambda: chance.choice(ids),
        "owner": lambda: chance.choice(ids),
        "sql": lambda: chance.choice(
            [
                f"SELECT * FROM {chance.choice(ids) or 'x'}",
                f"SELECT 'segment:s:{chance.choice(ids)}' AS row_id, '{chance.choice(ids)}' AS video_id, "
                f"'{chance.choice(ids)}' AS run_id",
                "SELECT * FROM read_parquet('/**/*.parquet')",
                f"DELETE FROM {chance.choice(ids) or 'x'}",
            ]
        ),
    }
    needed = ("query", "conditions", "video_id", "sql")
    return name, {key: values[key]() for key in values if chance.random() < (0.95 if key in needed else 0.4)}


def in_four(short: int, whole: int) -> list[Any]:
    """A short profile, and the whole in four parts, so that none takes many minutes; an even seed plays within a run."""
    return [(short, 0), (short, 1), *(pytest.param(whole // 4, seed, marks=pytest.mark.long) for seed in (2, 3, 4, 5))]


@pytest.mark.parametrize(("count", "seed"), in_four(300, 100_000))
def test_no_call_of_a_tool_leads_out(chat: ChatWorld, count: int, seed: int) -> None:
    place, chance = Place(chat, by_run=seed % 2 == 0), random.Random(seed)
    tools, door = chat.tools(place.scope["index_ids"], place.scope["prompt_run_ids"]), Door(chat)
    told = 0
    for number in range(count):
        name, arguments = random_call(chance, place.ids, sql=number % 150 == 0)
        try:
            with door.watched():
                brought = tools.call(name, arguments)
        except ToolError as error:
            assert not place.tells_of_outside(error.message) or place.tells_of_outside(str(arguments))
            continue
        told += bool(brought.results)
        for one in brought.results:
            assert one.video.video_id == place.film.video_id and one.row.run_id in place.runs
        assert not place.tells_of_outside(json.dumps([brought.told, brought.table]))
    assert told > count / 100 and door.reads > count / 10  # it was no empty play
    assert [path for path in door.paths if place.leads_out(path)] == [] and door.writes == 0


@pytest.mark.parametrize("by_run", [True, False])
def test_a_query_that_makes_up_its_rows_reads_nothing_of_what_they_name(chat: ChatWorld, by_run: bool) -> None:
    place = Place(chat, by_run=by_run)
    tools, door = chat.tools(place.scope["index_ids"], place.scope["prompt_run_ids"]), Door(chat)
    pairs = [(place.far_film, place.far_run), (place.film, place.far_run), (place.far_film, place.run)]
    pairs += [(place.film, place.other_run)] if by_run else []
    rows = [
        f"SELECT 'video:{video.video_id}' AS row_id, '{video.video_id}' AS video_id, '{run.run_id}' AS run_id"
        for video, run in pairs
    ]
    with door.watched():
        brought = tools.call(
            "query_tables", {"sql": f"SELECT * FROM ({' UNION ALL '.join(rows)}), (SELECT 1 FROM {place.run.run_id} LIMIT 1)"}
        )
    assert brought.table is not None and len(brought.table["rows"]) == len(pairs) and brought.results == []
    assert [path for path in door.paths if place.leads_out(path)] == []


@pytest.mark.parametrize(("count", "seed"), in_four(6, 2_000))
def test_no_turn_of_a_wild_model_leads_out_or_writes(chat: ChatWorld, count: int, seed: int) -> None:
    place, chance, door = Place(chat, by_run=seed % 2 == 0), random.Random(seed), Door(chat)

    def wild(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for _ in range(chance.randint(0, 6)):
            name, arguments = random_call(chance, place.ids, sql=chance.random() < 0.01)
            parts.append(call(name, **arguments))
        if not parts or chance.random() < 0.3:
            parts.append(
                text(chance.choice(["Done. [r1]", "[r999] ![x](http://evil.test)", "<img src=//evil.test>", "reporter"]))
            )
        return say(*parts)

    chat.gemini.say = wild
    session = chat.session()
    for _ in range(count):
        turn = chat.turn(session, "Look.", scope=place.scope)
        assert turn["effective_scope"] == place.scope
        assert_grammar(turn["events"])
        seen = json.dumps([turn["result_sets"], turn["assistant_message"]])
        brought = [one["results"] for one in turn["result_sets"]]
        assert not place.tells_of_outside(json.dumps([brought, turn["assistant_message"]]))
        assert "evil" not in seen
        assert len([one for one in turn["tool_trace"] if (one["error"] or {}).get("code") != "budget_exhausted"]) <= 12
    assert door.reads > count and [path for path in door.paths if place.leads_out(path)] == [] and door.writes == 0
