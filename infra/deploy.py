"""`make deploy`, `make destroy`, `make plan`: a Google Cloud project to a working product, and back.

Terraform does the work, with the real provider and the caller's own credentials (`gcloud auth application-default login`). Around
it stands what it cannot do itself: the bucket of its state, made before it; the packages and the gateway's document, built first;
and the gateway's streaming, which the provider has no argument for.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from infra import gateway, package
from infra.manifests import ROOT, load_manifests
from infra.offline.schemas import CannotFetch
from infra.offline.workspace import Failed, offline

TERRAFORM = ROOT / "infra" / "terraform"
_SECRETS = ("api_key_pepper", "cursor_key")
_GATEWAYS = "https://apigateway.googleapis.com/v1"
_FIRST_SERVICES = ("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com", "storage.googleapis.com")
_IDENTITY = "https://identitytoolkit.googleapis.com/admin/v2"
_TOOLS = {
    "terraform": "install Terraform 1.11 or later: https://developer.hashicorp.com/terraform/install",
    "gcloud": "install the Google Cloud CLI, then `gcloud auth login` and `gcloud auth application-default login`",
}


class CannotDeploy(Exception):
    """What is missing, and how to mend it."""


Run = Callable[..., str]


def run(*command: str, env: Mapping[str, str] | None = None, quiet: bool = False) -> str:
    """The command's output if `quiet`, else it talks to the terminal. Raises `CannotDeploy` when it fails."""
    done = subprocess.run(command, env={**os.environ, **(env or {})}, text=True, capture_output=quiet, check=False)
    if done.returncode:
        raise CannotDeploy(f"`{' '.join(command[:4])} …` failed{': ' + done.stderr.strip() if quiet else ''}")
    return done.stdout or ""


def build() -> None:
    """Everything that Terraform reads besides the manifests."""
    package.write_index(load_manifests())
    gateway.write()


class Deployment:
    """One project; `run` is how commands are called, `build` what is done before Terraform begins."""

    def __init__(
        self, project: str, region: str, more: Sequence[str] = (), run: Run = run, build: Callable[[], None] = build
    ) -> None:
        self._project = project
        self._run = run
        self._build = build
        self._chdir = f"-chdir={TERRAFORM}"
        self._vars = [f"-var=project_id={project}", f"-var=region={region}", *more]

    def begin(self) -> None:
        """Looks for the tools, makes the bucket of the state, builds, and initialises Terraform."""
        for tool, cure in _TOOLS.items():
            if shutil.which(tool) is None:
                raise CannotDeploy(f"{tool} is not installed: {cure}")
        self._run("gcloud", "services", "enable", *_FIRST_SERVICES, "--project", self._project)
        self._state_bucket()
        self._build()
        self._run("terraform", self._chdir, "init", "-input=false", "-reconfigure", f"-backend-config=bucket={self.bucket}")

    @property
    def bucket(self) -> str:
        return f"{self._project}-terraform-state"

    def take_over(self, http: httpx.Client) -> None:
        """Tells Terraform of an Identity Platform that runs in the project already: it can be started once only."""
        answer = http.get(f"{_IDENTITY}/projects/{self._project}/config", headers=self._credential())
        if answer.is_success:
            self._vars.append("-var=identity_platform_exists=true")

    def _credential(self) -> dict[str, str]:
        token = self._run("gcloud", "auth", "print-access-token", quiet=True).strip()
        return {"Authorization": f"Bearer {token}", "X-Goog-User-Project": self._project}

    def _state_bucket(self) -> None:
        address = f"gs://{self.bucket}"
        try:
            self._run("gcloud", "storage", "buckets", "describe", address, "--project", self._project, quiet=True)
        except CannotDeploy:
            flags = ("--uniform-bucket-level-access", "--public-access-prevention")
            self._run("gcloud", "storage", "buckets", "create", address, "--project", self._project, *flags)
            self._run("gcloud", "storage", "buckets", "update", address, "--versioning")

    def plan(self) -> None:
        self._run("terraform", self._chdir, "plan", "-input=false", *self._vars, env=_made_up())

    def apply(self, yes: bool) -> dict[str, Any]:
        """Asks before it changes anything unless `yes`; the outputs."""
        approve = ["-auto-approve"] if yes else []
        self._run("terraform", self._chdir, "apply", *approve, *self._vars, env=_made_up())
        said = json.loads(self._run("terraform", self._chdir, "output", "-json", quiet=True))
        return {name: one["value"] for name, one in said.items()}

    def destroy(self, yes: bool) -> None:
        """Takes the protection away, then everything. Twice Terraform asks, unless `yes`."""
        self._vars.append("-var=deletion_protection=false")
        self.apply(yes)
        approve = ["-auto-approve"] if yes else []
        self._run("terraform", self._chdir, "destroy", *approve, *self._vars, env=_made_up())

    def stream(self, name: str, http: httpx.Client) -> str:
        """Asks for streaming at the gateway, which its provider cannot; why not, where it is refused."""
        answer = http.patch(
            f"{_GATEWAYS}/{name}",
            params={"updateMask": "streamingMode"},
            json={"streamingMode": "STREAMING_MODE_ENABLED"},
            headers=self._credential(),
        )
        return answer.text[:300] if answer.is_error else ""


