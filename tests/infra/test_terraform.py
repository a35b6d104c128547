"""What would be deployed: planned by the real Terraform against the real provider's schema, without a cloud."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulators.faults import Faults
from emulators.pubsub.engine import Engine as PubSub
from emulators.pubsub.inprocess import publisher, subscriber
from emulators.runner import site as site_module
from emulators.runner.provision import Provision, jobs
from emulators.runner.site import Ports, Site
from emulators.storage import cors
from emulators.tasks import wire as tasks_wire
from emulators.tasks.engine import Engine as Tasks
from infra import gateway
from infra.manifests import ROOT, Http, Manifest, load_manifests
from infra.offline.schemas import CannotFetch
from infra.offline.workspace import Failed, Workspace, offline

pytestmark = pytest.mark.xdist_group("terraform")  # one plan serves all of them

MANIFESTS = load_manifests()
PROJECT = "demo-project"
PUBLIC = {"allUsers", "allAuthenticatedUsers"}
terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    try:
        with offline(tmp_path_factory.mktemp("terraform")) as ready:
            yield ready
    except CannotFetch as missing:
        pytest.skip(f"the provider's arguments cannot be had: {missing}")


@pytest.fixture(scope="module")
def plan(workspace: Workspace) -> dict[str, Any]:
    return workspace.plan(project_id=PROJECT)


def planned(plan: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Key of `for_each`, or the name, → the values."""
    changes = [one for one in plan["resource_changes"] if one["type"] == kind and one["mode"] == "managed"]
    return {f"{one['name']}/{one.get('index', '')}": one["change"]["after"] for one in changes}


def of(plan: dict[str, Any], kind: str, name: str) -> dict[str, dict[str, Any]]:
    return {key.partition("/")[2]: said for key, said in planned(plan, kind).items() if key.startswith(f"{name}/")}


@terraform
def test_the_files_are_formatted() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "infra/terraform"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_the_configuration_is_valid_by_the_providers_schema(workspace: Workspace) -> None:
    said = json.loads(workspace.run("validate", "-json").stdout)
    assert said["valid"], said["diagnostics"]
    assert said["warning_count"] == 0


def test_an_argument_that_the_provider_does_not_have_is_found(workspace: Workspace) -> None:
    wrong = workspace.folder / "infra" / "terraform" / "wrong.tf"
    wrong.write_text('resource "google_pubsub_topic" "wrong" {\n  name = "x"\n  surprise = 1\n}\n')
    try:
        with pytest.raises(Failed, match="surprise"):
            workspace.run("validate", "-no-color")
    finally:
        wrong.unlink()


def test_only_the_project_is_asked_for() -> None:
    text = (ROOT / "infra" / "terraform" / "variables.tf").read_text()
    blocks = text.split('variable "')[1:]
    assert [block.split('"')[0] for block in blocks if "default" not in block] == ["project_id"]


def test_a_project_id_that_cannot_be_one_is_refused_in_words(workspace: Workspace) -> None:
    with pytest.raises(Failed, match="not its name or number"):
        workspace.plan(project_id="My Project")


def test_every_check_of_the_plan_passes(plan: dict[str, Any]) -> None:
    failed = [one for one in plan.get("checks", []) if one["status"] == "fail"]
    assert failed == []
    assert {one["address"]["to_display"] for one in plan["checks"]} >= {"check.roles", "check.settings"}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_each_function_is_deployed_as_its_manifest_says(plan: dict[str, Any], manifest: Manifest) -> None:
    (build,), (service,) = (of(plan, "google_cloudfunctions2_function", "this")[manifest.name][one] for one in CONFIGS)
    assert build["entry_point"] == manifest.entry_point
    assert build["source"][0]["storage_source"][0]["object"] == f"{manifest.name}-000000000000.zip"
    assert service["available_memory"] == manifest.memory
    assert float(service["available_cpu"]) == manifest.cpu
    assert service["timeout_seconds"] == manifest.timeout
    assert service["max_instance_request_concurrency"] == manifest.concurrency
    assert (service["min_instance_count"], service["max_instance_count"]) == (manifest.min_instances, manifest.max_instances)
    assert {one["key"] for one in service["secret_environment_variables"] or ()} == set(manifest.secrets)


CONFIGS = ("build_config", "service_config")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_what_the_platform_would_refuse_is_not_asked_of_it(manifest: Manifest) -> None:
    assert manifest.concurrency == 1 or manifest.cpu >= 1
    longest = 3600 if any(isinstance(one, Http) for one in manifest.triggers) else 1800
    assert manifest.timeout <= (600 if list(manifest.topics()) else longest)
    assert len(f"vv-{manifest.name[:27]}") <= 30


