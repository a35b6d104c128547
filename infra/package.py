"""One reproducible zip per function, named by its content: `python -m infra.package [NAME…]`.

A zip holds a main.py, the function's own folder, the shared modules it imports and the locked requirements of just those. So its
hash, and with it its deployment, changes only when something it runs changes.
"""

import argparse
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

from infra.closure import distributions, modules, source
from infra.lock import FOLDER, closure, pins
from infra.manifests import ROOT, Manifest, load_manifests

OUT = ROOT / "build" / "packages"
INDEX = "index.json"
_HOST = "functions-framework"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3


class NotLocked(Exception):
    """A function needs a distribution that requirements/lock.txt does not name."""


def entries(manifest: Manifest) -> dict[str, bytes]:
    """Path in the zip → content."""
    names = modules(manifest)
    files = {source(name) for name in names}
    folders = {file.parent for file in files if file.name == "__init__.py"}
    files |= {file for folder in folders for file in folder.iterdir() if _is_data(file)}
    found = {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in files}
    found["main.py"] = _entry(manifest).encode()
    found["requirements.txt"] = requirements(manifest, names).encode()
    return found


def requirements(manifest: Manifest, names: Iterable[str]) -> str:
    """Locked versions of what the modules import and of all that needs in turn."""
    wanted = {*distributions(names), *manifest.extras, _HOST}
    locked = pins(FOLDER / "lock.txt")
    needed = closure(sorted(wanted))
    missing = sorted(needed.keys() - locked.keys())
    if missing:
        raise NotLocked(f"{manifest.name} needs {', '.join(missing)}: add it to pyproject.toml, then `make lock`")
    return "".join(f"{name}=={locked[name]}\n" for name in sorted(needed))


def pack(files: dict[str, bytes]) -> bytes:
    """The zip's bytes: the same for the same files on every machine, so entries are stored, not deflated."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            archive.writestr(entry, files[path])
    return target.getvalue()


def write(manifest: Manifest, folder: Path = OUT) -> Path:
    """Writes the function's zip and removes its earlier ones."""
    content = pack(entries(manifest))
    path = folder / f"{manifest.name}-{hashlib.sha256(content).hexdigest()[:12]}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{manifest.name}-{'[0-9a-f]' * 12}.zip"):
        if old != path:
            old.unlink()
    if not path.exists():
        path.write_bytes(content)
    return path


def write_index(manifests: Iterable[Manifest], folder: Path = OUT) -> Path:
    """Writes the zip of every function and `index.json`, by which Terraform knows each one's."""
    names = {manifest.name: write(manifest, folder).name for manifest in manifests}
    path = folder / INDEX
    path.write_text(json.dumps(names, indent=1, sort_keys=True) + "\n")
    return path


def _is_data(file: Path) -> bool:
    return file.is_file() and file.suffix not in (".py", ".pyc", ".md") and file.name != "function.yaml"


def _entry(manifest: Manifest) -> str:
    return (
        f'"""{manifest.name}: what functions-framework looks for."""\n\n'
        f"from {manifest.module} import {manifest.entry_point}\n\n"
        f'__all__ = ["{manifest.entry_point}"]\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="One reproducible zip per function.")
    parser.add_argument("names", nargs="*", help="only these functions")
    said = parser.parse_args()
    if not said.names:
        write_index(load_manifests())
    for manifest in load_manifests():
        if not said.names or manifest.name in said.names:
            path = write(manifest)
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
