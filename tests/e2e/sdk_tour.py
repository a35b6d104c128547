"""What a user of the published client does, in one sitting, until every method was called; prints what came of it as JSON.

Runs in a process of its own with one version of the client on its path: `python -m tests.e2e.sdk_tour`, the place on stdin.
"""

import base64
import json
import sys
from functools import partial
from typing import Any

import videovector
from videovector._exceptions import (
    AuthenticationError,
    AuthorizationError,
    IdempotencyError,
    NotFoundError,
    ProcessingError,
    ValidationError,
)

from tests.e2e import sdk_surroundings as around
from tests.e2e.sdk_client import Watched, opened
from tests.e2e.sdk_surroundings import FILTER, Place, stopped, until

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
PICTURE = base64.b64encode(PNG).decode()
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
UNSEEN = {
    "type": "object",
    "properties": {"serial": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{9}$"}},
    "required": ["serial"],
}
TERMINAL = ("completed", "failed")


def media(client: Watched, film: str, index_id: str, seen: dict[str, Any]) -> str:
    said = client.videos.upload(file=film, title="Film", index_id=index_id)
    video_id = said.video_ids[0] if hasattr(said, "video_ids") else said.video_id  # an import job, or the result of an upload
    outside = client.videos.upload(file=film, title="Outside")
    outside_id = outside.video_ids[0] if hasattr(outside, "video_ids") else outside.video_id
    seen["playground"] = outside_id in [one.video_id for one in client.videos.list_playground().auto_paging_iter()]
    seen["in_index"] = [one.video_id for one in client.indexes.list_videos(index_id).auto_paging_iter()] == [video_id]
    seen["batch"] = [one.video_id for one in client.videos.batch_retrieve([video_id, outside_id])] == [video_id, outside_id]
    seen["signed"] = client.videos.get_signed_url(client.videos.retrieve(video_id).video_uri).signed_url.startswith("http")
    client.videos.delete(outside_id)
    return video_id


def prompt(client: Watched, seen: dict[str, Any]) -> str:
    made = client.prompts.create(
        name="Scene extractor",
        description="Extract structured scene evidence per segment.",
        prompt_text="Extract the requested fields from this media segment.",
        json_schema=SCHEMA,
        video_level=VIDEO_LEVEL,
    )
    checked = client.prompts.test_schema(json_schema=SCHEMA, sample_data={"headline": "Reporter outside station"})
    seen["schema_valid"] = checked.valid
    client.prompts.update(made.prompt_id, description="Better said")
    seen["prompt_updated"] = client.prompts.retrieve(made.prompt_id).description == "Better said"
    seen["prompt_listed"] = made.prompt_id in [one.prompt_id for one in client.prompts.list(active_only=False).prompts]
    return made.prompt_id


def run(client: Watched, index_id: str, video_id: str, prompt_id: str, key: str, seen: dict[str, Any]) -> str:
    asked = {"prompt_id": prompt_id, "target": {"type": "index", "index_id": index_id}}
    seen["estimated"] = client.prompt_runs.estimate(**asked).breakdown["media_seconds"] > 0
    started = client.prompt_runs.execute(**asked, idempotency_key=f"run-{key}")
    seen["run_started_once"] = client.prompt_runs.execute(**asked, idempotency_key=f"run-{key}").run_id == started.run_id
    ended = client.prompt_runs.wait_for_completion(started.run_id, poll_interval=0.3)
    seen["run"] = client.prompt_runs.retrieve(ended.run_id).model_dump(mode="json")
    page = client.prompt_runs.list_results(ended.run_id, video_id=video_id, limit=1)
    seen["results"] = [one.model_dump(mode="json") for one in page.auto_paging_iter()]
    seen["video_result"] = client.prompt_runs.get_video_result(ended.run_id, video_id).model_dump(mode="json")
    segments = client.videos.list_segments(video_id, limit=1).auto_paging_iter()
    of_run = client.videos.list_segments(video_id, run_id=ended.run_id).auto_paging_iter()
    seen["segments"] = [one.segment_id for one in segments]
    seen["segments_of_run"] = [one.model_dump(mode="json") for one in of_run]
    seen["batch_segments"] = [len(one.segments) for one in client.videos.batch_segments([video_id])]
    if client.has("videos.batch_segments_for_targets"):
        target = videovector.BatchVideoSegmentsTarget(video_id=video_id, run_id=ended.run_id)
        seen["batch_segments"] += [len(one.segments) for one in client.videos.batch_segments_for_targets([target])]
    seen["touching"] = [one.run_id for one in client.videos.list_prompt_runs(video_id)]
    seen["listed"] = ended.run_id in [one.run_id for one in client.prompt_runs.list()]
    seen["in_index_runs"] = [one.run_id for one in client.indexes.list_prompt_runs(index_id).auto_paging_iter()]
    seen["llm_models"] = sorted({one.model for one in client.prompt_runs.get_llm_calls(ended.run_id)})
    seen["usage"] = client.prompts.get_usage(prompt_id).model_dump(mode="json")
    seen["video_status"] = [client.videos.retrieve(video_id).status, client.videos.batch_status([video_id])[0].status]
    return ended.run_id


def failures(client: Watched, video_id: str, seen: dict[str, Any]) -> None:
    """A run for what cannot be seen, tried again in vain; and one that is stopped."""
    prompt_id = client.prompts.create(name="Unseen", prompt_text="Read the serial number.", json_schema=UNSEEN).prompt_id
    plain = {"enable_transcription": False, "enable_image_embedding": False}
    cut = {"video_segmentation_type": "fixed", "video_segment_duration": 300}
    asked = {"prompt_id": prompt_id, "target": {"type": "videos", "video_ids": [video_id]}, **plain, **cut}
    run_id = client.prompt_runs.execute(**asked).run_id
    try:
        client.prompt_runs.wait_for_completion(run_id, poll_interval=0.2)
    except ProcessingError as error:
        seen["failed_run"] = str(error)
    failed = client.prompt_runs.get_failed_segments(run_id)
    segment = failed.videos[0].segments[0]
    seen["failed_segment"] = segment.model_dump(mode="json")
    retry = client.prompt_runs.retry_segment(run_id, video_id, segment.segment_id)
    about = (run_id, video_id, segment.segment_id, retry.retry_id)
    ended = until(lambda: client.prompt_runs.get_segment_retry_status(*about), lambda said: said.status in TERMINAL)
    seen["retried"] = ended.status
    seen["cancelled"] = stopped(lambda: client.prompt_runs.execute(**asked).run_id, client.prompt_runs.cancel)


def search(client: Watched, index_id: str, video_id: str, run_id: str, words: str, seen: dict[str, Any]) -> None:
    found = client.search.text(index_id=index_id, query=words, run_ids=[run_id], search_fields=["headline"], top_k=3)
    seen["found"] = [one.model_dump(mode="json") for one in found]
    page = client.search.filter(index_id, conditions=FILTER, page_size=1, run_ids=[run_id])
    ways = {
        "image": client.search.image(index_id, image_data=PICTURE, top_k=3),
        "multimodal": client.search.multimodal(index_id, text_query=words, image_data=PICTURE, top_k=3),
        "multi_run": client.search.multi_run(query=words, run_ids=[run_id], aggregation="best"),
        "filter": page.results,
        "next": client.search.filter(
            index_id, conditions=FILTER, page_size=1, run_ids=[run_id], cursor=page.next_page_token
        ).results,
    }
    seen["ways"] = {name: {one.video_id for one in results} == {video_id} for name, results in ways.items()}
    outside = client.search.filter_playground(conditions=FILTER, run_ids=[run_id]).results  # others' runs have other fields
    seen["outside"] = [one.video_id for one in [*client.search.playground(query=words), *outside] if one.video_id == video_id]


def refusals(client: Watched, place: Place, index_id: str, key: str, seen: dict[str, Any]) -> None:
    def kind(call: Any, *arguments: Any, **named: Any) -> str:
        try:
            call(*arguments, **named)
        except (AuthenticationError, AuthorizationError, IdempotencyError, NotFoundError, ValidationError) as error:
            return type(error).__name__
        return "accepted"

    with opened(place.asynchronous, client.outcomes, api_key="sk_live_" + "0" * 48, base_url=place.base_url) as stranger:
        bad_key = kind(stranger.indexes.list)
    seen["refusals"] = {
        "missing index": kind(client.indexes.retrieve, "idx_" + "0" * 26),
        "empty name": kind(client.indexes.create, name=""),
        "reused key": kind(client.indexes.create, name="Other", idempotency_key=f"index-{key}"),
        "keys without a token": kind(client.api_keys.list),
        "empty query": kind(client.search.text, index_id=index_id, query="  "),
        "bad key": bad_key,
    }


def leave(client: Watched, index_id: str, video_id: str, prompt_id: str, words: str, seen: dict[str, Any]) -> None:
    client.videos.process(video_id, segment_duration=30, prompt_id=prompt_id)  # deleted while it is under way
    client.prompts.delete(prompt_id, force=True)
    client.videos.delete(video_id)
    seen["found_after_delete"] = len(client.search.text(index_id=index_id, query=words))
    try:
        client.videos.retrieve(video_id)
        seen["deleted_is_missing"] = False
    except NotFoundError:
        seen["deleted_is_missing"] = True
    client.indexes.delete(index_id)
    if client.has("videos.get_deletion"):
        asked = partial(client.videos.get_deletion, video_id), partial(client.indexes.get_deletion, index_id)
        seen["deletions"] = [until(ask, lambda said: said.status == "deleted").status for ask in asked]


def main() -> None:
    place = Place(**json.load(sys.stdin))
    outcomes: dict[str, list[str]] = {}
    seen: dict[str, Any] = {"outcomes": outcomes, "version": videovector.__version__}
    key = f"{videovector.__version__}-{place.asynchronous}"
    with opened(place.asynchronous, outcomes, api_key=place.api_key, base_url=place.base_url) as client:
        if client.has("authenticate"):
            seen["authenticated"] = client.authenticate()["acknowledged"]
        index = client.indexes.create(name="Tour", idempotency_key=f"index-{key}")
        again = client.indexes.create(name="Tour", idempotency_key=f"index-{key}")
        seen["index_created_once"] = index.index_id == again.index_id
        seen["index_listed"] = index.index_id in [one.index_id for one in client.indexes.list()]
        look_after_webhooks = around.webhooks(client, place, index.index_id)
        video_id = media(client, place.film, index.index_id, seen)
        prompt_id = prompt(client, seen)
        run_id = run(client, index.index_id, video_id, prompt_id, key, seen)
        look_after_webhooks(seen)
        failures(client, video_id, seen)
        search(client, index.index_id, video_id, run_id, place.words, seen)
        refusals(client, place, index.index_id, key, seen)
        around.exports(client, index.index_id, run_id, seen)
        around.keys(place, index.index_id, outcomes, seen)
        elsewhere = client.indexes.create(name="Imported").index_id
        uri = client.videos.retrieve(video_id).video_uri
        around.connectors(client, place, uri, elsewhere, seen)
        seen["imported_into"] = client.indexes.retrieve(elsewhere).name
        client.videos.create(title="Again", video_uri=uri, index_id=elsewhere)
        around.workflow(client, place, seen)
        around.counters(client, seen)
        leave(client, index.index_id, video_id, prompt_id, place.words, seen)
        seen["methods"] = client.methods()
    print(json.dumps(seen, default=str))


if __name__ == "__main__":
    main()
