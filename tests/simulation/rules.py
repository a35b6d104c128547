"""What must hold after every seed. Each rule is one sentence and answers the violations it found."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from emulators.vertex.server import DEFAULT_INDEX
from emulators.vertex.vectors.datapoint import Datapoint, Query, Restrict
from shared.domain.events import Event, EventType
from shared.domain.media import Video
from shared.domain.runs import MediaState, Run, RunMedia, RunStatus, SegmentResult, SegmentRetry, SegmentState
from shared.domain.tables import RunTables
from shared.vectors.ids import ImageId, TextId
from tests.pipeline import remains
from tests.simulation.errand_rules import ERRAND_RULES
from tests.simulation.play import Play
from tests.simulation.stored import documents_of, every_document, shape

Rule = Callable[[Play], Iterator[str]]

_TERMINAL_EVENTS = {
    RunStatus.COMPLETED: EventType.PROMPT_RUN_COMPLETED,
    RunStatus.COMPLETED_WITH_FAILURES: EventType.PROMPT_RUN_PARTIAL_COMPLETED,
    RunStatus.FAILED: EventType.PROMPT_RUN_FAILED,
    RunStatus.CANCELLED: EventType.PROMPT_RUN_CANCELLED,
}


def unfinished(play: Play) -> list[str]:
    """Paths of documents that still wait for something; an event waits for its number and for its own word."""
    return [
        f"{path}: {fields['status'].string_value}"
        for path, fields in every_document(play)
        if _set(fields, "wake_at") or ("seq" in fields and not _set(fields, "seq")) or _untold(fields)
    ]


def _set(fields: Any, name: str) -> bool:
    return name in fields and fields[name].WhichOneof("value_type") != "null_value"


def _untold(fields: Any) -> bool:
    return "told" in fields and not fields["told"].boolean_value


def _alive(play: Play) -> list[Run]:
    return [run for run in documents_of(play, Run) if run.deleted_at is None]


def no_lease_is_left_and_nothing_waits(play: Play) -> Iterator[str]:
    for path, fields in every_document(play):
        if _set(fields, "lease_until"):
            yield f"{path} is still leased"
        if _set(fields, "wake_at"):
            yield f"{path} still waits"


def every_run_ends_once_and_tells_it_once(play: Play) -> Iterator[str]:
    told = Counter((event.run_id, event.event_type) for event in documents_of(play, Event))
    for run in _alive(play):
        status = RunStatus(run.status)
        if not status.is_terminal:
            yield f"{run.run_id} is {status}"
            continue
        ends = {kind: n for (about, kind), n in told.items() if about == run.run_id and kind in _TERMINAL_EVENTS.values()}
        if _TERMINAL_EVENTS[status] not in ends:
            yield f"{run.run_id} is {status} and never told it: {ends}"
        if not play.retries and sum(ends.values()) != 1:
            yield f"{run.run_id} told its end more than once: {ends}"
        terminal = [one for one in play.histories.get(run.run_id, []) if RunStatus(one).is_terminal]
        if not play.retries and len(terminal) > 1:
            yield f"{run.run_id} went through {terminal}"


def counters_equal_a_recount(play: Play) -> Iterator[str]:
    rows, items = documents_of(play, SegmentResult), documents_of(play, RunMedia)
    for run in _alive(play):
        own = [item for item in items if item.run_id == run.run_id]
        for item in own:
            states = Counter(row.status for row in rows if (row.run_id, row.video_id) == (run.run_id, item.video_id))
            if item.status in (MediaState.COMPLETED, MediaState.PARTIAL):
                counted = (states[SegmentState.SUCCESSFUL], states[SegmentState.FAILED])
                if counted != (item.successful_segments, item.failed_segments):
                    said = f"{item.successful_segments}+{item.failed_segments}"
                    yield f"{item.video_id} in {run.run_id} counts {said}, has {dict(states)}"
        total = sum(run.counts.get(f"total_{kind}", 0) for kind in ("videos", "images", "audios"))
        if not play.deletions and not run.stop_requested and total != len(own):
            yield f"{run.run_id} counts {total} items and has {len(own)}"
        done = sum(run.counts.get(f"completed_{kind}", 0) for kind in ("videos", "images", "audios"))
        if not play.deletions and done != sum(item.status == MediaState.COMPLETED for item in own):
            yield f"{run.run_id} counts {done} completed items"


def nothing_is_open_below_an_end(play: Play) -> Iterator[str]:
    ended = {run.run_id for run in _alive(play)}
    for row in [*documents_of(play, RunMedia), *documents_of(play, SegmentResult)]:
        if row.run_id in ended and row.open:
            yield f"{type(row).__name__} {row.video_id} of {row.run_id} is open: {row.status}"
    for retry in documents_of(play, SegmentRetry):
        if retry.status not in ("completed", "failed"):
            yield f"retry {retry.retry_id} is {retry.status}"


def what_a_segment_says_is_what_the_model_said(play: Play) -> Iterator[str]:
    labels = {run_id: label for label, run_id in play.labels.items()}
    for row in documents_of(play, SegmentResult):
        if row.status != SegmentState.SUCCESSFUL or row.run_id not in {run.run_id for run in _alive(play)}:
            continue
        said = row.metadata.get("headline", "")
        if not said.startswith("a plain colour"):
            yield f"{row.segment_id} of {row.run_id} says {row.metadata}"
        if labels[row.run_id] not in said and not row.reused_from:
            yield f"{row.segment_id} of {row.run_id} says what another run was told: {said}"


def what_counts_can_be_found(play: Play) -> Iterator[str]:
    """The texts of a row's own attempt, and its picture, lie in the index."""
    found = _vectors(play)
    texts = {(t.run_id, t.segment_id, t.attempt) for identity in found if (t := TextId.parse(identity)) is not None}
    pictures = {p.segment_id for identity in found if (p := ImageId.parse(identity)) is not None}
    alive = {run.run_id for run in _alive(play)}
    for row in documents_of(play, SegmentResult):
        if row.run_id not in alive or row.status != SegmentState.SUCCESSFUL:
            continue
        if (row.run_id, row.segment_id, row.vector_attempt) not in texts:
            yield f"{row.segment_id} of {row.run_id} cannot be found by its text of attempt {row.vector_attempt}"
        if row.image_embedding_succeeded and row.segment_id not in pictures:
            yield f"{row.segment_id} cannot be found by its picture"


