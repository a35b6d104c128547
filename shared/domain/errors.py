"""Every error a client can meet: code -> HTTP status, whether trying again can help, and what to do about it."""

from enum import Enum
from typing import Any


class ErrorCode(Enum):
    """The code is the member's name in lower case."""

    def __init__(self, status: int, retryable: bool, cure: str) -> None:
        self.status = status
        self.retryable = retryable
        self.cure = cure

    @property
    def code(self) -> str:
        return self.name.lower()

    INVALID_REQUEST = (400, False, "Send well-formed JSON or multipart as the reference shows.")
    INVALID_CURSOR = (400, False, "Use next_cursor of the same listing unchanged, or start again without a cursor.")
    INVALID_IDEMPOTENCY_KEY = (400, False, "Use 1 to 255 visible ASCII characters.")
    UNAUTHENTICATED = (401, False, "Send X-API-Key: sk_live_… or Authorization: Bearer <jwt>.")
    INSUFFICIENT_SCOPE = (403, False, "Use a key with the scope that details.required_scope names.")
    JWT_REQUIRED = (403, False, "This endpoint takes a bearer JWT, not an API key.")
    ORIGIN_REFUSED = (403, False, "Call from a program, or from a page of the API's own origin.")
    READ_ONLY_DEFAULT = (403, False, "Default indexes and prompts are shared and cannot be changed; create your own.")
    ROUTE_NOT_FOUND = (404, False, "Look the path up in /openapi.json; everything is below /api/v2.")
    INDEX_NOT_FOUND = (404, False, "Check the id with GET /indexes.")
    VIDEO_NOT_FOUND = (404, False, "Check the id with GET /indexes/{index_id}/videos.")
    SEGMENT_NOT_FOUND = (404, False, "Check the id with GET /videos/{video_id}/segments.")
    PROMPT_NOT_FOUND = (404, False, "Check the id with GET /prompts.")
    RUN_NOT_FOUND = (404, False, "Check the id with GET /prompt-runs.")
    RETRY_NOT_FOUND = (404, False, "Use the retry_id that the retry was answered with.")
    VIDEO_RESULT_NOT_FOUND = (404, True, "It exists once the media-wide synthesis of this item has ended.")
    UPLOAD_SESSION_NOT_FOUND = (404, False, "Begin one with POST /videos/upload-session.")
    PREVIEW_NOT_FOUND = (404, True, "It exists some moments after the media came in, for media with pictures.")
    TRANSCRIPT_NOT_FOUND = (404, True, "It exists once a run with transcription has processed the item.")
    OBJECT_NOT_FOUND = (404, False, "Only addresses that your own media, segments and previews carry are signed.")
    MARKER_NOT_FOUND = (404, False, "Check the id with GET /markers.")
    CONNECTOR_NOT_FOUND = (404, False, "Check the id with GET /connectors.")
    IMPORT_JOB_NOT_FOUND = (404, False, "Check the id with GET /import-jobs.")
    SESSION_NOT_FOUND = (404, False, "Check the id with GET /chat/sessions.")
    TURN_NOT_FOUND = (404, False, "Check the id with GET /chat/sessions/{session_id}/turns.")
    API_KEY_NOT_FOUND = (404, False, "Check the id with GET /api-keys.")
    WEBHOOK_NOT_FOUND = (404, False, "Check the id with GET /webhooks.")
    DELIVERY_NOT_FOUND = (404, False, "Check the id with GET /webhooks/{webhook_id}/deliveries.")
    DELETION_NOT_FOUND = (404, False, "Ask with the id of something that was deleted.")
    EXPORT_NOT_FOUND = (404, False, "Check the id with GET /exports; with a deleted index or run its exports go too.")
    AUTOMATION_NOT_FOUND = (404, False, "Create it with PUT /indexes/{index_id}/automations/import or …/export.")
    METHOD_NOT_ALLOWED = (405, False, "Use a method that the Allow header names.")
    QUERY_TIMEOUT = (408, False, "Ask for less: fewer joins, fewer rows, no cross products.")
    CONFLICT = (409, False, "Read the resource again; it changed or is in a state that does not allow this.")
    CONNECTOR_REFUSED = (409, False, "Try POST /connectors/{connector_id}/test, and mend its credentials or rights.")
    CONNECTOR_IN_USE = (409, False, "Take it out of what details.used_by names first, then delete it.")
    IDEMPOTENCY_IN_PROGRESS = (409, True, "The first request with this key is still running; wait Retry-After seconds.")
    PAYLOAD_TOO_LARGE = (413, False, "Use POST /api/v2/videos/upload-session for a resumable upload of large files.")
    EXPORT_TOO_LARGE = (413, False, "Ask POST /exports/{export_id}/download-url for an address that takes files of any size.")
    UNSUPPORTED_MEDIA_TYPE = (415, False, "Send the Content-Type that the endpoint documents.")
    UNSUPPORTED_MEDIA = (415, False, "Send video, audio or an image of a listed type; the content is judged, not the name.")
    HOST_REFUSED = (421, False, "Call it under the name of the API's base address.")
    VALIDATION_FAILED = (422, False, "Mend the fields that details.errors names.")
    UNREADABLE_MEDIA = (422, False, "The file is damaged or empty; export it again from its source.")
    INVALID_SCHEMA = (422, False, "Send a JSON Schema of type object within the documented limits.")
    INVALID_QUERY = (422, False, "Send one SELECT over the tables of POST /search/sql/{index_id}/catalog, within its limits.")
    IDEMPOTENCY_KEY_REUSED = (422, False, "Use a new Idempotency-Key for another request.")
    RATE_LIMITED = (429, True, "Wait Retry-After seconds.")
    INTERNAL = (500, True, "Try again; if it stays, look for the request_id in the logs.")
    UPSTREAM_FAILED = (502, True, "A service behind this endpoint refused; try again.")
    UNAVAILABLE = (503, True, "Try again in a moment.")
    UPSTREAM_TIMEOUT = (504, True, "A service behind this endpoint did not answer in time; try again.")


class ApiError(Exception):
    """Raised anywhere below a handler; the HTTP kit alone turns it into an answer."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
        allow: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
        self.retry_after = retry_after
        self.allow = allow


def invalid(field: str, message: str) -> ApiError:
    """A 422 about one field, in the shape of every other validation error."""
    return ApiError(
        ErrorCode.VALIDATION_FAILED, f"{field}: {message}", details={"errors": [{"field": field, "message": message}]}
    )
