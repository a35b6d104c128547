"""Answers that need not be asked for twice: the same question about the same content has been answered by an earlier run.

Executing a prompt again over media that are done, with the same settings, finds each segment's answers by this key instead of
calling a model. `force` of a run goes past it. Embeddings are not kept here: the new run's vectors are made anew.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from shared.domain.documents import Document
from shared.domain.runs import Run


@dataclass(kw_only=True)
class EarlierAnswer(Document):
    """Where an answer is to be found: the result of a segment, or with an empty `segment_id` the media-wide one of the item."""

    PATH: ClassVar[str] = "tenants/{tenant}/videos/{video_id}/answers/{work_key}"

    tenant: str
    video_id: str
    work_key: str
    run_id: str
    segment_id: str = ""


def segment_key(run: Run, segment_id: str) -> str:
    """Of what a run asks about one segment; the segment's id carries the content and how it was cut."""
    prompt = run.prompt
    return _digest(
        "segment",
        segment_id,
        run.processing_model,
        prompt["prompt_text"],
        prompt["json_schema"],
        run.enable_transcription,
        run.enable_image_embedding,
    )


def synthesis_key(run: Run, video_id: str, rendered_prompt: str) -> str:
    """Of the media-wide question, which carries everything the segments said."""
    return _digest("synthesis", video_id, run.processing_model, rendered_prompt, (run.video_level or {}).get("json_schema"))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
