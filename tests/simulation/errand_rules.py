"""What must hold of imports, exports, webhooks and talks after every seed."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from shared.domain.chat import ENDS, ChatTurn, TurnBlock, TurnStatus, TurnStep
from shared.domain.documents import Work
from shared.domain.events import Event, EventType
from shared.domain.exports import Export, ExportState
from shared.domain.imports import FileStatus, ImportJob, ImportStatus, SourceFile
from shared.domain.media import Index, Video
from shared.domain.webhooks import Delivery, DeliveryStatus
from tests.simulation.errands import FILES, PICTURES
from tests.simulation.play import Play
from tests.simulation.stored import documents_of

_IMPORT_ENDS = {EventType.IMPORT_JOB_COMPLETED, EventType.IMPORT_JOB_FAILED, EventType.IMPORT_JOB_PARTIAL_COMPLETED}
_EXPORT_ENDS = {ExportState.COMPLETED: EventType.EXPORT_READY, ExportState.FAILED: EventType.EXPORT_FAILED}


def _objects(play: Play, bucket: str) -> list[str]:
    return [blob.name for blob in play.cloud.world.objects._client.list_blobs(bucket)]


def _told(play: Play, about: str, key: str) -> Counter[str]:
    return Counter(event.event_type for event in documents_of(play, Event) if event.payload.get(key) == about)


def _index_lives(play: Play) -> bool:
    return any(index.deleted_at is None for index in documents_of(play, Index))


def every_import_ends_once_and_brings_each_file_once(play: Play) -> Iterator[str]:
    jobs = {job.job_id: job for job in documents_of(play, ImportJob)}
    videos = Counter(video.video_id for video in documents_of(play, Video))
    for job_id in play.errands.jobs:
        job = jobs[job_id]
        files = [file for file in documents_of(play, SourceFile) if file.job_id == job_id]
        if not ImportStatus(job.status).is_terminal or any(file.open for file in files):
            yield f"{job_id} is {job.status}, its files {Counter(file.status for file in files)}"
        if len({file.path for file in files}) != len(files) or len({file.video_id for file in files if file.video_id}) != sum(
            bool(file.video_id) for file in files
        ):
            yield f"{job_id} lists a file twice: {[(file.path, file.video_id) for file in files]}"
        ends = {kind: n for kind, n in _told(play, job_id, "job_id").items() if kind in _IMPORT_ENDS}
        if job.status != ImportStatus.CANCELLED and job.round == 0 and sum(ends.values()) != 1:
            yield f"{job_id} is {job.status} and told {ends}"
        if job.status == ImportStatus.COMPLETED and _index_lives(play):
            yield from _all_arrived(job, files, videos)


def _all_arrived(job: ImportJob, files: list[SourceFile], videos: Counter[str]) -> Iterator[str]:
    if {file.path for file in files} != set(FILES):
        yield f"{job.job_id} is completed with {[file.path for file in files]}"
    for file in files:
        arrived = file.status == FileStatus.IMPORTED
        if arrived != (file.path in PICTURES):
            yield f"{file.path} of {job.job_id} is {file.status}: {file.error_code}"
        if arrived and videos[file.video_id] != 1:
            yield f"{file.path} of {job.job_id} is imported, and there are {videos[file.video_id]} media of it"
    counted = Counter(file.status for file in files)
    said = {FileStatus.IMPORTED: job.imported, FileStatus.FAILED: job.failed, FileStatus.SKIPPED: job.skipped}
    if any(counted[status] != number for status, number in said.items()):
        yield f"{job.job_id} counts {said}, has {dict(counted)}"


def every_original_belongs_to_a_media_item(play: Play) -> Iterator[str]:
    """No object lost, none that nobody knows of."""
    known = {video.video_id for video in documents_of(play, Video)}
    stored = [name.split("/")[2] for name in _objects(play, play.cloud.world.objects.originals)]
    if set(stored) - known or len(set(stored)) != len(stored):
        yield f"originals of {sorted(stored)}, media {sorted(known)}"
    lost = known - set(stored)
    if lost:
        yield f"the originals of {sorted(lost)} are lost"


def every_export_ends_once_with_one_file_that_counts(play: Play) -> Iterator[str]:
    exports = {export.export_id: export for export in documents_of(play, Export)}
    files = [name for name in _objects(play, play.cloud.world.objects.derived) if name.startswith("exports/")]
    for export_id in play.errands.exports:
        export = exports.get(export_id)
        if export is None:
            if not play.deletions:
                yield f"{export_id} is gone"
            continue
        own = [name for name in files if f"/{export_id}/" in name]
        told = _told(play, export_id, "export_id")
        if not ExportState(export.status).is_terminal:
            yield f"{export_id} is {export.status}"
        elif dict(told) != {_EXPORT_ENDS[ExportState(export.status)]: 1}:
            yield f"{export_id} is {export.status} and told {dict(told)}"
        counts = [export.artifact_uri.split("/", 3)[3]] if export.status == ExportState.COMPLETED else []
        if own != counts and not (play.deletions and not own):
            yield f"{export_id} is {export.status} with {own}, of which {counts} count"


def every_event_is_delivered_and_each_attempt_logged(play: Play) -> Iterator[str]:
    webhook = play.errands.webhook
    if webhook is None:
        return
    deliveries = documents_of(play, Delivery)
    by_event = Counter(delivery.event_id for delivery in deliveries)
    wanted = {event.event_id for event in documents_of(play, Event) if event.event_type in webhook.events}
    if set(by_event) != wanted or any(number != 1 for number in by_event.values()):
        yield f"of {len(wanted)} events there are {len(deliveries)} deliveries: {set(by_event) ^ wanted}"
    took = Counter(attempt for _, attempt in play.cloud.receiver.took)
    for delivery in deliveries:
        logged = [row["attempt_id"] for row in delivery.attempt_log]
        if delivery.status != DeliveryStatus.DELIVERED or any(row["outcome"] == "under_way" for row in delivery.attempt_log):
            yield f"{delivery.delivery_id} is {delivery.status}: {delivery.attempt_log}"
        if logged != [f"{delivery.delivery_id}.{n}" for n in range(1, delivery.attempts + 1)]:
            yield f"{delivery.delivery_id} has {delivery.attempts} attempts and logs {logged}"
        arrived = {attempt for attempt in took if attempt.startswith(f"{delivery.delivery_id}.")}
        if not arrived or arrived - set(logged) or any(took[attempt] > 1 for attempt in arrived):
            yield f"{delivery.delivery_id}: the receiver took {sorted(arrived)}, logged are {logged}"


def every_turn_ends_once_and_its_log_has_no_gap(play: Play) -> Iterator[str]:
    turns = {turn.turn_id: turn for turn in documents_of(play, ChatTurn)}
    blocks, steps = documents_of(play, TurnBlock), documents_of(play, TurnStep)
    for number, (_, turn_id) in enumerate(play.errands.turns):
        turn = turns[turn_id]
        own = sorted((block for block in blocks if block.turn_id == turn_id), key=lambda block: block.last)
        log: list[dict[str, Any]] = [event for block in own for event in block.events]
        if not TurnStatus(turn.status).is_terminal:
            yield f"{turn_id} is {turn.status}"
        if [event["sequence"] for event in log] != list(range(1, turn.last_sequence + 1)):
            yield f"the log of {turn_id} carries {[event['sequence'] for event in log]}, its last is {turn.last_sequence}"
        ends = [event["type"] for event in log if event["type"] in ENDS]
        if len(ends) != 1 or log[-1]["type"] != ends[0]:
            yield f"{turn_id} told its end as {ends}"
        committed = sum(step.turn_id == turn_id for step in steps)
        asked = sum(question.run == f"turn-{number}" for question in play.questions)
        if turn.status == TurnStatus.COMPLETED and committed != 2:
            yield f"{turn_id} has {committed} steps"
        if not play.troubled and asked > committed + (turn_id in play.errands.stopped):
            yield f"{turn_id} asked the model {asked} times for {committed} steps"


def nothing_else_is_open(play: Play) -> Iterator[str]:
    kinds: tuple[type[Work], ...] = (ImportJob, SourceFile, Export, Delivery, ChatTurn)
    for kind in kinds:
        for row in documents_of(play, kind):
            if row.wake_at is not None or row.lease_until is not None:
                yield f"{kind.__name__} {row.status} waits until {row.wake_at}, leased until {row.lease_until}"


ERRAND_RULES = (
    every_import_ends_once_and_brings_each_file_once,
    every_original_belongs_to_a_media_item,
    every_export_ends_once_with_one_file_that_counts,
    every_event_is_delivered_and_each_attempt_logged,
    every_turn_ends_once_and_its_log_has_no_gap,
    nothing_else_is_open,
)
