"""A search result on the wire."""

from typing import Any

from shared.domain.runs import RunMedia, SegmentResult
from shared.search.text import Found, Match

PREVIEW_CHARS = 240


def search_result(found: Found, thumbnail_url: str) -> dict[str, Any]:
    """The API's SearchResult: a segment of a run, or a media item with its media-wide result."""
    row = found.row
    result = {
        "result_id": found.result_id,
        "video_id": found.video.video_id,
        "video_uri": found.video.video_uri,
        "video_name": found.video.title,
        "media_type": found.video.media_type,
        "similarity_score": score(found.best.score),
        "reranked_score": score(found.best.rank_score),
        "content_preview": preview(found.best.text.text),
        "run_id": row.run_id,
        "source_run_id": row.run_id,
        "prompt_run_id": row.run_id,
        "prompt_id": found.run.prompt_id,
        "source_index_id": found.video.index_id or None,
        "thumbnail_uri": thumbnail_url or None,
        "thumbnail_available": bool(thumbnail_url),
        "gif_available": False,
        "marker": {},
        "extracted_metadata_markers": {},
        **_matched(found.matches),
    }
    return {**result, **(_segment(row) if isinstance(row, SegmentResult) else _media(found, row))}


def score(value: float) -> float:
    """From 0 to 1; what points away from the query is as far as what has nothing to do with it."""
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
        "thumbnail_gcs_uri": row.thumbnail_uri or None,
        "matched_image_uri": None,
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
        "thumbnail_gcs_uri": found.video.thumbnail_uri or None,
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
