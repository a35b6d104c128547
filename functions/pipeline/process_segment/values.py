"""Outcomes of operations as the fields of a segment's row."""

from functions.pipeline.process_segment.operations import Outcome, Outcomes
from shared.domain.leaves import metadata_text
from shared.work.outcomes import GiveUp


def extraction_values(outcome: Outcome) -> dict:
    metadata = outcome.value.data if outcome.value else {}
    warning = outcome.value.warning if outcome.value else ""
    return {"metadata": metadata, "metadata_text": metadata_text(metadata), "processing_warning": warning}


def transcription_values(outcome: Outcome) -> dict:
    said = outcome.value
    return {"transcript": said.text if said else "", "utterances": said.utterances if said else []}


def operation_values(name: str, outcome: Outcome) -> dict:
    error = outcome.failure.message if outcome.failure else ""
    return {f"{name}_succeeded": outcome.succeeded, f"{name}_error": error}


def gravest(outcomes: Outcomes, unsearchable: GiveUp | None) -> GiveUp | None:
    """The failure that stands for the segment: fields before being searchable before words before picture."""
    reasons = (outcomes.extraction.failure, unsearchable, outcomes.transcription.failure, outcomes.picture.failure)
    return next((reason for reason in reasons if reason is not None), None)


def failure_values(reason: GiveUp | None, stage: str = "") -> dict:
    return {
        "has_failures": reason is not None,
        "failure_stage": (reason.stage or stage) if reason else "",
        "failure_code": reason.code if reason else "",
        "failure_message": reason.message if reason else "",
        "retryable": reason.retryable if reason else False,
    }
