"""The segments of one content under one setting: one pass over the media, thumbnails, then the rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from shared.domain.batches import batched
from shared.domain.media import Cut, CutSettings, Segment, SegmentPlace, Video, segment_id
from shared.domain.runs import RunMedia
from shared.domain.segmentation import Span, plan_audio, plan_image, plan_video
from shared.media.hearing import activity
from shared.media.pictures import open_image, thumbnail
from shared.media.survey import Picture, survey
from shared.objects.buckets import NoSuchObject, Objects
from shared.store.documents import MAX_BATCH, Store
from shared.work.claims import Claim


def cut_media(video: Video, settings: CutSettings, claim: Claim[RunMedia], store: Store, objects: Objects) -> Cut:
    """Writes every segment, the last ones with the cut that vouches for them. Done again, it writes the same.

    Raises UnreadableMedia for content that cannot be decoded, NoSuchObject where the object is gone or was replaced, LeaseLost
    also where another run of the same settings was quicker.
    """
    info = objects.stat(video.video_uri)
    if info.generation != video.generation:
        raise NoSuchObject(video.video_uri)
    cut_id, now = settings.cut_id(video), store.clock()
    segments = list(_segments(video, settings, objects.open(info), now, objects))
    vouching = Cut(
        created_at=now,
        updated_at=now,
        tenant=video.tenant,
        video_id=video.video_id,
        cut_id=cut_id,
        generation=video.generation,
        segment_count=len(segments),
        run_id=claim.document.run_id,
    )
    batch = store.batch()
    for page in batched(segments, MAX_BATCH // 2):
        if len(batch):
            claim.save(batch)
            batch = store.batch()
        for segment in page:
            batch.put(segment)
            batch.put(_place(segment))
    batch.create(vouching)
    claim.save(batch)
    return vouching


def _segments(video: Video, settings: CutSettings, source: BinaryIO, now: datetime, objects: Objects) -> Iterator[Segment]:
    """In order, each with its thumbnail kept."""
    cut_id = settings.cut_id(video)
    spans, pictures = _divide(video, settings, source)
    for ordinal, (span, picture) in enumerate(zip(spans, pictures, strict=True)):
        identity = segment_id(video.video_id, cut_id, ordinal)
        thumbnail_uri = ""
        if picture is not None:
            name = f"thumbs/{video.tenant}/{video.video_id}/{identity}.jpg"
            thumbnail_uri = objects.put_derived(name, picture.jpeg, "image/jpeg")
        yield Segment(
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


def _place(segment: Segment) -> SegmentPlace:
    return SegmentPlace(
        created_at=segment.created_at,
        updated_at=segment.updated_at,
        tenant=segment.tenant,
        segment_id=segment.segment_id,
        video_id=segment.video_id,
        cut_id=segment.cut_id,
    )


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
