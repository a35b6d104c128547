"""The MCP endpoint: tools as the API allows them, errors that can be mended, and nothing that gets around the API."""

import json
from typing import Any

import jsonschema_rs
import pytest

from functions.api.mcp.results import MOST_BYTES
from functions.api.mcp.table import TOOLS
from functions.api.mcp.tools import descriptions
from shared.domain.limits import Category
from shared.http.routes import Scope
from tests.api.mcp_world import Mcp
from tests.api.test_indexes import an_index, put_video, tenant_of
from tests.api.world import World
from tests.contract.families import ROUTES

BY_ID = {route.id: route for route in ROUTES}
LADDER = [Scope.PUBLIC, Scope.SEARCH, Scope.READ, Scope.WRITE, Scope.ADMIN]
THE_48 = set(
    """
search_videos search_videos_by_image multimodal_search filter_videos list_indexes get_index list_prompts get_video
get_video_segments list_prompt_runs estimate_prompt_run execute_prompt get_prompt_run_status cancel_prompt_run
get_prompt_run_results get_prompt_run_video_result get_prompt_run_failed_segments retry_prompt_run_segment
get_prompt_run_segment_retry_status create_prompt get_prompt update_prompt test_prompt_schema get_prompt_usage
create_gcs_connector create_s3_connector create_azure_connector list_connectors test_connector browse_connector_files
create_import_job list_import_jobs get_import_job cancel_import_job create_index list_videos get_videos_status
export_index_metadata export_prompt_run get_export_status get_export_download_url create_webhook list_webhooks get_webhook
update_webhook list_webhook_events test_webhook list_webhook_deliveries
""".split()  # noqa: SIM905
)


@pytest.fixture
def mcp(world: World) -> Mcp:
    return Mcp(world)


def test_the_tools_that_the_ecosystem_knows_are_there_and_one_more() -> None:
    assert set(TOOLS) == THE_48 | {"ask_library"} and len(THE_48) == 48


@pytest.mark.parametrize("modern", [True, False], ids=["2026-07-28", "2025-11-25"])
@pytest.mark.parametrize("scope", LADDER[1:])
def test_a_key_is_offered_the_tools_whose_calls_its_scope_allows(world: World, mcp: Mcp, scope: Scope, modern: bool) -> None:
    allowed = [name for name, tool in TOOLS.items() if LADDER.index(BY_ID[tool.calls].scope) <= LADDER.index(scope)]
    assert [tool["name"] for tool in mcp.tools(world.as_key(scope), modern)] == allowed
    assert len(allowed) == {Scope.SEARCH: 8, Scope.READ: 31}.get(scope, 49)


def test_every_tool_says_what_it_takes_answers_and_does(world: World, mcp: Mcp) -> None:
    for tool in mcp.tools(world.as_owner()):
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            assert schema["type"] == "object" and "$ref" not in json.dumps(schema)
            jsonschema_rs.meta.validate(schema)
        hints, known = tool["annotations"], TOOLS[tool["name"]]
        assert hints["readOnlyHint"] is not known.writes and tool["title"] and tool["description"]
        assert all(
            one.get("description") or one.get("enum") or "type" in one for one in tool["inputSchema"]["properties"].values()
        )
        if known.method == "GET":
            assert hints["readOnlyHint"] and not hints["destructiveHint"]


def test_a_tool_beyond_the_scope_is_refused_by_the_api_itself(world: World, mcp: Mcp) -> None:
    said = mcp.refusal("create_index", {"name": "Mine"}, world.as_key("read"))
    assert said.startswith("insufficient_scope") and "scope write" in said
    assert world.call("GET", "/indexes", headers=world.as_owner()).json == []


def test_another_tenants_things_are_as_good_as_none(world: World, mcp: Mcp) -> None:
    theirs = an_index(world, "theirs", sub="bob")["index_id"]
    said = mcp.refusal("get_index", {"index_id": theirs}, world.as_owner("ada"))
    nothing = mcp.refusal("get_index", {"index_id": "idx_nothing"}, world.as_owner("ada"))
    assert (
        said.splitlines()[:2]
        == nothing.splitlines()[:2]
        == ["index_not_found: there is no such index", "Check the id with list_indexes."]
    )
    listed = mcp.call("list_indexes", {}, world.as_owner("ada"))["structuredContent"]
    assert listed == {"total_indexes": 0, "user_indexes": [], "default_indexes": []}


def test_what_a_tool_does_is_charged_once(world: World, mcp: Mcp) -> None:
    headers = world.as_key("read")
    before = world.call("GET", "/rate-limit/status", headers=headers).json
    mcp.call("list_indexes", {}, headers)
    after = world.call("GET", "/rate-limit/status", headers=headers).json
    assert _left(before) - _left(after) == 1


