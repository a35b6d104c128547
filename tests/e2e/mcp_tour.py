"""Every tool of the MCP endpoint, called as an assistant would; `Tour.called` tells what each answered."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from demo.tour import PROMPT
from tests.e2e.stack import eventually_there

ENDED = {"completed", "completed_with_failures", "failed", "cancelled"}
GCS_KEY = {
    "type": "service_account",
    "project_id": "elsewhere",
    "private_key_id": "1",
    "client_email": "reader@elsewhere.iam.gserviceaccount.com",
    "client_id": "1",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def connected(url: str, key: str, mode: str = "auto") -> Client:
    """The official client. `mode`: `legacy` shakes hands first, a date speaks that revision without."""
    http = create_mcp_http_client(headers={"X-API-Key": key})
    return Client(streamable_http_client(url, http_client=http), mode=mode, read_timeout_seconds=120)


@dataclass
class Tour:
    client: Client
    called: dict[str, list[Any]] = field(default_factory=dict)

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The structured answer, which the client has held against the tool's schema."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, f"{tool}: {result.content[0].text}"
        assert json.loads(result.content[0].text) == result.structured_content
        self.called.setdefault(tool, []).append(result.structured_content)
        return result.structured_content

    async def refused(self, tool: str, /, **arguments: Any) -> str:
        """What a refused call says."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        self.called.setdefault(tool, []).append(result.content[0].text)
        return result.content[0].text

    async def ended_run(self, run_id: str) -> dict[str, Any]:
        async def ended() -> dict[str, Any] | None:
            run = await self.call("get_prompt_run_status", run_id=run_id)
            return run if run["status"] in ENDED else None

        return await eventually_there(ended, 90, f"run {run_id} has ended")


async def everything(tour: Tour, video_id: str, index_id: str, picture: Path, private_key: str) -> None:
    run_id = await extraction(tour, video_id, index_id)
    await searching(tour, index_id, run_id, picture)
    await reading(tour, index_id, video_id, run_id)
    await connecting(tour, index_id, private_key)
    await handing_out(tour, index_id, run_id)
    await being_told(tour, index_id)


async def extraction(tour: Tour, video_id: str, index_id: str) -> str:
    """The run that found something."""
    checked = await tour.call("test_prompt_schema", json_schema=PROMPT["json_schema"], sample_data={})
    assert checked["valid"]
    prompt = await tour.call("create_prompt", **PROMPT)
    await tour.call("update_prompt", prompt_id=prompt["prompt_id"], description="Said anew")
    assert (await tour.call("get_prompt", prompt_id=prompt["prompt_id"]))["description"] == "Said anew"
    listed = await tour.call("list_prompts")
    assert prompt["prompt_id"] in [one["prompt_id"] for one in listed["prompts"]]
    asked = {"prompt_id": prompt["prompt_id"], "target": {"type": "videos", "video_ids": [video_id]}}
    await tour.call("estimate_prompt_run", **asked)
    run = await tour.call("execute_prompt", **asked, video_segmentation_type="content_aware", idempotency_key=f"run-{video_id}")
    again = await tour.call("execute_prompt", **asked, video_segmentation_type="content_aware", idempotency_key=f"run-{video_id}")
    assert again["run_id"] == run["run_id"]
    ended = await tour.ended_run(run["run_id"])
    assert ended["status"] == "completed", ended
    await tour.call("get_prompt_usage", prompt_id=prompt["prompt_id"])
    other = await tour.call("execute_prompt", prompt_id=prompt["prompt_id"], target={"type": "index", "index_id": index_id})
    await tour.call("cancel_prompt_run", run_id=other["run_id"])
    await tour.ended_run(other["run_id"])
    return run["run_id"]


async def searching(tour: Tour, index_id: str, run_id: str, picture: Path) -> None:
    image = base64.b64encode(picture.read_bytes()).decode()
    found = await tour.call("search_videos", query="a red disc", index_id=index_id, top_k=3.0)
    assert 0 < found["count"] <= 3
    assert (await tour.call("search_videos_by_image", image_data=image, index_id=index_id))["results"]
    assert (await tour.call("multimodal_search", index_id=index_id, text_query="disc", image_data=image))["results"]
    condition = {"field": "headline", "operator": "is_not_empty", "type": "string"}
    filtered = await tour.call("filter_videos", index_id=index_id, run_ids=[run_id], conditions=[condition], page_size=5)
    assert filtered["results"]
    answer = await tour.call("ask_library", question="What is shown in the film?", index_ids=[index_id])
    assert answer["answer"]
    on = await tour.call("ask_library", question="And what comes last?", session_id=answer["session_id"])
    assert on["session_id"] == answer["session_id"]


