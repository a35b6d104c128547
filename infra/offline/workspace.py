"""The Terraform of this repository in a folder of its own, where it can be planned and applied without a cloud."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra import gateway
from infra.manifests import ROOT, load_manifests
from infra.offline.provider import serving
from infra.offline.schemas import load
from infra.package import INDEX

SOURCE = ROOT / "infra" / "terraform"
_USED = re.compile(r'^(resource|data) "(google_\w+)"', re.M)
_NOT_BUILT = "0" * 12  # in place of the hash of a package that nobody built for a plan
_SECONDS = 300


class Failed(Exception):
    """Terraform refused; the message is what it wrote."""


class Workspace:
    """`folder` holds what Terraform reads of the repository, at the same places, and may be changed."""

    def __init__(self, folder: Path, providers: str) -> None:
        self.folder = folder
        self.said = ""  # what the last plan of `at_rest` told
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TF_REATTACH_PROVIDERS": providers,
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }

    def run(self, *arguments: str, fine: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Raises `Failed` for any other exit code."""
        command = ["terraform", f"-chdir={self.folder / 'infra' / 'terraform'}", *arguments]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode not in fine:
            raise Failed(f"terraform {arguments[0]}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
        return done

    def plan(self, **variables: Any) -> dict[str, Any]:
        """The plan as `terraform show -json` writes it."""
        self.run("plan", "-input=false", "-no-color", "-out=plan", *_vars(variables))
        return json.loads(self.run("show", "-json", "plan").stdout)

    def apply(self, **variables: Any) -> None:
        self.run("apply", "-input=false", "-no-color", "-auto-approve", *_vars(variables))

    def at_rest(self, **variables: Any) -> bool:
        """Whether planning again finds nothing to do."""
        done = self.run("plan", "-input=false", "-no-color", "-detailed-exitcode", *_vars(variables), fine=(0, 2))
        self.said = done.stdout
        return done.returncode == 0


@contextmanager
def offline(folder: Path, root: Path = ROOT) -> Iterator[Workspace]:
    """An initialised workspace. Raises `schemas.CannotFetch` where the provider's arguments cannot be had.

    Packages are named but not built: a plan does not open them.
    """
    _copy(root, folder)
    index = {manifest.name: f"{manifest.name}-{_NOT_BUILT}.zip" for manifest in load_manifests(folder)}
    (folder / "build" / "packages").mkdir(parents=True)
    (folder / "build" / "packages" / INDEX).write_text(json.dumps(index))
    gateway.write(folder / "build" / "gateway.json")
    text = "\n".join(path.read_text() for path in sorted(SOURCE.glob("*.tf")))
    used = set(_USED.findall(text))
    blocks = load((name for kind, name in used if kind == "resource"), (name for kind, name in used if kind == "data"))
    with serving(*blocks) as providers:
        workspace = Workspace(folder, providers)
        workspace.run("init", "-input=false", "-no-color")
        yield workspace


def _copy(root: Path, folder: Path) -> None:
    for path in sorted((root / "infra" / "terraform").glob("*.*")):
        if path.name != "backend.tf" and path.suffix in (".tf", ".json", ".tftpl"):  # the state of a try is not kept in a bucket
            _place(path, folder / "infra" / "terraform" / path.name)
    for manifest in sorted((root / "functions").glob("*/*/function.yaml")):
        _place(manifest, folder / manifest.relative_to(root))
    _place(root / "infra" / "firestore.indexes.json", folder / "infra" / "firestore.indexes.json")


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _vars(variables: dict[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        yield f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
