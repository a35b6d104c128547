"""What a user of the published client does, in one sitting; prints what came of it as JSON.

Runs in a process of its own with one version of the client on its path: `python sdk_tour.py <credentials.json> <film>`.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from videovector import AsyncVideoVector, VideoVector
from videovector import __version__ as VERSION
from videovector._exceptions import (
    AuthenticationError,
    AuthorizationError,
    IdempotencyError,
    NotFoundError,
    ValidationError,
)

SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "scene": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "people": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}, "emotion": {"type": "string"}}},
                },
            },
        },
    },
}
VIDEO_LEVEL = {
    "instructions_text": "Summarize the entire asset from the extracted segment evidence.",
    "included_segment_fields": ["headline", "scene.location", "transcription"],
    "json_schema": {"type": "object", "properties": {"program_summary": {"type": "string"}}},
}


def media(client: VideoVector, film: str, seen: dict[str, Any]) -> tuple[str, str, str]:
    key = f"tour-index-{VERSION}"
    index = client.indexes.create(name="Tour", idempotency_key=key)
    again = client.indexes.create(name="Tour", idempotency_key=key)
    seen["index_created_once"] = index.index_id == again.index_id
    seen["index_listed"] = index.index_id in [one.index_id for one in client.indexes.list()]
    uploaded = client.videos.upload(file=film, title="Film", index_id=index.index_id)
    seen["playground"] = client.videos.upload(file=film, title="Outside").video_id in [
        one.video_id for one in client.videos.list_playground().auto_paging_iter()
    ]
    seen["in_index"] = [one.video_id for one in client.indexes.list_videos(index.index_id).auto_paging_iter()] == [
        uploaded.video_id
    ]
    prompt = client.prompts.create(
        name="Scene extractor",
        description="Extract structured scene evidence per segment.",
        prompt_text="Extract the requested fields from this media segment.",
        json_schema=SCHEMA,
        video_level=VIDEO_LEVEL,
    )
    checked = client.prompts.test_schema(json_schema=SCHEMA, sample_data={"headline": "Reporter outside station"})
    seen["schema_valid"] = checked.valid
    client.prompts.update(prompt.prompt_id, description="Better said")
    seen["prompt_updated"] = client.prompts.retrieve(prompt.prompt_id).description == "Better said"
    return index.index_id, uploaded.video_id, prompt.prompt_id


def run(client: VideoVector, index_id: str, video_id: str, prompt_id: str, seen: dict[str, Any]) -> str:
    asked = {"prompt_id": prompt_id, "target": {"type": "index", "index_id": index_id}, "idempotency_key": f"tour-run-{VERSION}"}
    started = client.prompt_runs.execute(**asked)
    seen["run_started_once"] = client.prompt_runs.execute(**asked).run_id == started.run_id
    ended = client.prompt_runs.wait_for_completion(started.run_id, poll_interval=0.3)
    seen["run"] = ended.model_dump(mode="json")
    page = client.prompt_runs.list_results(ended.run_id, video_id=video_id, limit=1)
    results = list(page.auto_paging_iter())
    seen["results"] = [one.model_dump(mode="json") for one in results]
    seen["video_result"] = client.prompt_runs.get_video_result(ended.run_id, video_id).model_dump(mode="json")
    segments = list(client.videos.list_segments(video_id, limit=1).auto_paging_iter())
    of_run = list(client.videos.list_segments(video_id, run_id=ended.run_id).auto_paging_iter())
    seen["segments"] = [one.segment_id for one in segments]
    seen["segments_of_run"] = [one.model_dump(mode="json") for one in of_run]
    seen["touching"] = [one.run_id for one in client.videos.list_prompt_runs(video_id)]
    seen["listed"] = ended.run_id in [one.run_id for one in client.prompt_runs.list()]
    seen["in_index_runs"] = [one.run_id for one in client.indexes.list_prompt_runs(index_id).auto_paging_iter()]
    seen["llm_models"] = sorted({one.model for one in client.prompt_runs.get_llm_calls(ended.run_id)})
    seen["usage"] = client.prompts.get_usage(prompt_id).model_dump(mode="json")
    seen["video_status"] = client.videos.retrieve(video_id).status
    return ended.run_id


def refusals(client: VideoVector, base_url: str, index_id: str, seen: dict[str, Any]) -> None:
    def kind(call: Any, *arguments: Any, **named: Any) -> str:
        try:
            call(*arguments, **named)
        except (AuthenticationError, AuthorizationError, IdempotencyError, NotFoundError, ValidationError) as error:
            return type(error).__name__
        return "accepted"

    seen["refusals"] = {
        "missing index": kind(client.indexes.retrieve, "idx_" + "0" * 26),
        "empty name": kind(client.indexes.create, name=""),
        "reused key": kind(client.indexes.create, name="Other", idempotency_key=f"tour-index-{VERSION}"),
        "keys without a token": kind(client.api_keys.list),
        "empty query": kind(client.search.text, index_id=index_id, query="  "),
        "bad key": kind(VideoVector(api_key="sk_live_" + "0" * 48, base_url=base_url).indexes.list),
    }


def keys(said: dict[str, str], index_id: str, seen: dict[str, Any]) -> None:
    with VideoVector(bearer_token=said["bearer_token"], base_url=said["base_url"]) as owner:
        made = owner.api_keys.create(name="Reader", scopes=["search"])
        with VideoVector(api_key=made.key, base_url=said["base_url"]) as searcher:
            seen["search_scope_searches"] = isinstance(searcher.search.text(index_id=index_id, query="anything"), list)
            try:
                searcher.indexes.create(name="No")
                seen["search_scope_creates"] = True
            except AuthorizationError:
                seen["search_scope_creates"] = False
        rotated = owner.api_keys.rotate(made.key_id)
        fresh = getattr(rotated, "new_key", rotated)  # the first client unwraps it
        seen["rotated"] = fresh.key != made.key and not owner.api_keys.retrieve(made.key_id).is_active
        owner.api_keys.revoke(fresh.key_id)
        seen["revoked"] = not owner.api_keys.retrieve(fresh.key_id).is_active
        owner.api_keys.delete(fresh.key_id)


async def asynchronously(said: dict[str, str], index_id: str, seen: dict[str, Any]) -> None:
    async with AsyncVideoVector(api_key=said["api_key"], base_url=said["base_url"]) as client:
        seen["async_index"] = (await client.indexes.retrieve(index_id)).index_id == index_id


def search_and_delete(client: VideoVector, index_id: str, video_id: str, run_id: str, words: str, seen: dict[str, Any]) -> None:
    found = client.search.text(index_id=index_id, query=words, run_ids=[run_id], top_k=3)
    seen["found"] = [one.model_dump(mode="json") for one in found]
    client.videos.delete(video_id)
    seen["found_after_delete"] = len(client.search.text(index_id=index_id, query=words))
    try:
        client.videos.retrieve(video_id)
        seen["deleted_is_missing"] = False
    except NotFoundError:
        seen["deleted_is_missing"] = True
    client.indexes.delete(index_id)


def main() -> None:
    said = json.loads(Path(sys.argv[1]).read_text())
    seen: dict[str, Any] = {}
    with VideoVector(api_key=said["api_key"], base_url=said["base_url"]) as client:
        index_id, video_id, prompt_id = media(client, sys.argv[2], seen)
        run_id = run(client, index_id, video_id, prompt_id, seen)
        refusals(client, said["base_url"], index_id, seen)
        keys(said, index_id, seen)
        asyncio.run(asynchronously(said, index_id, seen))
        search_and_delete(client, index_id, video_id, run_id, sys.argv[3], seen)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
