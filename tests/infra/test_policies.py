"""Checkov, a linter of policies: nothing it finds stands without its reason beside it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.manifests import ROOT

VERSION = "3.3.30"
TERRAFORM = ROOT / "infra" / "terraform"
_SKIP = re.compile(r"checkov:skip=(\w+):(.*)")


@pytest.fixture(scope="module")
def checkov() -> Path:
    """In an environment of its own, since it needs other versions of what we need."""
    folder = ROOT / "build" / f"checkov-{VERSION}"
    if not (folder / "bin" / "checkov").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        command = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", f"checkov=={VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            pytest.skip(f"checkov cannot be installed: {done.stderr.strip()[-200:]}")
    return folder / "bin" / "checkov"


@pytest.mark.long
def test_checkov_finds_nothing_that_is_not_explained(checkov: Path) -> None:
    command = [str(checkov), "-d", str(TERRAFORM), "--framework", "terraform", "--skip-download", "--quiet", "-o", "json"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout)
    failed = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in said["results"]["failed_checks"]]
    assert failed == []
    assert said["summary"]["passed"] > 20
    assert said["summary"]["parsing_errors"] == 0


def test_every_exception_says_why() -> None:
    exceptions = [match for path in TERRAFORM.glob("*.tf") for match in _SKIP.findall(path.read_text())]
    assert exceptions
    assert all(len(reason.split()) >= 5 for _, reason in exceptions)
