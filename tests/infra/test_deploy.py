"""How a project is brought up and taken down: which commands, in which order, with what."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from infra import deploy
from infra.deploy import CannotDeploy, Deployment
from infra.manifests import load_manifests
from infra.offline.schemas import CannotFetch, fetch
from infra.package import write_index

OUTPUTS = {"base_url": {"value": "https://x/api/v2"}, "gateway": {"value": "projects/p/locations/l/gateways/g"}}


class Terminal:
    """Takes down what is called; what is `absent` fails."""

    def __init__(self, absent: str = "nothing") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.environments: list[dict[str, str]] = []
        self._absent = absent

    def __call__(self, *command: str, env: dict[str, str] | None = None, quiet: bool = False) -> str:
        self.calls.append(command)
        self.environments.append(env or {})
        if self._absent in " ".join(command):
            raise CannotDeploy("not found")
        return json.dumps(OUTPUTS) if "output" in command else "token\n"

    def verbs(self) -> list[str]:
        return [next(word for word in call[1:] if not word.startswith("-")) for call in self.calls if call[0] == "terraform"]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path on which nothing is but the two tools."""
    for name in ("terraform", "gcloud"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def deployment(terminal: Terminal, *more: str, build: Callable[[], None] = lambda: None) -> Deployment:
    return Deployment("demo-project", "europe-west1", more, terminal, build)


def test_the_bucket_of_the_state_is_made_versioned_before_terraform_begins(tools: Path) -> None:
    terminal = Terminal(absent="buckets describe")
    deployment(terminal).begin()
    said = [" ".join(call) for call in terminal.calls]
    made = next(n for n, text in enumerate(said) if "buckets create gs://demo-project-terraform-state" in text)
    assert "--public-access-prevention" in said[made]
    assert "--versioning" in said[made + 1]
    assert said[-1].startswith("terraform") and "init" in said[-1]


def test_a_bucket_that_is_there_is_left_alone(tools: Path) -> None:
    terminal = Terminal()
    deployment(terminal).begin()
    assert not any("create" in call for call in terminal.calls)


def test_a_tool_that_is_missing_is_named_with_its_cure(tools: Path) -> None:
    (tools / "terraform").unlink()
    with pytest.raises(CannotDeploy, match=r"terraform is not installed: install Terraform 1\.11"):
        deployment(Terminal()).begin()


def test_applying_asks_unless_told_not_to_and_says_where_the_product_is() -> None:
    terminal = Terminal()
    outputs = deployment(terminal, "-var=alert_email=a@b.c").apply(yes=False)
    assert outputs["base_url"] == "https://x/api/v2"
    assert "-auto-approve" not in terminal.calls[0]
    assert {"-var=project_id=demo-project", "-var=region=europe-west1", "-var=alert_email=a@b.c"} <= set(terminal.calls[0])
    deployment(terminal).apply(yes=True)
    assert any("-auto-approve" in call for call in terminal.calls)


def test_secrets_are_made_up_anew_each_time_and_stand_in_no_command() -> None:
    terminal = Terminal()
    deployment(terminal).plan()
    deployment(terminal).plan()
    first, second = ({**one} for one in terminal.environments)
    assert first.keys() == {"TF_VAR_api_key_pepper", "TF_VAR_cursor_key"}
    assert not set(first.values()) & set(second.values())
    assert all(len(one) >= 64 for one in first.values())
    assert not any(secret in " ".join(call) for call in terminal.calls for secret in first.values())


def test_taking_down_lifts_the_protection_first() -> None:
    terminal = Terminal()
    deployment(terminal).destroy(yes=True)
    assert terminal.verbs() == ["apply", "output", "destroy"]
    assert all("-var=deletion_protection=false" in call for call in terminal.calls if {"apply", "destroy"} & set(call))


def test_streaming_is_asked_of_the_gateway_and_a_refusal_is_told() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(400, text="no such field") if len(asked) == 1 else httpx.Response(200, json={})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    assert deployment(Terminal()).stream("projects/p/locations/l/gateways/g", http) == "no such field"
    assert deployment(Terminal()).stream("projects/p/locations/l/gateways/g", http) == ""
    assert asked[0].url == "https://apigateway.googleapis.com/v1/projects/p/locations/l/gateways/g?updateMask=streamingMode"
    assert json.loads(asked[0].content) == {"streamingMode": "STREAMING_MODE_ENABLED"}
    assert asked[0].headers["Authorization"] == "Bearer token"


def test_without_a_project_nothing_is_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deploy.main(["apply"])
    assert "make deploy PROJECT=" in capsys.readouterr().err


def test_the_index_names_the_zip_of_every_function(tmp_path: Path) -> None:
    some = load_manifests()[:2]
    said = json.loads(write_index(some, tmp_path).read_text())
    assert said.keys() == {one.name for one in some}
    assert all((tmp_path / name).is_file() for name in said.values())


@pytest.mark.parametrize(("status", "told"), [(200, True), (404, False), (403, False)])
def test_an_identity_platform_that_runs_already_is_taken_over_since_it_starts_only_once(status: int, told: bool) -> None:
    asked: list[httpx.Request] = []
    http = httpx.Client(transport=httpx.MockTransport(lambda request: (asked.append(request), httpx.Response(status))[1]))
    terminal = Terminal()
    begun = deployment(terminal)
    begun.take_over(http)
    begun.apply(yes=True)
    assert asked[0].url.path == "/admin/v2/projects/demo-project/config"
    assert any("-var=identity_platform_exists=true" in call for call in terminal.calls) is told


def test_planning_without_terraform_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert deploy.main(["plan"]) == 1
    assert "terraform is not installed: install Terraform 1.11" in capsys.readouterr().err


def test_planning_without_npm_says_what_it_is_needed_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotFetch, match="npm is not installed, which fetches the provider's arguments"):
        fetch(tmp_path / "cache")
