"""Finds a Chromium for the tests of the console, and gets one where it may: `python -m infra.chromium`.

A mirror that is down or slow costs bounded time and fails nothing: the command says in a word that there is none, and exits 1.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
UPDATE_SECONDS, INSTALL_SECONDS = 60.0, 180.0
_ONCE = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "DPkg::Lock::Timeout=60")


def find() -> str | None:
    """The path of a Chromium: one on the path, else the one that Playwright brought here."""
    on_path = next((found for name in NAMES if (found := shutil.which(name))), None)
    return on_path or _playwrights()


def get(run: Callable[[list[str], float], bool]) -> str | None:
    """`find`, after trying the system's packages and then Playwright's own download; `run` answers whether it went well."""
    if found := find():
        return found
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and all(shutil.which(one) for one in as_root[:1]):
        run([*as_root, "apt-get", *_ONCE, "update"], UPDATE_SECONDS)  # what is known from before may do
        run([*as_root, "apt-get", *_ONCE, "install", "-y", "--no-install-recommends", "chromium"], INSTALL_SECONDS)
    if not find() and find_spec("playwright"):
        run([sys.executable, "-m", "playwright", "install", "chromium"], INSTALL_SECONDS)
    return find()


def _playwrights() -> str | None:
    if not find_spec("playwright"):
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if Path(path).exists() else None


def _run(command: list[str], seconds: float) -> bool:
    """A command with what it starts, ended together when the time is over."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 15)
        return False


def main() -> int:
    found = get(_run)
    print(f"Chromium: {found}" if found else "no Chromium is to be had here: the console's tests in a browser are left out")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
