"""The short way through the product: put media in, say what is wanted of it, run it, read it."""

from dataclasses import dataclass
from typing import Any

from functions.api.workflow.destinations import existing, resolved
from functions.api.workflow.schemas import DefineBody, GrantBody, ProcessBody, UploadForm, several
from shared.calling.api import Calls, PublicApi, segment
from shared.domain import object_names
from shared.domain.cursors import Cursors
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.egress.client import Egress
from shared.http.call import Call
from shared.http.routes import PREFIX
from shared.secrets import Sealer
from shared.store.documents import Store
from shared.store.imports import Imports
from shared.store.indexes import Indexes

FIXED_SECONDS = 10
MOST_ITEMS = 1000  # that one run takes as a list


@dataclass(frozen=True)
class Deps:
    api: PublicApi
    cursors: Cursors
    store: Store
    imports: Imports
    indexes: Indexes
    egress: Egress
    sealer: Sealer


def upload(call: Call[None], deps: Deps) -> dict[str, Any]:
    """Upload a media file into an index, given by id or by a name that is made if need be, or into the playground"""
    form: UploadForm = call.form
    api, file = deps.api.as_caller(call), call.file()
    destination = resolved(form, api)
    title = form.title or object_names.title(file.filename or "upload")
    fields = {"title": title}
    if destination["index_id"]:
        fields["index_id"] = destination["index_id"]
    said = api.upload("/videos/upload", fields, file, step="upload")
    return {**said, "video": said, "destination": destination}


def define(call: Call[DefineBody], deps: Deps) -> dict[str, Any]:
    """Have a prompt with its schema written from an instruction, and keep it unless told otherwise"""
    api = deps.api.as_caller(call)
    definition = _definition(call.body.instruction, api)
    prompt = api.post("/prompts", definition, step="prompt") if call.body.save else None
    return {
        "prompt_id": prompt["prompt_id"] if prompt else None,
        "saved": prompt is not None,
        "definition": definition,
        "prompt": prompt,
    }


def process(call: Call[ProcessBody], deps: Deps) -> dict[str, Any]:
    """Run a prompt, be it one that is written on the spot, over an import, over media items or over an index"""
    body, api = call.body, deps.api.as_caller(call)
    target = _target(body, api)
    if body.prompt_id:
        prompt = api.get(f"/prompts/{segment(body.prompt_id)}")
    else:
        prompt = api.post("/prompts", _definition(body.prompt_instruction or "", api), step="prompt")
    asked = {"prompt_id": prompt["prompt_id"], "target": target, **_settings(body)}
    run = api.post("/prompt-runs/execute", asked, step="run")
    run_id = run["run_id"]
    return {
        "run_id": run_id,
        "run": run,
        "prompt": prompt,
        "status_url": f"{PREFIX}/prompt-runs/{run_id}",
        "results_url": f"{PREFIX}/workflow/runs/{run_id}/results",
        "prompt_created_inline": body.prompt_id is None,
    }


def grant_media(call: Call[GrantBody], deps: Deps) -> dict[str, Any]:
    """Exchange a media item, or a segment of it, for an address that plays or downloads it for 15 minutes"""
    body, api = call.body, deps.api.as_caller(call)
    video = api.get(f"/videos/{segment(body.video_id)}")
    fragment = _times(body, api) if body.segment_id else ""
    signed = api.post("/videos/signed-url", {"gcs_uri": video["video_uri"], "force_refresh": True})
    return {
        "video_id": video["video_id"],
        "url": signed["signed_url"] + fragment,
        "filename": _file_name(video),
        "mime_type": video["mime_type"] or "application/octet-stream",
        "expires_at": signed["expires_at"],
    }


def _definition(instruction: str, api: Calls) -> dict[str, Any]:
    return api.post("/prompts/generate", {"instruction": instruction}, step="definition")


def _settings(body: ProcessBody) -> dict[str, Any]:
    """What was not said is left to the run's own defaults."""
    said: dict[str, Any] = {}
    if body.segmentation_mode:
        said["video_segmentation_type"] = body.segmentation_mode
        said["audio_segmentation_type"] = "fixed" if body.segmentation_mode == "fixed" else "content_aware"
    if body.segmentation_mode == "fixed":
        seconds = body.fixed_segment_duration_seconds or FIXED_SECONDS
        said["video_segment_duration"] = said["audio_segment_duration"] = seconds
    if body.advanced_transcription is not None:
        said["enable_transcription"] = body.advanced_transcription
    if body.create_image_embeddings is not None:
        said["enable_image_embedding"] = body.create_image_embeddings
    return said


def _target(body: ProcessBody, api: Calls) -> dict[str, Any]:
    if body.import_job_id:
        return {"type": "videos", "video_ids": _imported(body.import_job_id, api)}
    index = existing(body, api) if body.index_id or body.index_name else None
    video_ids = several(body.video_ids)
    if video_ids:
        return {"type": "videos", "video_ids": video_ids, **({"index_id": index["index_id"]} if index else {})}
    return {"type": "index", "index_id": (index or {})["index_id"]}


def _imported(job_id: str, api: Calls) -> list[str]:
    """All media items of a job that has ended."""
    job = api.get(f"/import-jobs/{segment(job_id)}")
    if job["status"] not in ("completed", "failed", "cancelled"):
        message = f"the import is {job['status']}; process it once it has ended"
        raise ApiError(ErrorCode.CONFLICT, message, details={"status": job["status"]})
    outputs, cursor = job["outputs"]["items"], job["outputs"]["next_cursor"]
    while cursor and len(outputs) <= MOST_ITEMS:
        page = api.get(f"/import-jobs/{segment(job_id)}/outputs", limit=100, cursor=cursor)
        outputs, cursor = outputs + page["items"], page["next_cursor"]
    video_ids = [one["video_id"] for one in outputs if one["video_id"]]
    if not video_ids:
        raise invalid("import_job_id", "the import brought no media")
    if len(video_ids) > MOST_ITEMS:
        raise invalid("import_job_id", f"the import brought more than {MOST_ITEMS} items; run over its index instead")
    return video_ids


def _times(body: GrantBody, api: Calls) -> str:
    """Where the segment lies in its item, as a media fragment. Raises SEGMENT_NOT_FOUND."""
    cursor = None
    while True:
        page = api.get(f"/videos/{segment(body.video_id)}/segments", limit=100, run_id=body.run_id, cursor=cursor)
        for one in page["data"]:
            if one["segment_id"] == body.segment_id:
                return f"#t={one['start_time']:g},{one['end_time']:g}"
        cursor = page["pagination"]["next_cursor"]
        if not cursor:
            raise ApiError(ErrorCode.SEGMENT_NOT_FOUND, "the item, or what the run made of it, has no such segment")


_ENDINGS = {
    "video/mp4": ".mp4",
    "video/x-matroska": ".mkv",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/aac": ".aac",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/heic": ".heic",
    "image/heif": ".heif",
}


def _file_name(video: dict[str, Any]) -> str:
    """The title as a name that every file system takes, with the ending of what the content is."""
    stem = "".join("_" if letter in '/\\:*?"<>|' or ord(letter) < 32 else letter for letter in video["title"]).strip(". ")
    ending = _ENDINGS.get(video["mime_type"] or "", "")
    return (stem or "media") + ("" if stem.lower().endswith(ending) else ending)