def test_no_two_functions_share_an_account(plan: dict[str, Any]) -> None:
    accounts = [said["account_id"] for said in planned(plan, "google_service_account").values()]
    assert len(accounts) == len(set(accounts))


def test_every_role_of_a_manifest_is_bound_once_to_what_it_names(plan: dict[str, Any]) -> None:
    bound = [
        ("google_storage_bucket_iam_member", "function"),
        ("google_pubsub_topic_iam_member", "function"),
        ("google_kms_crypto_key_iam_member", "function"),
        ("google_service_account_iam_member", "signs_itself"),
        ("google_project_iam_member", "data"),
        ("google_project_iam_member", "models"),
    ]
    keys = {key for kind, name in bound for key in of(plan, kind, name)}
    queues = {f"{key.rpartition('/')[0]}" for key in of(plan, "google_cloud_tasks_queue_iam_member", "function")}
    assert keys | queues == {f"{one.name}/{role}" for one in MANIFESTS for role in one.roles}


def test_roles_on_the_whole_project_are_the_few_that_know_nothing_smaller(plan: dict[str, Any]) -> None:
    members = planned(plan, "google_project_iam_member")
    assert {said["role"] for said in members.values()} <= {
        "roles/datastore.user",
        "roles/aiplatform.user",
        "roles/logging.logWriter",
        "roles/storage.objectViewer",
    }
    confined = ("roles/datastore", "roles/storage")
    assert all(said["condition"] for said in members.values() if said["role"].startswith(confined))
    text = json.dumps(plan["resource_changes"])
    assert not {f'"roles/{one}"' for one in ("owner", "editor", "viewer", "storage.admin", "pubsub.admin")} & set(text.split(" "))


def test_nobody_may_call_a_function_but_the_gateway_and_the_caller(plan: dict[str, Any]) -> None:
    invoked = planned(plan, "google_cloud_run_v2_service_iam_member")
    assert {said["role"] for said in invoked.values()} == {"roles/run.invoker"}
    assert {key for key in invoked if key.startswith("invoked/")} == {f"invoked/{one.name}" for one in MANIFESTS}
    everywhere = json.dumps([change["change"]["after"] for change in plan["resource_changes"]])
    assert not any(f'"{member}"' in everywhere for member in PUBLIC)


def test_by_wish_the_functions_that_stream_are_public_and_no_other(workspace: Workspace) -> None:
    invoked = planned(workspace.plan(project_id=PROJECT, stream_directly=True), "google_cloud_run_v2_service_iam_member")
    streaming = json.loads((workspace.folder / "build" / "gateway.json").read_text())["streaming"]
    assert {key for key, said in invoked.items() if said.get("member") in PUBLIC} == {f"streams/{name}" for name in streaming}


def test_every_queue_goes_to_its_function_with_its_rates(plan: dict[str, Any]) -> None:
    queues = of(plan, "google_cloud_tasks_queue", "stage")
    wanted = {name: (manifest, queue) for manifest in MANIFESTS for name, queue in manifest.queues()}
    assert queues.keys() == wanted.keys()
    for name, (manifest, queue) in wanted.items():
        (rates,), (target,), (retry,) = (queues[name][one] for one in ("rate_limits", "http_target", "retry_config"))
        assert rates["max_dispatches_per_second"] == queue.max_dispatches_per_second
        assert rates["max_concurrent_dispatches"] == queue.max_concurrent_dispatches
        assert target["uri_override"][0]["path_override"][0]["path"] == f"/{manifest.name}"
        assert (retry["max_attempts"], retry["max_retry_duration"]) == (-1, "86400s")


def test_every_fact_is_pushed_with_five_attempts_and_a_place_for_what_is_given_up(plan: dict[str, Any]) -> None:
    pushed = of(plan, "google_pubsub_subscription", "push")
    wanted = {f"{one.name}-{topic.name}": topic for one in MANIFESTS for topic in one.topics()}
    assert pushed.keys() == wanted.keys()
    for name, topic in wanted.items():
        policies = pushed[name]["dead_letter_policy"]
        assert [one["max_delivery_attempts"] for one in policies] == ([5] if topic.dead_letter else [])
    counted = of(plan, "google_pubsub_subscription_iam_member", "counts_attempts")
    assert counted.keys() == {name for name, topic in wanted.items() if topic.dead_letter}
    assert of(plan, "google_pubsub_topic_iam_member", "sets_aside")
    assert of(plan, "google_pubsub_subscription", "dead_letters")


def test_only_originals_are_watched_and_only_finished_ones(plan: dict[str, Any]) -> None:
    (told,) = planned(plan, "google_storage_notification").values()
    assert (told["bucket"], told["object_name_prefix"]) == (f"{PROJECT}-originals", "media/")
    assert told["event_types"] == ["OBJECT_FINALIZE"]


