"""One seed: a small world, a user who asks and changes their mind, and a platform at its worst.

For a while the scheduler does whatever the seed says: it starts messages late, twice at the same time or not at all, lets a
worker stand still past its lease, kills it, or tells the queue that it failed while it goes on. Then the faults end; queues
deliver, the minute's sweep goes round, and what is left must obey every rule.
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from greenlet import getcurrent

from shared.domain.errors import ApiError
from shared.domain.media import Deletion, Index, Video
from shared.domain.runs import Run
from shared.work.stage import Answer
from tests.pipeline import films, requests_of_users, scenes
from tests.pipeline.gemini import answer, asks_for, refusal, vector_of
from tests.simulation import cloud
from tests.simulation.baton import Worker
from tests.simulation.cloud import Cloud
from tests.simulation.door import Door
from tests.simulation.ends import changed_after_its_end, taken_though_held
from tests.simulation.errands import ERRANDS, Errands, chat_model

MOST_TURNS = 6_000
CHAOS_TURNS = (20, 160)
KINDS = ("turn", "start", "wait", "twice", "drop", "kill", "give_up_on", "long_wait", "tick")
WEIGHTS = (60, 24, 6, 2, 2, 1, 1, 1, 2)
GENTLE_RATE = 0.08  # of the seeds are played without any fault: orders alone, and what the user wishes
ERRAND_RATE = 0.15  # of the seeds have an errand of each kind
ROUNDS = 40  # of the minute's sweep once the faults have ended
PICTURES = [films.picture(colour) for colour in ("red", "blue", "green")]
FILMS = {shots: films.film(["red", "blue", "green"][:shots], seconds_each=1.0, size=(64, 48)) for shots in (1, 2, 3)}


class NeverEnds(AssertionError):
    """Work is still going on long after the last fault."""


@dataclass
class Question:
    """One call that reached the model."""

    purpose: str
    run: str  # label of the run, which stands in its prompt
    looked_at: float  # when its worker had last looked at the store


@dataclass
class Play:
    """Everything of one seed, for the rules to look at."""

    seed: int
    cloud: Cloud
    door: Door
    errands: Errands
    tenant: str = ""
    videos: list[Video] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)  # run id by label
    cancelled_at: dict[str, float] = field(default_factory=dict)
    deletions: list[Deletion] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    remains: dict[str, list[Any]] = field(default_factory=dict)  # paths and fields of all documents at the end, by collection
    histories: dict[str, list[str]] = field(default_factory=dict)  # of each run's status, as it was written
    retries: int = 0
    turns: int = 0
    rewritten: list[str] = field(default_factory=list)  # changes of documents that were at their end
    robbed: list[str] = field(default_factory=list)  # documents that a worker took while another one held them
    swept: int = 0  # times that something still waited once all messages were carried, and the sweep went round for it
    disturbed: bool = False  # by the platform, beside the faults at the door

    @property
    def troubled(self) -> bool:
        return self.disturbed or self.door.struck > 0


@dataclass(frozen=True)
class Clean:
    """A play without faults and with every errand, but for one call that meets its doom, if any: its number, and what happens."""

    doom: tuple[int, str] | None = None


class Scheduler:
    def __init__(self, seed: int, folder: Path, clean: Clean | None) -> None:
        self._rng = rng = random.Random(seed)
        self._door = Door(rng, lambda: self._cloud.world.clock())
        self._obstinate = rng.random() < 0.3  # the model refuses some segments for good
        self._chaotic = True
        kinds = frozenset(kind for kind in ERRANDS if rng.random() < ERRAND_RATE)
        if clean is not None:
            kinds, self._door.doom = frozenset(ERRANDS), clean.doom
        self._cloud = cloud.build(folder, self._door, self._respond, rng, self._refuses, kinds)
        self._world = self._cloud.world
        self.play = Play(seed, self._cloud, self._door, Errands(self._world, kinds))
        self._door.after = self._observe
        self._cloud.firestore.watch(self._written)
        self._gentle = rng.random() < GENTLE_RATE or clean is not None
        self._workers: list[tuple[Worker, Any, Any]] = []  # with the engine and the delivery it answers, if any
        self._still: list[tuple[Worker, Any, Any]] = []
        self._pending: list[tuple[Any, Any]] = []
        self._names = 0

    # --- the whole of it

    def run(self) -> Play:
        rng = self._rng
        self._set_out()
        self._door.rate = 0 if self._gentle else rng.choice((0, 2, 8, 25))
        actions = self._wishes()
        for _ in range(rng.randrange(*CHAOS_TURNS)):
            if actions and rng.random() < 0.06:
                actions.pop(0)()
            self._chaos()
        self._door.rate, self._chaotic = 0, False
        for action in actions:
            action()
        self._calm()
        if self._still:
            self._workers, self._still = self._still, []
            self._calm()
        return self.play

    # --- the user

    def _set_out(self) -> None:
        rng, world, play = self._rng, self._world, self.play
        play.tenant = scenes.a_tenant()
        index = scenes.an_index(world, play.tenant)
        for _ in range(rng.choice((1, 1, 1, 2))):  # most worlds are as small as can be: more of them are played
            content = rng.choice(PICTURES) if rng.random() < 0.7 else FILMS[rng.choice((1, 2, 2, 3))]
            play.videos.append(scenes.a_video(world, play.tenant, content, index_id=index.index_id))
        self._index = index
        play.errands.set_out(play.tenant, index.index_id)
        self._execute()

    def _execute(self) -> None:
        play, label = self.play, f"label-{len(self.play.runs)}"
        wanted: dict[str, Any] = {"video_level": scenes.VIDEO_LEVEL} if self._rng.random() < 0.4 else {}
        alive = [video for video in play.videos if all(d.resource_id != video.video_id for d in play.deletions)]
        if not alive:
            return
        run = scenes.a_run(
            self._world,
            play.tenant,
            alive,
            prompt_text=f"Extract. {label}",
            video_segmentation_type="fixed",
            video_segment_duration=1,
            force=self._rng.random() < 0.5,
            **wanted,
        )
        play.runs.append(run)
        play.labels[label] = run.run_id

    def _wishes(self) -> list[Callable[[], None]]:
        possible = [self._cancel, self._retry, self._delete_video, self._delete_index, self._execute, self._restart]
        weights = (5, 6, 3, 1, 3, 3)
        return self._rng.choices(possible, weights, k=self._rng.choice((0, 1, 2, 3))) + self._errands()

    def _errands(self) -> list[Callable[[], None]]:
        """What a user with errands does beside, sooner or later."""
        rng, errands = self._rng, self.play.errands
        possible: dict[str, list[Callable[[], str]]] = {
            "import": [errands.bring, rng.choice((errands.stop_bringing, errands.bring_again, errands.bring))],
            "export": [lambda: errands.export(rng.choice(self.play.runs).run_id)],
            "chat": [errands.ask, rng.choice((errands.be_silent, errands.ask, lambda: ""))],
        }
        wishes = [wish for kind in ERRANDS if kind in errands.kinds for wish in possible.get(kind, [])]

        def told(wish: Callable[[], str]) -> Callable[[], None]:
            def act() -> None:
                if said := wish():
                    self._door.trace.append(f"{self._world.clock():.3f} the user {said}")

            return act

        return [told(wish) for wish in wishes]

    def _refuses(self) -> bool:
        return self._chaotic and not self._gentle and self._rng.random() < 0.1

    def _cancel(self) -> None:
        run = self._rng.choice(self.play.runs)
        kept = self._world.store.get(Run, run.tenant, run.run_id)
        if kept is None:
            return  # it went with its index
        try:
            requests_of_users.cancel(self._world, kept)
        except ApiError:
            return  # it has ended already
        self.play.cancelled_at.setdefault(run.run_id, self._world.clock())
        self._door.trace.append(f"{self._world.clock():.3f} the user cancels {run.run_id}")

    def _retry(self) -> None:
        for run in self.play.runs:
            for video in self.play.videos:
                for row in scenes.results_of(self._world, run, video):
                    if row.retryable and self._rng.random() < 0.7:
                        self._ask_again(run, row)
                        return

    def _ask_again(self, run: Run, row: Any) -> None:
        try:
            requests_of_users.retry(self._world, run, row, f"key-{self.play.retries}")
        except ApiError:
            return
        self.play.retries += 1
        self._obstinate = False
        self._door.trace.append(f"{self._world.clock():.3f} the user retries {row.segment_id}")

    def _delete_video(self) -> None:
        self._delete(self._rng.choice(self.play.videos))

    def _delete_index(self) -> None:
        self._delete(self._index)

    def _delete(self, target: Index | Video) -> None:
        name = target.index_id if isinstance(target, Index) else target.video_id
        kept = (
            self._world.store.get(Index, target.tenant, name)
            if isinstance(target, Index)
            else (self._world.store.get(Video, target.tenant, name))
        )
        if kept is None or kept.deleted_at is not None:
            return
        self.play.deletions.append(requests_of_users.delete(self._world, target))
        self._door.trace.append(f"{self._world.clock():.3f} the user deletes {name}")

    def _restart(self) -> None:
        """Every process is killed at the same moment."""
        self.play.disturbed = True
        self._door.trace.append(f"{self._world.clock():.3f} everything is killed")
        for worker, _, _ in list(self._workers):
            self._kill(worker)

    # --- the platform

    def _chaos(self) -> None:
        rng = self._rng
        self._gather()
        kinds, weights = (KINDS, WEIGHTS) if not self._gentle else (KINDS[:3], WEIGHTS[:3])
        kind = rng.choices(kinds, weights)[0]
        self.play.disturbed |= kind in ("twice", "drop", "kill", "give_up_on", "long_wait", "tick")
        if kind == "turn" and self._workers:
            self._turn(rng.choice(self._workers)[0], rng.choice((0, 1, 2, 5, 20)))
        elif kind in ("start", "twice") and self._pending:
            engine, delivery = rng.choice(self._pending)
            if kind == "start":
                self._pending.remove((engine, delivery))
                self._start(engine, delivery)
            else:
                self._start(None, delivery)
        elif kind == "drop" and self._pending:
            engine, delivery = self._pending.pop(rng.randrange(len(self._pending)))
            engine.failed(delivery.id, 503)
        elif kind == "kill" and self._workers:
            self._kill(rng.choice(self._workers)[0])
        elif kind == "give_up_on" and self._workers:
            self._give_up_on(rng.randrange(len(self._workers)))
        elif kind == "wait":
            self._world.clock.advance(rng.choice((0.1, 1.0, 5.0)))
        elif kind == "long_wait":
            self._world.clock.advance(rng.choice((30.0, 70.0, 130.0)))
        elif kind == "tick":
            self._start_tick()

    def _calm(self) -> None:
        """Everything is carried to its end, whoever still stands somewhere included."""
        for _ in range(ROUNDS):
            self._drain()
            if not self._waiting():
                return
            self._world.clock.advance(max(60.0, self._next_due() - self._world.clock()))
            self.play.swept += 1
            self._start_tick()
        raise NeverEnds(f"seed {self.play.seed}: still waiting: {self._waiting()}")

    def _drain(self) -> None:
        world = self._world
        horizon = world.clock() + 50
        while self.play.turns < MOST_TURNS:
            self._gather()
            for engine, delivery in self._pending:
                self._start(engine, delivery)
            self._pending.clear()
            if self._workers:
                self._turn(self._workers[0][0], 1_000_000)
                continue
            due = self._next_due()
            if not due or due > horizon:
                return
            world.clock.advance(max(0.001, due - world.clock()))
        raise NeverEnds(f"seed {self.play.seed}: still busy after {MOST_TURNS} turns")

    def _next_due(self) -> float:
        """When the next message goes out; 0 where none waits."""
        engines = (self._world.tasks, self._world.pubsub)
        return min((at for engine in engines if (at := engine.next_due_at()) is not None), default=0.0)

    def _waiting(self) -> list[str]:
        """Documents that are not at their end."""
        from tests.simulation.rules import unfinished

        return unfinished(self.play)

    def _gather(self) -> None:
        """What the queues would send now, and what the bucket tells."""
        self._cloud.storage.deliver_events()
        world = self._world
        for engine in (world.tasks, world.pubsub):
            self._pending += [(engine, delivery) for delivery in engine.due(world.clock())]

    def _start(self, engine: Any, delivery: Any) -> None:
        stage = urlsplit(delivery.url).path.strip("/")
        self._employ(stage, delivery.body, engine, delivery)

    def _start_tick(self) -> None:
        self._employ("tick", b"{}", None, None)

    def _employ(self, stage: str, body: bytes, engine: Any, delivery: Any) -> None:
        self._names += 1
        receive = self._world.stages[stage].receive
        worker = Worker(f"{stage}#{self._names}", lambda: receive(body))
        self._world.clock.advance(0.001)
        self._workers.append((worker, engine, delivery))

    def _turn(self, worker: Worker, steps: int) -> None:
        self.play.turns += 1
        worker.turn(steps)
        if worker.done:
            self._ended(worker)
        elif worker.stands_still:
            self._outlived(worker)

    def _outlived(self, worker: Worker) -> None:
        """It stands still past its lease, its queue gives up on it, and what it works on is deleted meanwhile."""
        self._give_up_on(next(n for n, entry in enumerate(self._workers) if entry[0] is worker))
        self._still = [entry for entry in self._workers if entry[0] is worker]
        self._workers = [entry for entry in self._workers if entry[0] is not worker]
        self._door.trace.append(f"{self._world.clock():.3f} {worker.name} stands still")
        if self._door.doom is not None and self._door.doom[1] == "outlive_media":
            for video in self.play.videos:
                self._delete(video)
        else:
            self._delete_index()

    def _ended(self, worker: Worker) -> None:
        entry = next(entry for entry in self._workers if entry[0] is worker)
        self._workers.remove(entry)
        if worker.error is not None:
            raise worker.error
        _, engine, delivery = entry
        if engine is None:
            return
        said = worker.result if isinstance(worker.result, Answer) else Answer(500)
        if engine.accepts(said.status):
            engine.succeeded(delivery.id, said.status)
        else:
            engine.failed(delivery.id, said.status, said.retry_after)

    def _kill(self, worker: Worker) -> None:
        """It gets no further than where it stands; a worker that has not begun does not begin."""
        self._door.trace.append(f"{self._world.clock():.3f} {worker.name} is killed")
        if not worker.begun:
            worker.done, worker.result = True, None
            self._ended(worker)
            return
        worker.kill()
        self._ended(worker)

    def leave(self) -> None:
        """Whoever still stands somewhere, since the play broke off, is gone with it."""
        for worker, _, _ in [*self._workers, *self._still]:
            worker.kill()

    def _give_up_on(self, number: int) -> None:
        """The queue waits no longer and will send the message again; the worker does not know."""
        worker, engine, delivery = self._workers[number]
        if engine is None:
            return
        self._door.trace.append(f"{self._world.clock():.3f} the queue gives up on {worker.name}")
        engine.failed(delivery.id, 504)
        self._workers[number] = (worker, None, None)

    # --- the model and what is seen of the store

    def _respond(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path.endswith(":embedContent"):
            return 200, {"embedding": {"values": vector_of(json.dumps(body.get("content") or body))}}
        text = json.dumps(body["contents"])
        if (said := chat_model(body)) is not None:
            turn = max(
                (f"turn-{n}" for n in range(len(self.play.errands.turns))), key=text.rfind, default=""
            )  # behind its history
            self.play.questions.append(Question("chat", turn, self._world.clock()))
            return 200, said
        label = next((label for label in self.play.labels if label in text), "")
        purpose = "summary" if asks_for(body, "program_summary") else "words" if asks_for(body, "utterances") else "fields"
        worker = getcurrent()
        looked_at = worker.read_at if isinstance(worker, Worker) else self._world.clock()
        self.play.questions.append(Question(purpose, self.play.labels.get(label, ""), looked_at))
        if self._obstinate and purpose == "fields" and len(self.play.questions) % 2:
            return refusal(400, "this one is refused")
        if purpose == "words":
            return answer({"utterances": [{"start_seconds": 0.0, "end_seconds": 0.5, "text": "a long tone"}]})
        return answer({"program_summary": "two colours"} if purpose == "summary" else {"headline": f"a plain colour {label}"})

    def _written(self, path: str, before: Any, after: Any) -> None:
        if before is None or after is None:
            return
        if changed := changed_after_its_end(path, before, after):
            self.play.rewritten.append(f"{path}: {', '.join(changed)}")
        if taken_though_held(before, after, self._world.clock()):
            self.play.robbed.append(path)

    def _observe(self, worker: Worker, operation: str) -> None:
        """After each write: which states the runs went through."""
        if operation != "firestore.Commit":
            return
        for run in self.play.runs:
            status = cloud.status_of(self._cloud, run)
            history = self.play.histories.setdefault(run.run_id, [])
            if status and (not history or history[-1] != status):
                history.append(status)


async def _at_once(work: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
    """What the services of the cloud would do in a thread of theirs."""
    return work(*arguments)


def perform(seed: int, folder: Path, clean: Clean | None = None) -> Play:
    """Plays the seed to its end; raises what went wrong on the way."""
    import anyio.to_thread

    anyio.to_thread.run_sync = _at_once  # type: ignore[assignment]
    kept, time.sleep = time.sleep, lambda seconds: None  # clients wait between their own attempts: not here
    scheduler = None
    try:
        scheduler = Scheduler(seed, folder, clean)
        return scheduler.run()
    except BaseException as error:
        error.trace = scheduler.play.door.trace if scheduler else []  # type: ignore[attr-defined]
        raise
    finally:
        if scheduler is not None:
            scheduler.leave()
        time.sleep = kept
