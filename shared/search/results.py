"""Search results on the wire.

Results are ordered by `reranked_score`; `similarity_score` is the same number before a run's age was taken off it, which only a
weighted search over several runs does. Fused results are ordered by `fused_score`. All scores lie between 0 and 1.
"""

from collections.abc import Callable
from typing import Any

from shared.domain.markers import Marks
from shared.domain.runs import RunMedia, SegmentResult
from shared.search.found import Found, Match, Picture
from shared.search.fusion import Fused

PREVIEW_CHARS = 240
Link = Callable[[str], str]  # a signed address for an object's URI; "" for ""


def search_result(found: Found, link: Link, marks: Marks) -> dict[str, Any]:
    """The API's SearchResult: a segment of a run, or a media item with its media-wide result."""
    row, video = found.row, found.video
    thumbnail = _thumbnail(found)
    thumbnail_url = link(thumbnail)
    result = {
        "result_id": found.result_id,
        "video_id": video.video_id,
        "video_uri": video.video_uri,
        "video_name": video.title,
        "media_type": video.media_type,
        "similarity_score": score(found.score),
        "reranked_score": score(found.ranked_by),
        "run_id": row.run_id,
        "source_run_id": row.run_id,
        "prompt_run_id": row.run_id,
        "prompt_id": found.run.prompt_id,
        "source_index_id": video.index_id or None,
        "thumbnail_uri": thumbnail_url or None,
        "thumbnail_gcs_uri": thumbnail or None,
        "thumbnail_available": bool(thumbnail_url),
        "gif_available": False,
        "marker": marks.whole(target_of(found), row.run_id),
        "extracted_metadata_markers": marks.fields(target_of(found), row.run_id),
        **_matched(found.matches),
        **_pictured(found.picture, link),
    }
    shown = {**result, **(_segment(row) if isinstance(row, SegmentResult) else _media(found, row))}
    best = found.matches[0].text.text if found.matches else shown["text_content"]
    return {**shown, "content_preview": preview(best)}


def linked_from(found: Found) -> list[str]:
    """Every URI that `search_result` asks a link for; some may be empty."""
    return [_thumbnail(found), *([found.picture.segment.thumbnail_uri] if found.picture else [])]


def _thumbnail(found: Found) -> str:
    return found.row.thumbnail_uri if isinstance(found.row, SegmentResult) else found.video.thumbnail_uri


def target_of(found: Found) -> str:
    """The id of what a marker on this result is on."""
    return found.segment_id or found.row.video_id


def fused_result(fused: Fused, link: Link, marks: Marks) -> dict[str, Any]:
    """A SearchResult with what each ranking said of it."""
    found = fused.found
    return {
        **search_result(found, link, marks),
        "similarity_score": score(fused.score),
        "reranked_score": score(fused.score),
        "fused_score": score(fused.score),
        "text_score": score(found.matches[0].score) if found.matches else None,
        "image_score": score(found.picture.score) if found.picture else None,
        "text_rank": fused.text_rank,
        "image_rank": fused.image_rank,
        "match_type": fused.match_type,
    }


def score(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 6)


def preview(text: str) -> str:
    return text if len(text) <= PREVIEW_CHARS else text[: PREVIEW_CHARS - 1].rstrip() + "…"


def _segment(row: SegmentResult) -> dict[str, Any]:
    return {
        "result_type": "segment",
        "segment_id": row.segment_id,
        "start_time": row.start,
        "end_time": row.end,
        "text_content": "\n".join(text for text in (row.metadata_text, row.transcript) if text),
        "metadata_text": row.metadata_text,
        "metadata": row.metadata,
        "extracted_metadata": row.metadata,
    }


def _media(found: Found, row: RunMedia) -> dict[str, Any]:
    return {
        "result_type": "video",
        "segment_id": None,
        "start_time": 0.0,
        "end_time": found.video.duration_seconds,
        "text_content": row.video_level_text,
        "metadata_text": row.video_level_text,
        "metadata": row.video_level_metadata,
        "extracted_metadata": row.video_level_metadata,
    }


def _matched(matches: list[Match]) -> dict[str, Any]:
    """Which fields matched, the best instance of each first."""
    by_field: dict[str, float] = {}
    for match in matches:
        by_field.setdefault(match.text.field_path, score(match.score))
    return {
        "field_scores": by_field,
        "field_instance_scores": {match.text.instance_path: score(match.score) for match in matches},
        "matched_field_paths": list(by_field),
        "matched_field_instances": [
            {
                "field_path": match.text.field_path,
                "field_instance_key": match.text.instance_path,
                "field_instance_path": match.text.instance_path,
                "score": score(match.score),
                "value_preview": preview(match.text.text),
            }
            for match in matches
        ],
    }


def _pictured(picture: Picture | None, link: Link) -> dict[str, Any]:
    """The frame that matched and when it is shown, in seconds of the media; nulls where no picture was compared."""
    if picture is None:
        names = ("uri", "gcs_uri", "timestamp", "score")
        return {**{f"matched_image_{name}": None for name in names}, "shot_timestamp": None}
    segment = picture.segment
    return {
        "matched_image_uri": link(segment.thumbnail_uri) or None,
        "matched_image_gcs_uri": segment.thumbnail_uri or None,
        "matched_image_timestamp": segment.picture_time,
        "matched_image_score": score(picture.score),
        "shot_timestamp": segment.picture_time,
    }