def _left(status: dict[str, Any]) -> int:
    return status["categories"][Category.READ.value]["hour_remaining"]


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("get_index", {}, "index_id is required"),
        ("get_index", {"index_id": "idx_x", "colour": 1}, "colour is not an argument of get_index"),
        ("get_index", {"index_id": "../../api-keys"}, "index_id must be an id"),
        ("get_index", {"index_id": ".."}, "index_id must be an id"),
        ("get_index", {"index_id": ["idx_x"]}, "index_id must be an id"),
        ("get_index", {"index_id": "x" * 1_000_000}, "index_id must be an id"),
        ("get_index", {"index_id": None}, "index_id is required"),
        ("create_index", {"name": 3}, "name: "),
        ("create_index", {"name": "x" * 1_000_000}, "name: "),
        ("create_index", {"name": "nul\0"}, "NUL"),
        ("create_index", {"name": "half \ud800"}, "JSON"),
        ("list_videos", {"index_id": "idx_x", "limit": "many"}, "limit"),
        ("list_videos", {"index_id": "idx_x", "limit": {"a": 1}}, "limit must be"),
        ("list_videos", {"index_id": "idx_x", "cursor": "x" * 1_000_000}, "cursor is too long"),
        ("filter_videos", {"index_id": "idx_x", "conditions": [{}], "run_ids": []}, "run_ids must not be empty"),
        ("execute_prompt", {"prompt_id": "prm_x", "target": "all"}, "target"),
        ("execute_prompt", {"prompt_id": "prm_x", "target": {"type": "everything"}}, "target"),
        ("list_prompt_runs", {"index_id": "idx_x", "video_id": "vid_x"}, "goes without index_id"),
        ("create_index", {"name": "A", "idempotency_key": "two words"}, "idempotency_key must be"),
        ("ask_library", {"question": 7}, "question:"),
        ("ask_library", {"question": "x", "index_ids": "all"}, "validation_failed: index_ids:"),
        ("ask_library", {"question": "x", "session_id": "ses_none"}, "without session_id it begins a new conversation"),
        ("get_export_status", {"export_id": "exp_none"}, "what export_prompt_run or export_index_metadata answered"),
    ],
)
def test_arguments_that_cannot_be_are_refused_in_words_that_help(
    world: World, mcp: Mcp, tool: str, arguments: Any, says: str
) -> None:
    said = mcp.refusal(tool, arguments, world.as_owner())
    assert says in said and len(said) < 4_100, said


def test_a_call_of_a_tool_that_writes_carries_a_key_of_its_own(world: World, mcp: Mcp) -> None:
    headers = world.as_owner()
    for _ in range(2):
        mcp.call("create_index", {"name": "The same"}, headers)
    keys = [sent.get("Idempotency-Key") for method, _, sent in mcp.calls if method == "POST"]
    assert len(set(keys)) == 2 and all(keys)
    assert len(world.call("GET", "/indexes", headers=headers).json) == 2


@pytest.mark.parametrize("by_header", [True, False])
def test_a_call_that_is_named_is_done_once(world: World, mcp: Mcp, by_header: bool) -> None:
    headers, arguments = world.as_owner(), {"name": "Once"}
    if by_header:
        headers = {**headers, "Idempotency-Key": "again"}
    else:
        arguments["idempotency_key"] = "again"
    first, second = (mcp.call("create_index", arguments, headers)["structuredContent"] for _ in range(2))
    assert first == second


def test_a_read_is_sent_without_a_key(world: World, mcp: Mcp) -> None:
    mcp.call("list_indexes", {}, {**world.as_owner(), "Idempotency-Key": "again"})
    assert all("Idempotency-Key" not in sent for _, _, sent in mcp.calls)


def test_a_whole_number_may_be_written_as_a_fraction(world: World, mcp: Mcp) -> None:
    index = an_index(world, "films")["index_id"]
    assert not mcp.call("list_videos", {"index_id": index, "limit": 2.0}, world.as_owner())["isError"]


def test_a_long_answer_is_cut_to_what_a_model_can_take_and_says_how_to_get_the_rest(world: World, mcp: Mcp) -> None:
    index = an_index(world, "films")["index_id"]
    tenant = tenant_of(world)
    for n in range(100):
        put_video(world, tenant, index, f"{n} " + "x" * 4_000)
    result = mcp.call("list_videos", {"index_id": index, "limit": 100}, world.as_owner())
    answer = result["structuredContent"]
    assert len(result["content"][0]["text"].encode()) <= MOST_BYTES
    assert answer["omitted"] == 100 - len(answer["data"]) > 0 and f"limit={len(answer['data'])}" in answer["note"]
    assert jsonschema_rs.is_valid(descriptions()["list_videos"].answer, answer)


