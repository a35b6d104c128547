"""openapi.yaml and what else is made of the route lists: `python -m infra.openapi` makes it, `--check` compares.

The docs page's copy of the reference, docs/errors.md, and the schemas of the MCP tools.
"""

import argparse
import importlib
import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from infra import mcp_tools
from infra.manifests import ROOT, load_manifests
from shared.domain.errors import ErrorCode
from shared.openapi.document import Family, document

REFERENCE = ROOT / "openapi.yaml"
PAGE_COPY = ROOT / "functions" / "api" / "docs" / "openapi.json"
ERRORS = ROOT / "docs" / "errors.md"

_HEAD = "# Made of the route lists by `make openapi`; do not edit.\n"
_ABOUT_ERRORS = """\
# Errors

Every error has the same body: `{"error": {"code", "message", "details", "request_id", "timestamp"}}`. Decide by `code`;
`message` is for people and may change. For a `validation_failed`, `details.errors` names each field. What failed with a
retryable code may be sent again as it is, after `Retry-After` seconds where the answer has that header; send an
`Idempotency-Key` with a write you may repeat.

Made of `shared/domain/errors.py` by `make openapi`.

| code | status | again? | what to do |
|---|---|---|---|
"""


class _Dumper(yaml.SafeDumper):
    """Writes the same value twice rather than an anchor and an alias, and long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)
)


def families() -> list[Family]:
    """Every HTTP function that has a manifest, by name."""
    return [
        Family(one.name, one.description, importlib.import_module(f"{one.package}.routes").ROUTES)
        for one in load_manifests()
        if one.group == "api"
    ]


def reference() -> dict[str, Any]:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return document(families(), version)


def errors_page() -> str:
    rows = sorted(ErrorCode, key=lambda code: (code.status, code.name))
    return _ABOUT_ERRORS + "".join(
        f"| `{code.code}` | {code.status} | {'yes' if code.retryable else 'no'} | {code.cure} |\n" for code in rows
    )


def files() -> dict[Path, str]:
    """What each file is to hold."""
    made = reference()
    return {
        REFERENCE: _HEAD + yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=130),
        PAGE_COPY: json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n",
        ERRORS: errors_page(),
        mcp_tools.FILE: mcp_tools.content([route for family in families() for route in family.routes]),
    }


def stale() -> list[Path]:
    return [path for path, text in files().items() if not path.exists() or path.read_text() != text]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not what the code says")
    if parser.parse_args().check:
        old = stale()
        for path in old:
            print(f"{path.relative_to(ROOT)} is not what the routes say: run `make openapi`")
        return 1 if old else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"{path.relative_to(ROOT)}  {len(text) / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
