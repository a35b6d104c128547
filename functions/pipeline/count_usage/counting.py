"""What an event comes to in the tenant's counts. Told twice, an event is counted once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.events import Event, EventType
from shared.domain.media import Video
from shared.domain.runs import LlmCall, Run, RunCounts, RunMedia
from shared.domain.usage import Metric, Tally
from shared.messaging.messages import EventHappened
from shared.store.documents import Store
from shared.store.usage import Usage


@dataclass(frozen=True)
class Deps:
    store: Store
    usage: Usage


def count_usage(message: EventHappened, deps: Deps) -> None:
    if message.event_type and message.event_type not in COUNTED:
        return
    event = deps.store.get(Event, message.tenant, message.event_id)
    if event is None:  # expired since
        return
    counted = COUNTED.get(EventType(event.event_type))
    if counted is not None:
        counted(event, deps)


def _media(event: Event, deps: Deps) -> None:
    """Told again it adds nothing, also where the item has gone meanwhile and its size with it."""
    if deps.usage.is_counted(event.tenant, event.event_id):
        return
    video = deps.store.get(Video, event.tenant, event.video_id)
    numbers = {Metric.VIDEOS_UPLOADED.value: 1.0}
    if video is not None:
        numbers |= {Metric.UPLOADED_BYTES.value: video.size_bytes, Metric.UPLOADED_SECONDS.value: video.duration_seconds}
    _count(event, deps, event.event_id, Tally(metrics=numbers), {"video_id": event.video_id, "index_id": event.index_id})


def _run(event: Event, deps: Deps) -> None:
    """A run that is mended by retries ends again: its one row is brought to what it comes to now."""
    run = deps.store.get(Run, event.tenant, event.run_id)
    if run is None:
        return
    counts = RunCounts(**run.counts)
    done = sum(getattr(counts, f"{state}_{noun}s") for state in ("completed", "partial") for noun in ("video", "audio", "image"))
    calls, given, answered = _tokens(run, deps.store)
    tokens = {
        Metric.MODEL_CALLS.value: calls,
        Metric.INPUT_TOKENS.value: given,
        Metric.OUTPUT_TOKENS.value: answered,
    }
    numbers = {
        Metric.PROMPT_RUNS.value: 1,
        Metric.VIDEOS_PROCESSED.value: done,
        Metric.MEDIA_SECONDS_PROCESSED.value: round(counts.total_media_seconds, 3),
        Metric.SEGMENTS_PROCESSED.value: counts.completed_segments,
        Metric.SEGMENTS_CREATED.value: _new_segments(run, deps.store),
        **tokens,
    }
    tally = Tally(metrics=_some(numbers), models={run.processing_model: _some(tokens)} if calls else {})
    _count(event, deps, run.run_id, tally, {"run_id": run.run_id, "prompt_id": run.prompt_id})


def _tokens(run: Run, store: Store) -> tuple[int, int, int]:
    """Calls, tokens in, tokens out; added up by the database."""
    calls = store.collection(LlmCall, run.tenant).where(filter=FieldFilter("run_id", "==", run.run_id))
    sums = calls.count("calls").sum("input_tokens", "given").sum("output_tokens", "answered").get()[0]
    found = {one.alias: int(one.value or 0) for one in sums}
    return found["calls"], found["given"], found["answered"]


def _new_segments(run: Run, store: Store) -> int:
    cut = store.collection(RunMedia, run.tenant, run.run_id).where(filter=FieldFilter("new_segments", "==", True))
    return int(cut.sum("total_segments").get()[0][0].value or 0)


def _export(event: Event, deps: Deps) -> None:
    about = {"export_id": str(event.payload.get("export_id", ""))}
    _count(event, deps, event.event_id, Tally(metrics={Metric.EXPORTS.value: 1.0}), about)


def _import(event: Event, deps: Deps) -> None:
    files = {Metric.FILES_IMPORTED.value: float(event.payload.get("imported", 0))}
    _count(event, deps, event.event_id, Tally(metrics=_some(files)), {"job_id": str(event.payload.get("job_id", ""))})


def _count(event: Event, deps: Deps, row_id: str, tally: Tally, about: dict[str, str]) -> None:
    told = {"event_type": event.event_type, **{name: value for name, value in about.items() if value}}
    deps.usage.count(event.tenant, row_id, event.created_at, tally, told)


def _some(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if value}


COUNTED: dict[EventType, Callable[[Event, Deps], None]] = {
    EventType.MEDIA_CREATED: _media,
    EventType.PROMPT_RUN_COMPLETED: _run,
    EventType.PROMPT_RUN_PARTIAL_COMPLETED: _run,
    EventType.PROMPT_RUN_FAILED: _run,
    EventType.PROMPT_RUN_CANCELLED: _run,
    EventType.EXPORT_READY: _export,
    EventType.IMPORT_JOB_COMPLETED: _import,
    EventType.IMPORT_JOB_PARTIAL_COMPLETED: _import,
}
