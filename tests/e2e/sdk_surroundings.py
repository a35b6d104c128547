"""What a user of the published client sets up around media and runs: exports, connectors, imports, webhooks, counters, keys."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from videovector._exceptions import AuthorizationError, ConflictError, VideoVectorError

from tests.e2e.sdk_client import Watched, opened

PATIENCE = 60.0
FILTER = [{"field": "headline", "operator": "is_not_empty", "type": "string"}]


@dataclass(frozen=True)
class Place:
    """Where the tour takes place. `base_url` is behind TLS, as in the world; `receiver` refuses what is sent below /refused."""

    base_url: str
    api_key: str
    bearer_token: str
    film: str
    words: str
    key_file: str
    receiver: str
    asynchronous: bool


def until(ask: Callable[[], Any], holds: Callable[[Any], Any]) -> Any:
    ends = time.monotonic() + PATIENCE
    while True:
        said = ask()
        if holds(said):
            return said
        assert time.monotonic() < ends, said
        time.sleep(0.1)


def stopped(begin: Callable[[], str], cancel: Callable[[str], Any]) -> str:
    """The status of what was cancelled; begun anew where it was over before the cancellation came."""
    for _ in range(5):
        try:
            return cancel(begin()).status
        except ConflictError:
            continue
    raise AssertionError("it always ended first")


def exports(client: Watched, index_id: str, run_id: str, seen: dict[str, Any]) -> None:
    made = client.exports.create_prompt_run_export(run_id)
    client.exports.create_index_export(index_id, prompt_run_ids=[run_id])
    ended = client.exports.wait_for_completion(made.export_id, poll_interval=0.2, timeout=PATIENCE)
    seen["export"] = {
        "status": client.exports.retrieve(ended.export_id).status,
        "listed": made.export_id in [one.export_id for one in client.exports.list(limit=200)],
        "address": client.exports.download_url(made.export_id),
    }
    if client.has("exports.download"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "export.json"
            size = client.exports.download(made.export_id, file)
            parts = b"".join(client.exports.iter_download(made.export_id, chunk_size=1000))
            seen["export"]["downloaded"] = size == len(parts) and json.loads(file.read_bytes()) == json.loads(parts)


def a_bucket(client: Watched, place: Place, video_uri: str) -> str:
    """A bucket of somebody's with the film in it, at the store that locally stands for the cloud's."""
    signed = urlsplit(client.videos.get_signed_url(video_uri).signed_url)
    store, name = f"{signed.scheme}://{signed.netloc}", f"elsewhere-{time.time_ns()}"
    httpx.post(f"{store}/storage/v1/b?project=elsewhere", json={"name": name}).raise_for_status()
    where = f"{store}/upload/storage/v1/b/{name}/o?uploadType=media&name=films/one.mp4"
    httpx.post(where, content=Path(place.film).read_bytes(), headers={"Content-Type": "video/mp4"}).raise_for_status()
    return name


def connectors(client: Watched, place: Place, video_uri: str, index_id: str, seen: dict[str, Any]) -> None:
    bucket = a_bucket(client, place, video_uri)
    scopes = ["import", "export"]
    gcs = client.connectors.create_gcs(
        name="GCS", bucket=bucket, gcp_project_id="elsewhere", credentials_file=place.key_file, scopes=scopes
    )
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "s" * 40}
    s3 = client.connectors.create_s3(name="S3", bucket="elsewhere-media", region="eu-west-1", **keys)
    ids = {name: f"{n}1111111-2222-3333-4444-555555555555" for n, name in enumerate(("tenant_id", "client_id"))}
    azure = client.connectors.create_azure(
        name="Azure", storage_account="elsewhere", container="media", client_secret="of-the-client", **ids
    )
    seen["connectors"] = {
        "listed": {gcs.connector_id, s3.connector_id, azure.connector_id}
        <= {one.connector_id for one in client.connectors.list()},
        "provider": client.connectors.retrieve(gcs.connector_id).provider,
        "works": client.connectors.test(gcs.connector_id).success,
        "browsed": [one.path for one in client.connectors.browse(gcs.connector_id, prefix="films/", pattern="*.mp4")],
    }
    imports(client, gcs.connector_id, index_id, seen)
    client.connectors.delete(gcs.connector_id)


def imports(client: Watched, connector_id: str, index_id: str, seen: dict[str, Any]) -> None:
    def begin() -> str:
        return client.import_jobs.create(connector_id=connector_id, index_id=index_id, file_pattern="*.mp4").job_id

    job_id = begin()
    ended = client.import_jobs.wait_for_completion(job_id, poll_interval=0.2, timeout=PATIENCE)
    seen["import"] = {
        "imported": ended.progress.imported,
        "status": client.import_jobs.retrieve(job_id).status,
        "listed": job_id in [one.job_id for one in client.import_jobs.list(status="COMPLETED")],
        "cancelled": stopped(begin, client.import_jobs.cancel),
    }
    if client.has("import_jobs.outputs"):
        outputs, files = client.import_jobs.outputs(job_id), client.import_jobs.files(job_id)
        seen["import"] |= {
            "outputs": [one.video_id for one in client.import_jobs.iter_outputs(job_id)] == list(ended.video_ids),
            "totals": [outputs.total, files.total, len(client.import_jobs.iter_files(job_id))],
            "retried": client.import_jobs.retry(job_id).status,  # nothing failed: it stays as it is
        }


def webhooks(client: Watched, place: Place, index_id: str) -> Callable[[dict[str, Any]], None]:
    """Made before media come; what is returned looks after them once media came."""
    events = client.webhooks.list_events()
    made = client.webhooks.create(
        name="Hook", url=f"{place.receiver}/refused", events=["media.created"], index_ids=[index_id], metadata={"a": 1}
    )

    def afterwards(seen: dict[str, Any]) -> None:
        def failed() -> list[Any]:
            return client.webhooks.list_deliveries(made.webhook_id, status="failed", limit=5)

        delivery = until(failed, bool)[0]
        again = client.webhooks.retry_delivery(delivery.delivery_id)
        said = until(lambda: client.webhooks.get_delivery(delivery.delivery_id), lambda one: one.attempts > delivery.attempts)
        renamed = client.webhooks.update(made.webhook_id, name="Renamed", url=place.receiver, events=["export.ready"])
        seen["webhook"] = {
            "events": {"media.created", "export.ready"} <= set(events),
            "listed": made.webhook_id in [one.webhook_id for one in client.webhooks.list()],
            "answered": said.response_status_code,
            "same": again.delivery_id == said.delivery_id,
            "renamed": (renamed.name, client.webhooks.retrieve(made.webhook_id).events),
            "tested": client.webhooks.test(made.webhook_id).success,
            "rotated": client.webhooks.rotate_secret(made.webhook_id).new_secret != made.secret,
        }
        client.webhooks.delete(made.webhook_id)

    return afterwards


def counters(client: Watched, seen: dict[str, Any]) -> None:
    """Counted from what happened, so a little after it."""
    wanted = {"searches", "videos_uploaded", "uploaded_seconds", "media_seconds_processed", "segments_processed", "model_calls"}
    now = until(client.usage.get_current, lambda said: all(said.metrics[name] > 0 for name in wanted))
    months = client.usage.get_history(limit=1)
    details = client.usage.get_details(metric_type="videos_uploaded", limit=5)
    span = client.usage.get_breakdown()
    limits = client.rate_limits.get_status()
    seen["counters"] = {
        "totals": [now.totals.total_videos_uploaded, now.totals.total_searches, now.totals.total_storage_bytes],
        "history": [sorted(one.totals) for one in months.periods],
        "details": {(one.metric_type, one.unit, one.value) for one in details} == {("videos_uploaded", "items", 1.0)},
        "span": span.breakdown["videos_uploaded"] >= now.metrics["videos_uploaded"],
        "types": {one.type for one in client.usage.get_metric_types()} >= set(now.metrics),
        "left": all(one.minute_limit - one.minute_used >= one.minute_remaining for one in limits.categories.values()),
        "same": set(client.rate_limits.refresh().categories) == set(limits.categories),
    }


def keys(place: Place, index_id: str, outcomes: dict[str, list[str]], seen: dict[str, Any]) -> None:
    with opened(place.asynchronous, outcomes, bearer_token=place.bearer_token, base_url=place.base_url) as owner:
        made = owner.api_keys.create(name="Reader", scopes=["search"])
        with opened(place.asynchronous, outcomes, api_key=made.key, base_url=place.base_url) as searcher:
            seen["search_scope_searches"] = isinstance(searcher.search.text(index_id=index_id, query="anything"), list)
            try:
                searcher.indexes.create(name="No")
                seen["search_scope_creates"] = True
            except AuthorizationError:
                seen["search_scope_creates"] = False
        seen["key_listed"] = made.key_id in [one.key_id for one in owner.api_keys.list()]
        rotated = owner.api_keys.rotate(made.key_id)
        fresh = getattr(rotated, "new_key", rotated)  # the first client unwraps it
        seen["rotated"] = fresh.key != made.key and not owner.api_keys.retrieve(made.key_id).is_active
        owner.api_keys.revoke(fresh.key_id)
        seen["revoked"] = not owner.api_keys.retrieve(fresh.key_id).is_active
        owner.api_keys.delete(fresh.key_id)


def workflow(client: Watched, place: Place, seen: dict[str, Any]) -> None:
    """The short way from a file to its search."""
    if not client.has("workflow.upload"):
        return
    said = client.workflow.upload(place.film, title="Short way", index_name="Walked")
    defined = client.workflow.define("Find every headline that is shown on the screen.")
    target = {"import_job_id": said.job_id} if hasattr(said, "job_id") else {"video_ids": said.video.video_id}
    begun = client.workflow.process(prompt_id=defined.prompt_id, segmentation_mode="content_aware", **target)
    ended = client.workflow.wait_until_searchable(begun.run.run_id, poll_interval=0.2, timeout=PATIENCE)
    page = client.workflow.search(place.words, index_name="Walked", limit=1)
    conditions = client.workflow.search(filters=FILTER, prompt_run_ids=begun.run.run_id, limit=1)
    try:
        client.workflow.search(cursor="of-nobody")
        refused = ""
    except VideoVectorError as error:
        refused = type(error).__name__
    seen["workflow"] = {
        "saved": defined.saved,
        "status": ended.status,
        "found": len(page.auto_paging_iter()) > len(page.data) == 1,
        "mode": conditions.response.mode,
        "met": len(conditions.auto_paging_iter()) > 1,
        "cursor": refused,
    }
