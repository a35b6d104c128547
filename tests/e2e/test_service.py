"""The product as a service on one machine: it starts, is alone with its data, is restarted, and stops."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from infra.manifests import ROOT
from tests.e2e.stack import ROLES, Stack, alive, eventually, free_port, launch, output_file, run_with_client


def test_health_names_every_part_once_all_are_up(stack: Stack) -> None:
    answer = httpx.get(f"http://127.0.0.1:{stack.port}/health", trust_env=False)
    assert answer.status_code == 200
    assert {"firestore", "pubsub", "tasks", "storage", "identity", "vertex", "work"} <= answer.json()["parts"].keys()


def test_what_somebody_waits_for_goes_before_what_works_in_the_background(stack: Stack) -> None:
    steps = {role: os.getpriority(os.PRIO_PROCESS, pid) for role, pid in stack.children().items()}
    assert max(steps["api"], steps["cloud"]) < min(steps["work"], steps["models"])


def test_the_credentials_are_private_and_hold_an_admin_key(stack: Stack) -> None:
    file = stack.data_dir / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack.said.keys() == {"base_url", "api_key", "bearer_token", "console_url"}
    with stack.client() as client:
        index = client.post("/indexes", json={"name": "To be deleted"}).json()
        assert client.delete(f"/indexes/{index['index_id']}").status_code == 200


def test_an_unknown_path_gets_the_error_envelope(stack: Stack) -> None:
    for path in ("/", "/nowhere", "/api/v2/nowhere", "/api/v2"):
        answer = httpx.get(f"http://127.0.0.1:{stack.port}{path}", trust_env=False)
        assert answer.status_code == 404
        assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


def test_a_wrong_method_names_the_right_ones(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.patch("/indexes", json={})
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(",", " ").split())


def test_a_stage_takes_no_call_without_its_own_token(stack: Stack) -> None:
    port = eventually(lambda: work_port(stack), 5, "the work process listens")
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Bearer {stack.said['bearer_token']}"}):
        answer = httpx.post(f"http://127.0.0.1:{port}/plan-run", json={}, headers=headers, trust_env=False)
        assert answer.status_code == 403


def work_port(stack: Stack) -> int:
    environment = Path(f"/proc/{stack.children()['work']}/environ").read_bytes().decode()
    return int(environment.partition('"work": ')[2].partition(",")[0])


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "2.0.0"])
def test_the_published_client_makes_lists_and_deletes_an_index(stack: Stack, version: str) -> None:
    script = (
        "made = client.indexes.create(name=given['name'])\n"
        "listed = [one.index_id for one in client.indexes.list()]\n"
        "client.indexes.delete(made.index_id)\n"
        "answer = [made.name, made.index_id in listed, made.index_id in [one.index_id for one in client.indexes.list()]]"
    )
    assert run_with_client(version, stack, script, name=f"By {version}") == [f"By {version}", True, False]


def test_a_second_runner_on_the_same_data_is_refused_in_words(stack: Stack) -> None:
    command = [sys.executable, "-m", "emulators.runner", "serve", "--port", "0", "--data-dir", str(stack.data_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "another runner" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_refused_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        process = launch(tmp_path / "data", port)
        assert process.wait(30) == 1
    said = output_file(tmp_path / "data").read_text()
    assert str(port) in said
    assert "Traceback" not in said


def test_two_stacks_do_not_see_each_other(own_stack: Callable[..., Stack], stack: Stack) -> None:
    other = own_stack("other")
    with stack.client() as here, other.client() as there:
        name = "Only here"
        made = here.post("/indexes", json={"name": name}).json()
        assert there.get(f"/indexes/{made['index_id']}").status_code == 404
        assert name not in [one["name"] for one in there.get("/indexes").json()]
        assert there.get("/indexes", headers={"X-API-Key": stack.said["api_key"]}).status_code == 401


def test_each_process_that_is_killed_comes_back_and_the_data_with_it(own_stack: Callable[..., Stack]) -> None:
    stack = own_stack()
    with stack.client() as client:
        made = client.post("/indexes", json={"name": "Survivor"}).json()
        for role in ROLES:
            before = stack.children()[role]
            os.kill(before, signal.SIGKILL)
            eventually(lambda: healthy(stack) and stack.children().get(role) not in (None, before), 30, f"{role} is back")  # noqa: B023
            assert client.get(f"/indexes/{made['index_id']}").json()["name"] == "Survivor"


def healthy(stack: Stack) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{stack.port}/health", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_second_start_on_the_same_data_finds_everything(own_stack: Callable[..., Stack]) -> None:
    first = own_stack("kept")
    with first.client() as client:
        made = client.post("/indexes", json={"name": "Kept"}).json()
    key = first.said["api_key"]
    assert first.stop() < 6
    assert first.process.returncode == 0
    second = own_stack("kept", port=free_port())
    assert second.said["api_key"] == key
    with second.client() as client:
        assert client.get(f"/indexes/{made['index_id']}").json()["name"] == "Kept"


@pytest.mark.long
def test_children_end_when_the_supervisor_is_killed(own_stack: Callable[..., Stack]) -> None:
    stack = own_stack()
    children = stack.children()
    assert children.keys() == set(ROLES)
    stack.process.kill()
    stack.process.wait()
    eventually(lambda: not any(alive(pid) for pid in children.values()), 10, "no child is left")
    again = own_stack("data")  # the folder is free again at once
    assert healthy(again)