def _made_up() -> dict[str, str]:
    """Fresh secrets. Terraform takes them only when it first makes their versions, and keeps them nowhere."""
    return {f"TF_VAR_{name}": secrets.token_urlsafe(48) for name in _SECRETS}


def plan_offline() -> int:
    """What would be made in an empty project, by the provider's schema alone: no cloud, no credentials."""
    if shutil.which("terraform") is None:
        print(f"cannot plan: terraform is not installed: {_TOOLS['terraform']}", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory() as folder, offline(Path(folder)) as workspace:
            plan = workspace.plan(project_id="your-project")
    except (CannotFetch, Failed) as error:
        print(f"cannot plan: {error}", file=sys.stderr)
        return 1
    counts: dict[str, int] = {}
    for change in plan["resource_changes"]:
        if change["mode"] == "managed":
            counts[change["type"]] = counts.get(change["type"], 0) + 1
    for kind, count in sorted(counts.items()):
        print(f"{count:5}  {kind}")
    print(f"{sum(counts.values()):5}  in all, planned against the provider's schema; PROJECT=… plans against the cloud")
    return 0


def _say(outputs: Mapping[str, Any], refused: str) -> None:
    base = outputs["base_url"]
    print(
        f"\nbase URL   {base}\nconsole    {outputs['console_url'] or 'not in this version'}\nissuer     {outputs['jwt_issuer']}"
    )
    if refused:
        print(f"\nThe gateway does not stream yet ({refused}).\nUntil it does, deploy with VARS='-var=stream_directly=true'.")
    print(f"\nThe first key, with the token of an owner (docs/deploy.md, The first key):\n  curl -X POST {base}/api-keys \\")
    print("    -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\")
    print('    -d \'{"name": "first", "scopes": ["admin"]}\'')
    print(f"Then: make smoke BASE={base} KEY=sk_live_…")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    parser.add_argument("what", choices=["plan", "apply", "destroy"])
    parser.add_argument("--project", default="")
    parser.add_argument("--region", default="us-central1")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("more", nargs="*", help="further arguments of Terraform, after --")
    said = parser.parse_args(arguments)
    if not said.project:
        if said.what == "plan":
            return plan_offline()
        parser.error("no project: call `make deploy PROJECT=your-project`")
    deployment = Deployment(said.project, said.region, said.more)
    try:
        deployment.begin()
        with httpx.Client(timeout=60) as http:
            deployment.take_over(http)
            if said.what == "plan":
                deployment.plan()
            elif said.what == "destroy":
                deployment.destroy(said.yes)
            else:
                outputs = deployment.apply(said.yes)
                _say(outputs, deployment.stream(outputs["gateway"], http))
    except httpx.HTTPError as error:
        print(f"failed: Google's API cannot be reached: {error}", file=sys.stderr)
        return 1
    except CannotDeploy as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