def test_the_clock_calls_what_is_on_a_schedule(plan: dict[str, Any]) -> None:
    jobs = of(plan, "google_cloud_scheduler_job", "clock")
    assert {name: said["schedule"] for name, said in jobs.items()} == {
        one.name: schedule.cron for one in MANIFESTS for schedule in one.schedules()
    }


def test_every_index_that_queries_need_is_made(plan: dict[str, Any]) -> None:
    """The local database enforces the same file, so a query without its index fails the tests of that query."""
    said = json.loads((ROOT / "infra" / "firestore.indexes.json").read_text())
    indexes = of(plan, "google_firestore_index", "composite")
    assert len(indexes) == len(said["indexes"])
    wanted = [
        (one["collectionGroup"], one["queryScope"], [(field["fieldPath"], field.get("order")) for field in one["fields"]])
        for one in said["indexes"]
    ]
    made = [
        (one["collection"], one["query_scope"], [(field["field_path"], field["order"]) for field in one["fields"]])
        for one in indexes.values()
    ]
    assert sorted(made, key=str) == sorted(wanted, key=str)


def test_documents_that_expire_are_removed_by_the_database(plan: dict[str, Any]) -> None:
    said = json.loads((ROOT / "infra" / "firestore.indexes.json").read_text())["fieldOverrides"]
    fields = of(plan, "google_firestore_field", "override")
    assert len(fields) == len(said)
    assert {key for key, one in fields.items() if one["ttl_config"]} == {
        f"{one['collectionGroup']}/{one['fieldPath']}" for one in said if one.get("ttl")
    }


def test_secrets_are_in_neither_plan_nor_state(plan: dict[str, Any]) -> None:
    versions = of(plan, "google_secret_manager_secret_version", "this")
    assert versions.keys() == {"API_KEY_PEPPER", "CURSOR_KEY"}
    assert all(one.get("secret_data") is None and one.get("secret_data_wo") is None for one in versions.values())


def test_the_gateway_knows_every_path_with_its_function_and_deadline(workspace: Workspace, plan: dict[str, Any]) -> None:
    rendered = json.loads((workspace.folder / "build" / "gateway.json").read_text())["document"]
    assert rendered["paths"].keys() == gateway.owners(MANIFESTS).keys()
    (config,) = planned(plan, "google_api_gateway_api_config").values()
    assert config["api_config_id"].startswith("videovector-")


def test_what_is_made_for_a_local_run_is_made_in_the_cloud_and_nothing_else(plan: dict[str, Any], tmp_path: Path) -> None:
    """Topics, subscriptions, queues, the clock's calls, buckets: as the local runner makes them, and as Terraform plans them."""
    site = Site(tmp_path, Ports(*range(1, 11)))
    pubsub, tasks = PubSub(), Tasks()
    Provision(site, MANIFESTS).topics(pubsub)
    Provision(site, MANIFESTS).queues(tasks)
    here = f"projects/{site_module.PROJECT}"
    topics = {one.name.rpartition("/")[2] for one in publisher(pubsub).list_topics(request={"project": here})}
    assert topics == of(plan, "google_pubsub_topic", "facts").keys()

    pushed = of(plan, "google_pubsub_subscription", "push")
    local = {one.name.rpartition("/")[2]: one for one in subscriber(pubsub).list_subscriptions(request={"project": here})}
    assert local.keys() == pushed.keys()
    for name, one in local.items():
        said = pushed[name]
        (policy,) = said["dead_letter_policy"] or [{"max_delivery_attempts": 0}]
        assert one.dead_letter_policy.max_delivery_attempts == policy["max_delivery_attempts"]
        assert one.ack_deadline_seconds == said["ack_deadline_seconds"]
        assert one.filter == (said["filter"] or "")
        assert f"{one.retry_policy.maximum_backoff.seconds}s" == said["retry_policy"][0]["maximum_backoff"]

    path = f"/v2/{site_module.LOCATION}/queues"
    status, answer = tasks_wire.answer(tasks, Faults(), "GET", path, {"pageSize": "100"}, b"")
    assert status == 200
    planned_queues = of(plan, "google_cloud_tasks_queue", "stage")
    queues = {one["name"].rpartition("/")[2]: one["retryConfig"] for one in json.loads(answer)["queues"]}
    assert queues.keys() == planned_queues.keys()
    for name, retry in queues.items():
        (said,) = planned_queues[name]["retry_config"]
        assert (retry["maxRetryDuration"], retry["maxDoublings"]) == (said["max_retry_duration"], said["max_doublings"])

    assert {one.name: one.cron for one in jobs(site, MANIFESTS)} == {
        name: said["schedule"] for name, said in of(plan, "google_cloud_scheduler_job", "clock").items()
    }
    ends = {name.removeprefix(site_module.PROJECT) for name in (site_module.ORIGINALS, site_module.DERIVED)}
    buckets = of(plan, "google_storage_bucket", "media")
    assert {said["name"].removeprefix(PROJECT) for said in buckets.values()} == ends


