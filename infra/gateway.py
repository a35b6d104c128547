"""What API Gateway is told, rendered from openapi.yaml: `python -m infra.gateway` writes build/gateway.json.

The gateway needs to know which path goes to which function and which need the owner's token; it gets no schemas, which the
functions check themselves. Three things differ from the public document, each because the gateway takes it literally:

* no `apiKey` scheme: it would look our keys up among Google's own and refuse them, so keys are checked by the functions alone;
* an `options` operation, without security, on every path: it answers no preflight by itself;
* HEAD beside every GET, since it passes on only what is listed.

Addresses, deadlines and the issuer are added by Terraform, which knows them.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.manifests import ROOT, Http, Manifest, load_manifests

OUT = ROOT / "build" / "gateway.json"
OWNER = "owner"  # the security scheme of the owner's token
_METHODS = ("get", "put", "post", "delete", "patch")
_PREFIX = "/api/v2"
_ANSWERS = {"default": {"description": "The function's own answer."}}


class Unrouted(Exception):
    """Manifests and the public document do not agree on what exists."""


def owners(manifests: Iterable[Manifest]) -> dict[str, str]:
    """Public path → the function that answers it."""
    found: dict[str, str] = {}
    for manifest in manifests:
        for trigger in manifest.triggers:
            if isinstance(trigger, Http):
                found |= {_PREFIX + path: manifest.name for path in trigger.paths}
                found |= {path: manifest.name for path in trigger.root_paths}
    return found


def render(document: Mapping[str, Any], manifests: Iterable[Manifest]) -> dict[str, Any]:
    """Raises `Unrouted` for a path that only one of the two knows."""
    by_path = owners(manifests)
    differing = sorted(by_path.keys() ^ document["paths"].keys())
    if differing:
        raise Unrouted(f"only the manifests or only openapi.yaml know {', '.join(differing)}: call `make openapi`")
    return {
        "openapi": "3.0.4",
        "info": {"title": "VideoVector functions", "version": document["info"]["version"]},
        "paths": {path: _path(path, said, by_path[path]) for path, said in sorted(document["paths"].items())},
    }


def _path(path: str, said: Mapping[str, Any], function: str) -> dict[str, Any]:
    methods = {method: _security(said[method]) for method in _METHODS if method in said}
    if "get" in methods:
        methods.setdefault("head", methods["get"])
    methods["options"] = []
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    rendered: dict[str, Any] = {
        method: {
            "operationId": f"{method}_{_identifier(path)}",
            "security": security,
            "x-google-backend": function,
            "responses": _ANSWERS,
        }
        for method, security in methods.items()
    }
    if names:
        rendered["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return rendered


def _security(operation: Mapping[str, Any]) -> list[dict[str, list[str]]]:
    """The gateway itself asks for the owner's token only where nothing else will do."""
    return [{OWNER: []}] if operation.get("x-required-scope") == "jwt" else []


def _identifier(path: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in path.strip("/").replace("/", "__")) or "root"


def streaming(document: Mapping[str, Any], manifests: Iterable[Manifest]) -> list[str]:
    """Functions some of whose answers are streams of events, which a gateway without streaming would cut off."""
    by_path = owners(manifests)
    return sorted({by_path[path] for path, said in document["paths"].items() if "text/event-stream" in json.dumps(said)})


def write(path: Path = OUT) -> Path:
    document = yaml.load((ROOT / "openapi.yaml").read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    manifests = load_manifests()
    said = {"document": render(document, manifests), "streaming": streaming(document, manifests)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")
    return path


if __name__ == "__main__":
    print(write().relative_to(ROOT))
