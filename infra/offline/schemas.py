"""The arguments of Google's Terraform provider, read from the published bindings of it.

No Terraform provider can be had as a package, but HashiCorp's generated JavaScript bindings (`@cdktf/provider-google-beta`,
MPL-2.0) can, and they spell out every argument: its name, its type, whether it is a block and whether it is required. They are
fetched once into a cache folder and read there; nothing of them is kept in this repository.

What they do not say: which optional argument the service fills in by itself. `FILLED_IN` names those that matter here.
"""

import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.manifests import ROOT

VERSION = "16.12.1"  # the last that was published: hashicorp/google and google-beta 6.50.0
PACKAGE = "@cdktf/provider-google-beta"  # a superset of the plain provider
CACHE = ROOT / "build" / "provider"
FILLED_IN = frozenset({"id", "project", "region", "location", "zone"})
_SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "string"}
_GETTERS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getStringMapAttribute": ["map", "string"],
    "getNumberListAttribute": ["list", "number"],
}
_FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.M | re.S)
_SYNTHESIS = re.compile(r"^    synthesizeHclAttributes\(\) \{(.*?)^    \}", re.M | re.S)
_ARGUMENT = re.compile(
    r"^ +(\w+): \{\n +value: .*\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"", re.M
)
_CLASS = re.compile(r"^class (\w+) extends [\w.]+ \{(.*?)^\}", re.M | re.S)
_GETTER = re.compile(r"^    get (\w+)\(\) \{\n +return (?:cdktf\.Fn\.\w+\()?this\.(get\w+Attribute)\('(\w+)'", re.M)
_COMPLEX = re.compile(r"this\._(\w+) = new (\w+)\(this, \"(\w+)\"")
_INTERFACE = re.compile(r"^export interface (\w+)(?: extends [\w.]+)? \{(.*?)^\}", re.M | re.S)
_PROPERTY = re.compile(r"^    readonly (\w+)(\?)?: (.*);$|^    readonly (\w+)(\?)?: \{$", re.M)


class CannotFetch(Exception):
    """The bindings are not in the cache and cannot be had; the message says why."""


