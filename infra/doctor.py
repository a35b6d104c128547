"""Says what is missing on this machine and how to mend it. Standard library only: it must run where nothing is installed."""

import importlib.metadata as metadata
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FREE_BYTES = 3 * 1024**3


# A program, other names of it after bars, and what is better with it.
_OPTIONAL = {
    "uv": "`pip install uv` makes installing quicker; without it pip is used",
    "java": "with it, tests compare with Google's own emulators",
    "node": "with it, the tests of clients written in TypeScript run",
    "npm": "with it, the tests of clients written in TypeScript run",
    "chromium|chromium-browser|google-chrome": "with it, `make test-browser` drives the console; `make chromium` gets it",
    "terraform|tofu": "with it, `make plan` and `make deploy` bring the functions into a Google Cloud project",
    "gcloud": "with it, `make deploy` finds your Google Cloud credentials",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `cure` is empty where all is well. Only an `essential` one makes the command fail."""

    what: str
    cure: str = ""
    essential: bool = True


def findings() -> Iterator[Finding]:
    yield _python()
    yield from _environment()
    yield _port(int(os.environ.get("PORT", "8080")))
    yield _disk(Path(os.environ.get("DATA_DIR", ".local")))
    for program, use in _OPTIONAL.items():
        if not any(shutil.which(name) for name in program.split("|")):
            yield Finding(f"{program.partition('|')[0]} is not installed", f"optional: {use}", essential=False)


def _python() -> Finding:
    version = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding(f"Python {version}")
    return Finding(f"Python {version} is not 3.11 to 3.13", "install one of them and call `make PYTHON=python3.12 …`")


def _environment() -> Iterator[Finding]:
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        yield Finding(".venv is not there", "`make run` or `make test` makes it; that needs the package index once")
        return
    site = next((ROOT / ".venv" / "lib").glob("python*/site-packages"), None)
    installed = {_plain(found.metadata["Name"]): found.version for found in metadata.distributions(path=[str(site)])}
    for file_name in ("lock.txt", "nodeps.txt"):
        wrong = [
            f"{name} {version}"
            for name, version in _pins(ROOT / "requirements" / file_name)
            if installed.get(_plain(name)) != version
        ]
        if wrong:
            cure = f"`touch requirements/{file_name} && make run` installs: {', '.join(wrong[:8])}"
            yield Finding(f".venv differs from requirements/{file_name} in {len(wrong)} places", cure)
        else:
            yield Finding(f".venv holds requirements/{file_name}")


def _pins(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        name, equal, version = line.partition("#")[0].strip().partition("==")
        if equal:
            yield name, version


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _port(port: int) -> Finding:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(f"port {port} cannot be had: {error.strerror}", "call `make run PORT=8090`", essential=False)
    return Finding(f"port {port} is free")


def _disk(data_dir: Path) -> Finding:
    place = next(folder for folder in (data_dir.resolve(), *data_dir.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Finding(f"{place} cannot be written", "call `make run DATA_DIR=/another/place`")
    if free < FREE_BYTES:
        return Finding(
            f"{free / 1024**3:.1f} GiB free at {place}", "free some, or call `make run DATA_DIR=/another/place`", False
        )
    return Finding(f"{free / 1024**3:.0f} GiB free at {place}")


def main() -> None:
    bad = False
    for finding in findings():
        mark = "ok  " if not finding.cure else ("BAD " if finding.essential else "note")
        print(f"{mark} {finding.what}")
        if finding.cure:
            print(f"     {finding.cure}")
            bad = bad or finding.essential
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