async def reading(tour: Tour, index_id: str, video_id: str, run_id: str) -> None:
    made = await tour.call("create_index", name="Empty")
    listed = await tour.call("list_indexes")
    assert {made["index_id"], index_id} <= {one["index_id"] for one in listed["user_indexes"]}
    await tour.call("get_index", index_id=index_id)
    assert [one["video_id"] for one in (await tour.call("list_videos", index_id=index_id))["data"]] == [video_id]
    await tour.call("get_video", video_id=video_id)
    await tour.call("get_videos_status", video_ids=[video_id])
    segments = await tour.call("get_video_segments", video_id=video_id, run_id=run_id, limit=2)
    assert segments["data"]
    for narrowed in ({}, {"index_id": index_id, "limit": 1}, {"video_id": video_id}):
        assert (await tour.call("list_prompt_runs", **narrowed))["prompt_runs"]
    results = await tour.call("get_prompt_run_results", run_id=run_id, video_id=video_id)
    assert results["data"]
    whole = await tour.call("get_prompt_run_video_result", run_id=run_id, video_id=video_id)
    assert whole["video_id"] == video_id
    assert (await tour.call("get_prompt_run_failed_segments", run_id=run_id)) is not None
    segment = {"run_id": run_id, "video_id": video_id, "segment_id": results["data"][0]["segment_id"]}
    assert "conflict" in await tour.refused("retry_prompt_run_segment", **segment)
    assert "retry_not_found" in await tour.refused("get_prompt_run_segment_retry_status", **segment, retry_id="rty_none")


async def connecting(tour: Tour, index_id: str, private_key: str) -> None:
    key = {**GCS_KEY, "private_key": private_key}
    gcs = {"name": "A bucket", "bucket": "elsewhere-media", "gcp_project_id": "elsewhere", "credentials_json": key}
    made = await tour.call("create_gcs_connector", **gcs, scopes=["import", "export"], idempotency_key=f"gcs-{index_id}")
    s3 = {"name": "S3", "bucket": "elsewhere-media", "region": "eu-west-1", "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    await tour.call("create_s3_connector", **s3, aws_secret_access_key="s" * 40, idempotency_key=f"s3-{index_id}")
    azure = {"name": "Azure", "storage_account": "elsewhere", "container": "media"}
    azure["tenant_id"] = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    azure |= {"client_id": "1" * 8 + "-1111-1111-1111-" + "1" * 12, "client_secret": "very-secret"}
    await tour.call("create_azure_connector", **azure, idempotency_key=f"azure-{index_id}")
    listed = await tour.call("list_connectors")
    assert listed["count"] >= 3
    told = json.dumps(tour.called)
    assert "very-secret" not in told and "s" * 40 not in told and "PRIVATE KEY" not in told
    tested = await tour.call("test_connector", connector_id=made["connector_id"])
    assert not tested["success"] and tested["error_message"]
    assert "connector_refused" in await tour.refused("browse_connector_files", connector_id=made["connector_id"], prefix="a/")
    job = await tour.call("create_import_job", connector_id=made["connector_id"], index_id=index_id, file_pattern="*.mp4")
    assert job["job_id"] in [one["job_id"] for one in (await tour.call("list_import_jobs"))["import_jobs"]]
    await tour.call("get_import_job", job_id=job["job_id"])
    result = await tour.client.call_tool("cancel_import_job", {"job_id": job["job_id"]})
    assert not result.is_error or "conflict" in result.content[0].text  # it may have ended by itself
    tour.called.setdefault("cancel_import_job", []).append(result.structured_content)


async def handing_out(tour: Tour, index_id: str, run_id: str) -> None:
    export = await tour.call("export_prompt_run", run_id=run_id)
    await tour.call("export_index_metadata", index_id=index_id, prompt_run_ids=[run_id])

    async def made() -> bool:
        return (await tour.call("get_export_status", export_id=export["export_id"]))["status"] == "completed"

    await eventually_there(made, 60, "the export is made")
    address = await tour.call("get_export_download_url", export_id=export["export_id"])
    assert "token=" in address["download_url"]


async def being_told(tour: Tour, index_id: str) -> None:
    kinds = await tour.call("list_webhook_events")
    assert "prompt_run.completed" in kinds["events"]
    wanted = {"name": "Me", "url": "http://127.0.0.1:9/none", "events": ["prompt_run.completed"], "index_ids": [index_id]}
    made = await tour.call("create_webhook", **wanted)
    assert made["secret"].startswith("whsec_")
    assert (await tour.call("get_webhook", webhook_id=made["webhook_id"])).get("secret", "") != made["secret"]
    await tour.call("list_webhooks")
    await tour.call("update_webhook", webhook_id=made["webhook_id"], status="paused")
    tested = await tour.call("test_webhook", webhook_id=made["webhook_id"])
    assert not tested["success"]
    await tour.call("list_webhook_deliveries", webhook_id=made["webhook_id"])