@dataclass
class Block:
    """Attributes: name → (type as Terraform's JSON writes it, required, optional, computed).

    Nested blocks: name → (mode, required, most of them or 0 for any number, the block).
    """

    attributes: dict[str, tuple[Any, bool, bool, bool]] = field(default_factory=dict)
    nested: dict[str, tuple[str, bool, int, "Block"]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        nested = {name: [mode, required, most, block.as_json()] for name, (mode, required, most, block) in self.nested.items()}
        return {"attributes": {name: list(said) for name, said in self.attributes.items()}, "nested": nested}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Block":
        nested = {name: (one[0], one[1], one[2], cls.from_json(one[3])) for name, one in said["nested"].items()}
        return cls({name: tuple(one) for name, one in said["attributes"].items()}, nested)  # type: ignore[misc]


def load(resources: Iterable[str], data_sources: Iterable[str], cache: Path = CACHE) -> tuple[dict[str, Block], dict[str, Block]]:
    """The blocks of these types. Raises `CannotFetch`; a type that does not exist is left out, and Terraform says so."""
    folder = fetch(cache)
    return (
        {name: block for name in sorted(set(resources)) if (block := _read(folder, name.replace("_", "-"), cache))},
        {name: block for name in sorted(set(data_sources)) if (block := _read(folder, "data-" + name.replace("_", "-"), cache))},
    )


def fetch(cache: Path = CACHE) -> Path:
    """The folder of the unpacked bindings, fetched by npm unless they are there."""
    folder = cache / f"bindings-{VERSION}"
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise CannotFetch("npm is not installed, which fetches the provider's arguments: https://nodejs.org/en/download")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as place:
        command = [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}", "--pack-destination", place]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired as slow:
            raise CannotFetch(f"npm did not bring {PACKAGE} within five minutes") from slow
        packed = next(Path(place).glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise CannotFetch(f"npm cannot bring {PACKAGE}@{VERSION}: {done.stderr.strip()[-300:]}")
        fresh = Path(place) / "unpacked"
        with tarfile.open(packed) as archive:
            for member in archive:  # plain files below one folder: no links, no way out
                if member.isfile() and member.name.startswith("package/lib/") and ".." not in member.name.split("/"):
                    archive.extract(member, fresh)
        try:
            (fresh / "package" / "lib").rename(folder)
        except OSError:  # another process was quicker
            if not folder.is_dir():
                raise
    return folder


def _read(folder: Path, name: str, cache: Path) -> Block | None:
    """One type, from the cache of those read before where it is there."""
    source = folder / name
    if not source.is_dir():
        return None
    kept = cache / f"blocks-{VERSION}" / f"{name}.json"
    if kept.exists():
        return Block.from_json(json.loads(kept.read_text()))
    block = _Reader((source / "index.js").read_text(), (source / "index.d.ts").read_text()).whole()
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(block.as_json()))
    return block


class _Reader:
    """Reads one file of bindings."""

    def __init__(self, code: str, types: str) -> None:
        self._structs = {name.lower(): body for name, body in _FUNCTION.findall(code)}
        self._classes = dict(_CLASS.findall(code))
        self._interfaces = {name.lower(): _properties(body) for name, body in _INTERFACE.findall(types)}
        self._main = next(name for name, body in self._classes.items() if "synthesizeHclAttributes()" in body)

    def whole(self) -> Block:
        body = self._classes[self._main]
        synthesis = _SYNTHESIS.search(body)
        assert synthesis is not None
        config = self._interfaces.get(f"{self._main}config".lower(), {})
        block = self._block(synthesis.group(1), body, config)
        block.attributes["id"] = ("string", False, True, True)
        return block

    def _struct(self, name: str) -> Block:
        """`name` is the class of a nested block, as `GoogleXyzFoo`, `GoogleXyzFooList` or `…OutputReference`."""
        plain = name if name.lower() in self._structs else re.sub(r"(List|Map|OutputReference)$", "", name)
        return self._block(
            self._structs.get(plain.lower(), ""),
            self._classes.get(f"{plain}OutputReference", ""),
            self._interfaces.get(plain.lower(), {}),
        )

    def _block(self, arguments: str, body: str, properties: dict[str, tuple[bool, bool]]) -> Block:
        block = Block()
        for name, is_block, kind, storage in _ARGUMENT.findall(arguments):
            required, many = properties.get(_camel(name), (False, False))
            if is_block == "true":
                mode = "single" if kind == "struct" and name == "timeouts" else ("set" if kind == "set" else "list")
                block.nested[name] = (mode, required, 0 if many else 1, self._struct(storage))
            else:
                filled = name in FILLED_IN and not required
                block.attributes[name] = (_type(kind, storage), required, not required, filled)
        for name, kind in self._computed(body):
            if name not in block.attributes and name not in block.nested:
                block.attributes[name] = (kind, False, False, True)
        return block

    def _computed(self, body: str) -> Iterator[tuple[str, Any]]:
        """What the service alone says. Lists of objects pass for lists of text: their fields are nothing we ask for."""
        for _, getter, name in _GETTER.findall(body):
            yield name, _GETTERS.get(getter, "string")
        for _, made, name in _COMPLEX.findall(body):
            yield name, _GETTERS["getStringMapAttribute" if made.endswith("StringMap") else "getListAttribute"]


def _properties(body: str) -> dict[str, tuple[bool, bool]]:
    """Name → (required, may be given several times)."""
    found = {}
    for name, optional, kind, name_of_map, optional_map in _PROPERTY.findall(body):
        found[name or name_of_map] = (not (optional or optional_map), "[]" in kind)
    return found


def _type(kind: str, storage: str) -> Any:
    if kind == "simple":
        return _SIMPLE[storage]
    inner = re.sub(r"(List|Map)$", "", storage)
    return [kind, _SIMPLE.get(inner, "string")]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