def _vectors(play: Play) -> list[str]:
    engine, anywhere = play.cloud.vectors, np.array(remains.ANYWHERE, dtype=np.float32)
    own = [Restrict("tenant", (play.tenant,), ())]
    query = Query(Datapoint("any", anywhere, None, own, []), count=1_000)
    return [neighbor.id for neighbor in engine.find(DEFAULT_INDEX, [query])[0]]


def events_are_numbered_without_a_gap(play: Play) -> Iterator[str]:
    numbers = sorted(event.seq or 0 for event in documents_of(play, Event))
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"events carry {numbers}"


def nothing_is_left_of_what_was_deleted(play: Play) -> Iterator[str]:
    for deletion in play.deletions:
        about = [deletion.resource_id] if deletion.resource == "video" else []
        if deletion.resource == "index":
            about = [video.video_id for video in play.videos] + [deletion.resource_id]
        for one in about:
            rows = [path for path, fields in every_document(play) if one in path or _is_of(one, path, fields)]
            objects = remains.objects(play.cloud.world, play.tenant, about=one)
            vectors = [identity for identity in _vectors(play) if one in identity]
            if rows or objects or vectors:
                yield f"of deleted {one} there are left {rows} {objects} {vectors}"


def _is_of(video_id: str, path: str, fields: Any) -> bool:
    """An event stays: it tells of what was."""
    return "video_id" in fields and fields["video_id"].string_value == video_id and shape(path) != shape(Event.PATH)


def no_model_is_asked_after_a_cancel(play: Play) -> Iterator[str]:
    """Measured at the worker's last look at the store: what it decided by."""
    for question in play.questions:
        asked_to_stop = play.cancelled_at.get(question.run)
        if asked_to_stop is not None and question.looked_at > asked_to_stop + 5.0:
            yield f"{question.run} was cancelled at {asked_to_stop}, asked for {question.purpose} at {question.looked_at}"


def no_model_is_asked_twice_without_a_reason(play: Play) -> Iterator[str]:
    """A fault, a kill or a lease that ran out may cost an answer; nothing else may."""
    if play.troubled or play.deletions:  # what was deleted took its rows along
        return
    asked = Counter((q.run, q.purpose) for q in play.questions)
    rows = Counter(row.run_id for row in documents_of(play, SegmentResult))
    for (run_id, purpose), times in asked.items():
        if purpose == "fields" and run_id in rows and times > rows[run_id] + play.retries:
            yield f"{run_id} asked {times} times for the fields of {rows[run_id]} segments"


def a_finished_run_has_its_tables(play: Play) -> Iterator[str]:
    tables = {one.run_id: one for one in documents_of(play, RunTables)}
    for run in _alive(play):
        if run.status in (RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_FAILURES) and run.run_id not in tables:
            yield f"{run.run_id} is {run.status} and has no tables"


def media_tell_their_end(play: Play) -> Iterator[str]:
    for video in documents_of(play, Video):
        if video.active_runs:
            yield f"{video.video_id} is still in {video.active_runs}"


def what_is_at_its_end_is_not_written_again(play: Play) -> Iterator[str]:
    yield from play.rewritten


def nobody_takes_what_another_holds(play: Play) -> Iterator[str]:
    yield from play.robbed


def without_a_fault_nothing_waits_for_the_sweep(play: Play) -> Iterator[str]:
    """Whoever ends the last of something tells it; the sweep is for those who died before they could."""
    if not play.troubled and play.swept:
        yield f"the sweep went round {play.swept} times"


RULES: tuple[Rule, ...] = (
    no_lease_is_left_and_nothing_waits,
    every_run_ends_once_and_tells_it_once,
    counters_equal_a_recount,
    nothing_is_open_below_an_end,
    what_a_segment_says_is_what_the_model_said,
    what_counts_can_be_found,
    events_are_numbered_without_a_gap,
    nothing_is_left_of_what_was_deleted,
    no_model_is_asked_after_a_cancel,
    no_model_is_asked_twice_without_a_reason,
    a_finished_run_has_its_tables,
    media_tell_their_end,
    what_is_at_its_end_is_not_written_again,
    nobody_takes_what_another_holds,
    without_a_fault_nothing_waits_for_the_sweep,
    *ERRAND_RULES,
)


def violations(play: Play) -> list[str]:
    return [f"{rule.__name__.replace('_', ' ')}: {what}" for rule in RULES for what in rule(play)]