def test_protocol_errors_are_json_rpc_errors(world: World, mcp: Mcp) -> None:
    owner = world.as_owner()
    unknown = mcp.speak("tools/call", {"name": "drop_everything", "arguments": {}}, owner).json()["error"]
    assert unknown["code"] == -32602 and "no tool" in unknown["message"]
    assert mcp.speak("resources/list", {}, owner).json()["error"]["code"] == -32601
    for body in (b"{", b"[]", b'{"jsonrpc":"2.0"}', b"[" * 100_000, b"null"):
        for headers in (owner, {**owner, "MCP-Protocol-Version": "2026-07-28"}):
            answer = mcp.ask("POST", "/mcp", body, {**headers, "Accept": "application/json"})
            assert 400 <= answer.status_code < 500 and "error" in answer.json(), (body[:20], answer.text)


def test_only_posts_of_json_with_a_credential_get_in(world: World, mcp: Mcp) -> None:
    owner = world.as_owner()
    refused = mcp.ask("GET", "/mcp", headers=owner)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "OPTIONS, POST")
    assert mcp.ask("DELETE", "/mcp", headers=owner).status_code == 405
    assert mcp.ask("POST", "/mcp", b"{}", {**owner, "Content-Type": "text/plain"}).status_code == 415
    missing = mcp.ask("POST", "/mcp", b"{}")
    assert missing.status_code == 401 and missing.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "api.test.evil.example"}, 421),
        ({"Host": "api.test@evil.example"}, 421),
        ({"Host": "f-abc-uc.a.run.app"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://api.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "https://api.test"}, 200),
        ({"Host": "API.test:443"}, 200),
    ],
)
def test_a_page_that_was_led_here_is_turned_away(world: World, mcp: Mcp, headers: dict[str, str], status: int) -> None:
    assert mcp.speak("tools/list", {}, {**world.as_owner(), **headers}).status_code == status


def test_behind_a_gateway_the_functions_own_name_and_the_moved_credential_do(world: World) -> None:
    moved = {"Host": "f-abc-uc.a.run.app", "X-Forwarded-Authorization": world.as_owner()["Authorization"]}
    other = Mcp(World(**{**world.__dict__, "settings": world.settings}), forwarded=True)
    answer = other.speak("tools/list", {}, {**moved, "Authorization": moved["X-Forwarded-Authorization"]})
    assert answer.status_code == 200


def test_the_playground_calls_a_tool_with_the_callers_own_rights(world: World, mcp: Mcp) -> None:
    reader = world.as_key("read")
    body = {"tool_name": "create_index", "arguments": {"name": "Mine"}}
    refused = mcp.ask("POST", "/api/v2/mcp/playground", body, reader).json()
    assert (refused["success"], refused["result"]) == (False, None) and "insufficient_scope" in refused["error"]
    done = mcp.ask("POST", "/api/v2/mcp/playground", body, world.as_key("write")).json()
    assert done["success"] and done["result"]["name"] == "Mine" and done["error"] is None
    unknown = mcp.ask("POST", "/api/v2/mcp/playground", {"tool_name": "none"}, reader)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (422, "validation_failed")


def test_status_and_list_tell_a_key_its_own_tools(world: World, mcp: Mcp) -> None:
    reader = world.as_key("read")
    status = mcp.ask("GET", "/api/v2/mcp/status", headers=reader).json()
    assert (status["url"], status["tools"], status["tools_in_all"]) == ("https://api.test/mcp", 31, 49)
    assert {"2026-07-28", "2025-11-25"} <= set(status["protocol_versions"])
    listed = mcp.ask("GET", "/api/v2/mcp/tools", headers=reader).json()
    assert [one["name"] for one in listed["tools"]] == [one["name"] for one in mcp.tools(reader)]


@pytest.mark.parametrize("platform", ["claude-desktop", "claude-code", "cursor", "vscode", "generic"])
def test_a_configuration_names_the_endpoint_and_never_a_secret(world: World, mcp: Mcp, platform: str) -> None:
    owner = world.as_owner()
    said = mcp.ask("GET", f"/api/v2/mcp/config?platform={platform}", headers=owner)
    (block,) = said.json()["clients"]
    assert block["platform"] == platform and "https://api.test/mcp" in json.dumps(block["content"])
    assert owner["Authorization"].removeprefix("Bearer ") not in said.text
    assert world.as_key("read")["X-API-Key"] not in said.text
    refused = mcp.ask("GET", "/api/v2/mcp/config", headers=world.as_key("admin"))
    assert refused.json()["error"]["code"] == "jwt_required"
    assert mcp.ask("GET", "/api/v2/mcp/config?platform=none", headers=owner).status_code == 422
