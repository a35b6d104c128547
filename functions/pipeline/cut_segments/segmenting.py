"""The segments of one content under one setting: one pass over the media, thumbnails, then the rows."""

from collections.abc import Sequence
from typing import BinaryIO

from shared.domain.batches import batched
from shared.domain.media import Cut, CutSettings, Segment, SegmentPlace, Video, segment_id
from shared.domain.segmentation import Span, plan_audio, plan_image, plan_video
from shared.media.hearing import activity
from shared.media.pictures import open_image, thumbnail
from shared.media.survey import Picture, survey
from shared.objects.buckets import NoSuchObject, Objects
from shared.store.documents import MAX_BATCH, Store


def cut_media(video: Video, settings: CutSettings, run_id: str, store: Store, objects: Objects) -> Cut:
    """Writes every segment, then the cut that vouches for them. Done again, it writes the same.

    Raises UnreadableMedia for content that cannot be decoded, NoSuchObject where the object is gone or was replaced.
    """
    info = objects.stat(video.video_uri)
    if info.generation != video.generation:
        raise NoSuchObject(video.video_uri)
    source = objects.open(info)
    spans, pictures = _divide(video, settings, source)
    cut_id = settings.cut_id(video)
    now = store.clock()
    rows = []
    for ordinal, (span, picture) in enumerate(zip(spans, pictures, strict=True)):
        identity = segment_id(video.video_id, cut_id, ordinal)
        thumbnail_uri = ""
        if picture is not None:
            name = f"thumbs/{video.tenant}/{video.video_id}/{identity}.jpg"
            thumbnail_uri = objects.put_derived(name, picture.jpeg, "image/jpeg")
        rows.append(
            Segment(
                created_at=now,
                updated_at=now,
                tenant=video.tenant,
                video_id=video.video_id,
                cut_id=cut_id,
                segment_id=identity,
                ordinal=ordinal,
                start=round(span.start, 3),
                end=round(span.end, 3),
                thumbnail_uri=thumbnail_uri,
                picture_time=round(picture.time, 3) if picture is not None else 0.0,
            )
        )
    for page in batched(rows, MAX_BATCH // 2):
        batch = store.batch()
        for row in page:
            batch.put(row)
            batch.put(
                SegmentPlace(
                    created_at=now,
                    updated_at=now,
                    tenant=row.tenant,
                    segment_id=row.segment_id,
                    video_id=row.video_id,
                    cut_id=cut_id,
                )
            )
        batch.commit()
    vouching = Cut(
        created_at=now,
        updated_at=now,
        tenant=video.tenant,
        video_id=video.video_id,
        cut_id=cut_id,
        generation=video.generation,
        segment_count=len(rows),
        run_id=run_id,
    )
    return store.create_once(vouching)


def _divide(video: Video, settings: CutSettings, source: BinaryIO) -> tuple[Sequence[Span], Sequence[Picture | None]]:
    """The spans, and a picture for each where there is something to see."""
    if video.media_type == "image":
        return plan_image(), [Picture(0.0, thumbnail(open_image(source)))]
    if video.media_type == "audio":
        heard = activity(source) if settings.audio_type == "content_aware" else None
        spans = plan_audio(video.duration_seconds, settings.audio_type, settings.audio_seconds, heard)  # type: ignore[arg-type]
        return spans, [None] * len(spans)
    seen = survey(source, duration=video.duration_seconds)
    speech = None
    if settings.video_type == "smart" and video.has_audio:
        source.seek(0)
        speech = activity(source).speech
    spans = plan_video(video.duration_seconds, seen.cuts, settings.video_type, settings.video_seconds, speech)  # type: ignore[arg-type]
    return spans, seen.pictures(spans, source)
