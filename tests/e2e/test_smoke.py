"""`make smoke`: what is run against a deployed product, run against this one."""

import os
import subprocess
import sys

import pytest

from infra.manifests import ROOT
from tests.e2e.stack import Stack


def smoke(base: str, key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.smoke", base]
    env = {**os.environ, "VIDEOVECTOR_API_KEY": key}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, env=env)


@pytest.mark.long
def test_a_product_that_works_passes_by_its_base_url(stack: Stack) -> None:
    done = smoke(f"http://127.0.0.1:{stack.port}", stack.said["api_key"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"all is well at {stack.said['base_url']}" in done.stdout


def test_what_is_wrong_is_said_in_words(stack: Stack) -> None:
    wrong_key = smoke(stack.said["base_url"], "sk_live_" + "0" * 48)
    assert wrong_key.returncode == 1
    assert "the key is not valid there" in wrong_key.stderr
    nobody = smoke("http://127.0.0.1:9", "sk_live_" + "0" * 48)
    assert nobody.returncode == 1
    assert "cannot be reached" in nobody.stderr
    assert "Traceback" not in wrong_key.stderr + nobody.stderr