def test_the_consoles_pages_may_upload_in_pieces_and_read_and_no_other_page_may(workspace: Workspace) -> None:
    """The planned rules, as the store keeps them: the console's origin is known once there is a gateway, a named one now."""
    named = "https://app.example.com"
    plan = workspace.plan(project_id=PROJECT, cors_origins=[named], export_days=30)
    removed = {kind: _removed(said) for kind, said in of(plan, "google_storage_bucket", "media").items()}
    assert removed == {"originals": [], "derived": [(30, ["exports/"])]}, "exports alone have an age, where one is given"
    for kind, method in (("originals", "PUT"), ("originals", "GET"), ("derived", "GET")):
        rules = [_as_stored(one) for one in of(plan, "google_storage_bucket", "media")[kind]["cors"]]
        assert [len(one["origin"]) for one in rules] == [2]
        allowed = cors.preflight(rules, named, method, ["content-range", "content-type"])
        assert allowed["Access-Control-Allow-Origin"] == named
        assert "Range" in cors.response(rules, named, method)["Access-Control-Expose-Headers"].split(", ")
        assert cors.preflight(rules, "https://elsewhere.example", method, []) == {}
        assert kind == "originals" or cors.preflight(rules, named, "PUT", []) == {}


def _removed(bucket: dict[str, Any]) -> list[tuple[int, list[str]]]:
    """Age in days and beginnings of the names of what a bucket removes by itself."""
    rules = [(rule["action"][0]["type"], rule["condition"][0]) for rule in bucket["lifecycle_rule"]]
    return [(said["age"], said["matches_prefix"]) for kind, said in rules if kind == "Delete"]


def _as_stored(rule: dict[str, Any]) -> dict[str, Any]:
    names = {"response_header": "responseHeader", "max_age_seconds": "maxAgeSeconds"}
    return {names.get(name, name): value for name, value in rule.items()}


def test_a_path_is_no_origin(workspace: Workspace) -> None:
    with pytest.raises(Failed, match="without a path"):
        workspace.plan(project_id=PROJECT, cors_origins=["https://app.example.com/"])


@pytest.mark.long
def test_a_second_plan_finds_nothing_to_do(workspace: Workspace) -> None:
    workspace.apply(project_id=PROJECT)
    assert workspace.at_rest(project_id=PROJECT), workspace.said
    state = json.loads(workspace.run("show", "-json").stdout)["values"]
    console = state["outputs"]["console_url"]["value"].removesuffix("/console")
    buckets = [
        one["values"] for one in state["root_module"]["resources"] if one["address"].startswith("google_storage_bucket.media")
    ]
    assert len(buckets) == 2
    assert all(one["cors"][0]["origin"] == [console] for one in buckets)
    changed = workspace.folder / "functions" / "pipeline" / "tick" / "function.yaml"
    said = yaml.safe_load(changed.read_text())
    changed.write_text(yaml.safe_dump({**said, "memory": "1Gi"}))
    changes = [
        one["address"] for one in workspace.plan(project_id=PROJECT)["resource_changes"] if one["change"]["actions"] != ["no-op"]
    ]
    assert changes == ['google_cloudfunctions2_function.this["tick"]']


@pytest.mark.long
def test_a_function_that_is_added_is_planned_with_all_it_needs(workspace: Workspace) -> None:
    """Last, since it changes what is planned."""
    folder = workspace.folder / "functions" / "pipeline" / "newcomer"
    folder.mkdir()
    said = yaml.safe_load((ROOT / "functions" / "pipeline" / "settle_run" / "function.yaml").read_text())
    (folder / "function.yaml").write_text(yaml.safe_dump({**said, "name": "newcomer", "entry_point": "newcomer"}))
    index = workspace.folder / "build" / "packages" / "index.json"
    before = index.read_text()
    index.write_text(json.dumps({**json.loads(before), "newcomer": "newcomer-0.zip"}))
    try:
        changes = workspace.plan(project_id=PROJECT)["resource_changes"]
    finally:
        shutil.rmtree(folder)
        index.write_text(before)
    kinds = {one["type"] for one in changes if str(one.get("index", "")).startswith("newcomer")}
    assert {
        "google_cloudfunctions2_function",
        "google_service_account",
        "google_cloud_tasks_queue",
        "google_cloud_run_v2_service_iam_member",
        "google_storage_bucket_iam_member",
        "google_cloud_tasks_queue_iam_member",
    } <= kinds
