"""What a test begins with: a stored film, a prompt, a run that was just asked for."""

import io
from datetime import timedelta
from typing import Any

from shared.domain.ids import new_id
from shared.domain.media import Index, Video
from shared.domain.runs import Run, RunMedia, RunStatus, SegmentResult
from shared.media.probe import probe
from shared.messaging.messages import PlanRun
from shared.store.registration import register
from tests.pipeline.world import World

USER = "ada"
SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}}
VIDEO_LEVEL = {
    "instructions_text": "Summarize the entire asset.",
    "included_segment_fields": ["headline", "transcription"],
    "json_schema": {"type": "object", "properties": {"program_summary": {"type": "string"}}},
}


def a_tenant() -> str:
    return new_id("tenant")


def an_index(world: World, tenant: str) -> Index:
    now = world.store.clock()
    index = Index(created_at=now, updated_at=now, tenant=tenant, index_id=new_id("index"), user_id=USER, name="Films")
    batch = world.store.batch()
    batch.create(index)
    batch.commit()
    return index


def a_video(world: World, tenant: str, content: bytes, *, index_id: str = "", title: str = "A film") -> Video:
    """Stored and registered as an upload through the API is."""
    video_id = new_id("video")
    info = probe(io.BytesIO(content))
    metadata = {"user_id": USER, "index_id": index_id, "title": title}
    stored = world.objects.put_original(tenant, video_id, io.BytesIO(content), info.mime_type, metadata)
    return register(
        world.store,
        world.topics,
        tenant=tenant,
        video_id=video_id,
        user_id=USER,
        title=title,
        index_id=index_id,
        stored=stored,
        info=info,
    )


def a_run(world: World, tenant: str, videos: list[Video], *, send: bool = True, **settings: Any) -> Run:
    """Asked for, and its first message sent, unless a test wants it lost."""
    now = world.store.clock()
    video_level = settings.pop("video_level", None)
    prompt_text, schema = settings.pop("prompt_text", "Extract."), settings.pop("json_schema", SCHEMA)
    run = Run(
        created_at=now,
        updated_at=now,
        tenant=tenant,
        run_id=new_id("run"),
        user_id=USER,
        prompt_id=new_id("prompt"),
        prompt_name="Scene extractor",
        prompt_revision=1,
        prompt={"prompt_text": prompt_text, "json_schema": schema, "video_level": video_level, "semantic_indexing": {}},
        target={"type": "videos", "video_ids": [video.video_id for video in videos]},
        index_ids=sorted({video.index_id for video in videos}),
        status=RunStatus.PENDING,
        wake_at=now + timedelta(seconds=60),
        **settings,
    )
    batch = world.store.batch()
    batch.create(run)
    batch.commit()
    if send:
        world.queues.send(PlanRun(tenant=tenant, run_id=run.run_id), slot="execute")
    return run


def again(world: World, run: Run) -> Run:
    found = world.store.get(Run, run.tenant, run.run_id)
    assert found is not None
    return found


def media_of(world: World, run: Run) -> list[RunMedia]:
    return list(world.store.stream(RunMedia, world.store.collection(RunMedia, run.tenant, run.run_id)))


def results_of(world: World, run: Run, video: Video) -> list[SegmentResult]:
    rows = world.store.collection(SegmentResult, run.tenant, run.run_id, video.video_id).order_by("ordinal")
    return list(world.store.stream(SegmentResult, rows))
