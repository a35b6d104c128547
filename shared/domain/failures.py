"""Why work on media failed: one list of codes for segments, media items, retries and runs, each with what to do next."""

from enum import StrEnum

OPERATIONS = ("field_extraction", "transcription", "image_embedding")  # of a segment; each can fail alone
PROCESSING = "processing"  # what failed belongs to none of the three: the segment or the item as a whole


class FailureCode(StrEnum):
    """The value is what clients see and what documents keep; it never changes its meaning."""

    retryable: bool
    cure: str

    def __new__(cls, code: str, retryable: bool, cure: str) -> "FailureCode":
        member = str.__new__(cls, code)
        member._value_ = code
        member.retryable = retryable
        member.cure = cure
        return member

    MODEL_REFUSED = ("model_refused", False, "Read the message: mend the prompt, the schema or the model chosen, then run again.")
    MODEL_BLOCKED = ("model_blocked", False, "The model declined this content; try another model, or leave this segment out.")
    MODEL_STOPPED = ("model_stopped", True, "Retry the segment; if it stays, try another model.")
    OUTPUT_TOO_LONG = ("output_too_long", False, "Ask for fewer or shorter fields, or cut shorter segments, and run again.")
    SCHEMA_MISMATCH = ("schema_mismatch", True, "Retry the segment; if it stays, make the schema simpler or the prompt clearer.")
    TRANSCRIPT_UNREADABLE = ("transcript_unreadable", True, "Retry the segment; the fields and the picture are not affected.")
    ATTEMPTS_EXHAUSTED = ("attempts_exhausted", True, "A service was out of reach for long; retry once it is back.")
    MEDIA_DELETED = ("media_deleted", False, "The media was deleted; nothing is left to do.")
    MEDIA_GONE = ("media_gone", False, "The stored file was removed or replaced; upload it again and run again.")
    UNSUPPORTED_MEDIA = ("unsupported_media", False, "Convert the file to a listed format and upload it again.")
    UNREADABLE_MEDIA = ("unreadable_media", False, "The file is damaged; export it again from its source and upload it.")
    TRUNCATED_MEDIA = ("truncated_media", False, "The file ends too early; upload it again as a whole.")
    EMPTY_FILE = ("empty_file", False, "The file has no content; upload it again.")
    MEDIA_TOO_LARGE = ("media_too_large", False, "Make the file shorter or its pictures smaller, and upload it again.")


def next_step(code: str) -> str:
    """What the user can do about a failure; empty for a code that no list knows."""
    return next((known.cure for known in FailureCode if known == code), "")
