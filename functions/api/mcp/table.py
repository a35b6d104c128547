"""Every tool: what it is for, which call of the API it makes, which arguments it takes, and what it honestly does.

What the arguments and answers look like is not written here: it comes from the routes themselves (`make openapi` writes
`tools.json`). In `takes`, `name!` is required and `name=value` has that default; all are fields of path, query or body.
"""

from collections.abc import Iterable
from functools import cache

from functions.api.mcp.tools import Tool, descriptions

_WIDER = "search_fields run_ids index_ids"
_RUN = (
    "prompt_id! target! video_segmentation_type video_segment_duration audio_segmentation_type audio_segment_duration "
    "processing_model enable_transcription enable_image_embedding"
)
_SEGMENT = "/prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}"

SEARCH = [
    Tool(
        "search_videos",
        "Search by words",
        "POST /indexes/{index_id}/search",
        f"query! index_id! top_k=10 {_WIDER}",
        "Finds moments in the media of an index by meaning, best first, with times, thumbnails and what was extracted there. "
        "Write what you look for as a plain sentence. list_indexes tells the ids.",
        wraps="results",
    ),
    Tool(
        "search_videos_by_image",
        "Search by picture",
        "POST /indexes/{index_id}/image-search",
        "image_data! index_id! top_k=10 run_ids index_ids",
        "Finds moments that look like a picture you give as base64, best first.",
        wraps="results",
    ),
    Tool(
        "multimodal_search",
        "Search by words and picture",
        "POST /indexes/{index_id}/multimodal-search",
        f"index_id! text_query image_data text_weight=0.5 image_weight=0.5 top_k=10 {_WIDER}",
        "Searches by words and by a picture at once and joins both rankings by their weights. Give at least one of text_query "
        "and image_data.",
        wraps="results",
    ),
    Tool(
        "filter_videos",
        "Filter by extracted values",
        "POST /search/filter/{index_id}",
        "index_id! conditions! page_size=50 cursor run_ids! index_ids",
        "Finds segments whose extracted fields meet one to four exact conditions, all of which must hold. Use it for values, "
        "ranges and lists; search_videos is for meaning. index_id may be `playground`.",
        items="results",
    ),
]
INDEXES = [
    Tool(
        "list_indexes",
        "List indexes",
        "GET /indexes",
        "include_defaults=true",
        "Lists the indexes, which are what media are collected in. Begin here: searches and runs want an index_id.",
        items="user_indexes",
    ),
    Tool(
        "get_index", "Look at an index", "GET /indexes/{index_id}", "index_id!", "Tells of one index and how many media it has."
    ),
    Tool(
        "create_index",
        "Create an index",
        "POST /indexes",
        "name!",
        "Creates an empty index to collect media in.",
        writes=True,
    ),
    Tool(
        "list_videos",
        "List media of an index",
        "GET /indexes/{index_id}/videos",
        "index_id! limit=50 cursor",
        "Lists videos, audio files and images of an index, newest first. For more, pass pagination.next_cursor as cursor.",
        items="data",
    ),
    Tool("get_video", "Look at a medium", "GET /videos/{video_id}", "video_id!", "Tells of one video, audio file or image."),
    Tool(
        "get_video_segments",
        "List segments of a medium",
        "GET /videos/{video_id}/segments",
        "video_id! run_id latest_run=false limit=50 cursor",
        "Lists the segments of a medium in order of time. With run_id, or latest_run, they carry what that run extracted.",
        items="data",
    ),
    Tool(
        "get_videos_status",
        "Look at the state of media",
        "POST /videos/batch/status",
        "video_ids!",
        "Tells for up to 100 media whether they are processed.",
        wraps="videos",
    ),
]
PROMPTS = [
    Tool(
        "list_prompts",
        "List prompts",
        "GET /prompts",
        "include_defaults=true active_only=true",
        "Lists the prompts that can be run over media: instructions together with the schema of what to extract.",
        items="prompts",
    ),
    Tool("get_prompt", "Look at a prompt", "GET /prompts/{prompt_id}", "prompt_id!", "Tells a prompt's text and schema."),
    Tool(
        "create_prompt",
        "Create a prompt",
        "POST /prompts",
        "name! description prompt_text! json_schema! video_level semantic_indexing",
        "Creates a prompt: what to look for in every segment, and a JSON Schema of type object for the answer. video_level adds "
        "an answer for each medium as a whole. Try the schema with test_prompt_schema first.",
        writes=True,
    ),
    Tool(
        "update_prompt",
        "Change a prompt",
        "PUT /prompts/{prompt_id}",
        "prompt_id! name description prompt_text json_schema video_level semantic_indexing clear_video_level=false",
        "Replaces the given parts of a prompt; the others stay. Runs that are done keep what they found.",
        writes=True,
        destructive=True,
        idempotent=True,
    ),
    Tool(
        "test_prompt_schema",
        "Try a schema",
        "POST /prompts/test-schema",
        "json_schema! sample_data!",
        "Tells whether a schema is one that prompts take, and whether the sample fits it. Saves nothing.",
    ),
    Tool(
        "get_prompt_usage",
        "See where a prompt is used",
        "GET /prompts/{prompt_id}/usage",
        "prompt_id!",
        "Tells how often a prompt was run, and whether it can be deleted without harm.",
    ),
]
RUNS = [
    Tool(
        "list_prompt_runs",
        "List runs",
        "GET /prompt-runs",
        "index_id video_id limit cursor",
        "Lists prompt runs, newest first: all, those over one index, or those that touched one medium. index_id and video_id "
        "exclude each other; cursor goes with index_id.",
        items="prompt_runs",
    ),
    Tool(
        "estimate_prompt_run",
        "Estimate a run",
        "POST /prompt-runs/estimate",
        _RUN,
        "Tells how many seconds, segments and tokens a run would take. Starts nothing.",
    ),
    Tool(
        "execute_prompt",
        "Run a prompt",
        "POST /prompt-runs/execute",
        _RUN,
        "Starts a run of a prompt over an index, over named media, or over the playground, and answers at once with its run_id. "
        "Follow it with get_prompt_run_status. It uses models, which may cost money: estimate_prompt_run tells how much.",
        writes=True,
    ),
    Tool(
        "get_prompt_run_status",
        "Look at a run",
        "GET /prompt-runs/{run_id}",
        "run_id!",
        "Tells a run's state and how far it is. It has ended when it is completed, completed_with_failures, failed or cancelled.",
    ),
    Tool(
        "cancel_prompt_run",
        "Cancel a run",
        "POST /prompt-runs/{run_id}/cancel",
        "run_id!",
        "Asks a run to stop. What it has found by then stays; work that has begun may still end.",
        writes=True,
        destructive=True,
        idempotent=True,
    ),
    Tool(
        "get_prompt_run_results",
        "Read results of a run",
        "GET /prompt-runs/{run_id}/results",
        "run_id! video_id! limit=50 cursor",
        "Reads what a run extracted from the segments of one medium, in order of time.",
        items="data",
    ),
    Tool(
        "get_prompt_run_video_result",
        "Read the result for a whole medium",
        "GET /prompt-runs/{run_id}/videos/{video_id}/video-result",
        "run_id! video_id!",
        "Reads what a run made of one medium as a whole. Only prompts with video_level have it, and it comes at the run's end.",
    ),
    Tool(
        "get_prompt_run_failed_segments",
        "See what failed in a run",
        "GET /prompt-runs/{run_id}/failed-segments",
        "run_id!",
        "Lists the segments of a run where something failed, why, and whether trying again can help.",
    ),
    Tool(
        "retry_prompt_run_segment",
        "Try a segment again",
        f"POST {_SEGMENT}/retry",
        "run_id! video_id! segment_id!",
        "Tries the failed parts of one segment of a run again; its new result replaces the old one. "
        "get_prompt_run_segment_retry_status follows it.",
        writes=True,
        destructive=True,
    ),
    Tool(
        "get_prompt_run_segment_retry_status",
        "Follow a retry",
        f"GET {_SEGMENT}/retries/{{retry_id}}",
        "run_id! video_id! segment_id! retry_id!",
        "Tells how a retry of a segment is going.",
    ),
]
_CONNECTOR = "scopes export_base_path import_mode"
_ONCE = "Credentials are stored sealed and never shown again. idempotency_key makes trying again safe."
CONNECTORS = [
    Tool(
        "create_gcs_connector",
        "Connect a Google Cloud Storage bucket",
        "POST /connectors/gcs",
        f"name! bucket! gcp_project_id! credentials_json! {_CONNECTOR} idempotency_key!",
        f"Connects a bucket by the JSON key of a service account, to import from or export to. {_ONCE}",
        writes=True,
        outside=True,
    ),
    Tool(
        "create_s3_connector",
        "Connect an S3 bucket",
        "POST /connectors/s3",
        f"name! bucket! region! aws_access_key_id! aws_secret_access_key! {_CONNECTOR} idempotency_key!",
        f"Connects an S3 bucket by an access key, to import from or export to. {_ONCE}",
        writes=True,
        outside=True,
    ),
    Tool(
        "create_azure_connector",
        "Connect an Azure container",
        "POST /connectors/azure",
        f"name! storage_account! container! tenant_id! client_id! client_secret! {_CONNECTOR} idempotency_key!",
        f"Connects an Azure Blob container by a service principal, to import from or export to. {_ONCE}",
        writes=True,
        outside=True,
    ),
    Tool("list_connectors", "List connectors", "GET /connectors", "", "Lists the connected buckets.", wraps="connectors"),
    Tool(
        "test_connector",
        "Test a connector",
        "POST /connectors/{connector_id}/test",
        "connector_id!",
        "Tries whether a connector's credentials still open its bucket.",
        writes=True,
        idempotent=True,
        outside=True,
    ),
    Tool(
        "browse_connector_files",
        "Browse a bucket",
        "POST /connectors/{connector_id}/browse",
        "connector_id! prefix pattern recursive limit=200",
        "Lists files in a connected bucket below a prefix, by a pattern such as `*.{mp4,mov}`.",
        wraps="files",
        outside=True,
    ),
]
IMPORTS = [
    Tool(
        "create_import_job",
        "Import media",
        "POST /import-jobs",
        "connector_id! index_id! source_prefix file_pattern recursive",
        "Starts copying media from a connected bucket into an index, and answers at once with the job_id. browse_connector_files "
        "shows beforehand what is there; get_import_job follows it.",
        writes=True,
        outside=True,
    ),
    Tool(
        "list_import_jobs",
        "List import jobs",
        "GET /import-jobs",
        "status",
        "Lists import jobs, newest first, of one status where you name it.",
        wraps="import_jobs",
    ),
    Tool("get_import_job", "Look at an import job", "GET /import-jobs/{job_id}", "job_id!", "Tells how an import job is going."),
    Tool(
        "cancel_import_job",
        "Cancel an import job",
        "POST /import-jobs/{job_id}/cancel",
        "job_id!",
        "Stops an import job. What it has imported by then stays.",
        writes=True,
        destructive=True,
        idempotent=True,
    ),
]
_DELIVERED = "destination_connector_id destination_subpath"
EXPORTS = [
    Tool(
        "export_index_metadata",
        "Export an index",
        "POST /exports/index/{index_id}",
        f"index_id! prompt_run_ids {_DELIVERED}",
        "Starts writing everything that runs extracted over an index into a file, for download or into a connected bucket. "
        "get_export_status follows it.",
        writes=True,
        outside=True,
    ),
    Tool(
        "export_prompt_run",
        "Export a run",
        "POST /exports/prompt-run/{run_id}",
        f"run_id! {_DELIVERED}",
        "Starts writing the results of one run into a file, for download or into a connected bucket.",
        writes=True,
        outside=True,
    ),
    Tool("get_export_status", "Look at an export", "GET /exports/{export_id}", "export_id!", "Tells how an export is going."),
    Tool(
        "get_export_download_url",
        "Get an export's address",
        "POST /exports/{export_id}/download-url",
        "export_id!",
        "Makes a short-lived address from which a finished export can be downloaded without a credential: hand it on with care.",
    ),
]
WEBHOOKS = [
    Tool(
        "create_webhook",
        "Create a webhook",
        "POST /webhooks",
        "name! url! events! index_ids metadata",
        "Has events sent to an https address. The answer shows the signing secret, this one time only.",
        writes=True,
        outside=True,
    ),
    Tool("list_webhooks", "List webhooks", "GET /webhooks", "", "Lists the webhooks.", wraps="webhooks"),
    Tool("get_webhook", "Look at a webhook", "GET /webhooks/{webhook_id}", "webhook_id!", "Tells of one webhook."),
    Tool(
        "update_webhook",
        "Change a webhook",
        "PATCH /webhooks/{webhook_id}",
        "webhook_id! name url events index_ids status metadata",
        "Changes the given parts of a webhook; the others stay.",
        writes=True,
        destructive=True,
        idempotent=True,
        outside=True,
    ),
    Tool(
        "list_webhook_events",
        "List kinds of events",
        "GET /webhooks/events",
        "",
        "Lists the events that a webhook can be told of.",
        wraps="events",
    ),
    Tool(
        "test_webhook",
        "Test a webhook",
        "POST /webhooks/{webhook_id}/test",
        "webhook_id!",
        "Sends a test event to a webhook's address and tells how it was answered.",
        writes=True,
        outside=True,
    ),
    Tool(
        "list_webhook_deliveries",
        "List deliveries of a webhook",
        "GET /webhooks/{webhook_id}/deliveries",
        "webhook_id! status limit=50",
        "Lists what was sent to a webhook, newest first, with attempts and answers.",
        wraps="deliveries",
    ),
]
ASK = Tool(
    "ask_library",
    "Ask the library",
    "POST /chat/sessions/{session_id}/turns",
    "question! index_ids prompt_run_ids session_id",
    "Asks a question about the media in plain words. An agent searches, filters and queries on its own and answers with "
    "citations: media, segment, times. Takes seconds to a minute. Pass on its session_id to ask on in the same conversation.",
    writes=True,
)
_GROUPS = {
    "Search": [*SEARCH, ASK],
    "Indexes and media": INDEXES,
    "Prompts": PROMPTS,
    "Prompt runs": RUNS,
    "Connectors": CONNECTORS,
    "Imports": IMPORTS,
    "Exports": EXPORTS,
    "Webhooks": WEBHOOKS,
}
TOOLS: dict[str, Tool] = {tool.name: tool for group in _GROUPS.values() for tool in group}
CATEGORIES: dict[str, str] = {tool.name: name for name, group in _GROUPS.items() for tool in group}

_LADDER = ("public", "search", "read", "write", "admin")


def offered(scopes: Iterable[str]) -> tuple[str, ...]:
    """Names of the tools whose calls these scopes allow, always in the same order."""
    return _up_to(max((_LADDER.index(scope) for scope in scopes if scope in _LADDER), default=0))


@cache
def _up_to(rank: int) -> tuple[str, ...]:
    return tuple(name for name in TOOLS if _LADDER.index(descriptions()[name].scope) <= rank)
