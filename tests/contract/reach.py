"""What a function's code can reach, read from the source of the modules it imports."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from functools import cache

from infra.closure import modules, source
from infra.manifests import Manifest
from shared.config import Settings
from shared.messaging import messages
from shared.messaging.messages import Command

SETTINGS = frozenset(field.name for field in fields(Settings))
COMMANDS: dict[str, type[Command]] = {cls.__name__: cls for cls in Command.__subclasses__()}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(source(module).read_text())


@cache
def _calls(module: str) -> list[ast.Call]:
    return [node for node in ast.walk(_tree(module)) if isinstance(node, ast.Call)]


def calls(manifest: Manifest) -> Iterator[ast.Call]:
    """All that the code in reach makes."""
    for module in sorted(modules(manifest)):
        if module != messages.__name__:
            yield from _calls(module)


def settings_read(manifest: Manifest) -> set[str]:
    """Variables, in capitals: each `settings.name` in reach, whoever holds the settings.

    A module that offers `connect` or a class to hold the settings counts only if code in reach outside of it makes use of that:
    many import it for a type or a number alone.
    """
    names = sorted(modules(manifest) - {messages.__name__})
    found: set[str] = set()
    for name in names:
        own = {
            node.attr.upper()
            for node in ast.walk(_tree(name))
            if isinstance(node, ast.Attribute) and node.attr in SETTINGS and _last(node.value).endswith("settings")
        }
        if own and (_is_entry(name) or _is_used(name, names)):
            found |= own
    seldom = {variable for variable, mark in _ONLY_WITH.items() if not _routes_have(manifest, mark)}
    own_use = {"KMS_KEY"} if _unseals(manifest, names) else set()
    return found - _ON_ONE_MACHINE - (seldom - own_use)


# What only one machine's tests and runner set: no manifest may name it, so no deployment can turn it on.
_ON_ONE_MACHINE = {"EGRESS_LOOPBACK", "LEASE_SECONDS"}

# What the HTTP kit reads for some routes alone: answers kept sealed, and uploads in parts.
_ONLY_WITH = {"KMS_KEY": "secret_response", "UPLOAD_LIMIT_BYTES": "multipart"}


def _unseals(manifest: Manifest, names: list[str]) -> bool:
    """Whether the function needs the key for connectors, or because its entry point asks for it."""
    if "shared.connectors.opening" in names and _is_used("shared.connectors.opening", names):
        return True
    return any(isinstance(n, ast.Call) and _called(n.func) == ("secrets", "connect") for n in ast.walk(_tree(manifest.module)))


def _routes_have(manifest: Manifest, mark: str) -> bool:
    if manifest.group != "api":
        return True
    routes = _tree(f"{manifest.package}.routes")
    return any(isinstance(node, ast.keyword) and node.arg == mark for node in ast.walk(routes))


def _is_entry(module: str) -> bool:
    if module.startswith(("functions.", "shared.http.")):
        return True
    return not any(isinstance(n, ast.ClassDef) or _is_connect(n) for n in _tree(module).body)


def _is_connect(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "connect"


def _is_used(module: str, names: list[str]) -> bool:
    alias = module.rpartition(".")[2]
    made = {node.name for node in _tree(module).body if isinstance(node, ast.ClassDef | ast.FunctionDef)} - {"connect"}
    for name in names:
        if name == module:
            continue
        for node in ast.walk(_tree(name)):
            if isinstance(node, ast.Call) and _called(node.func) in {(alias, "connect"), *(("", one) for one in made)}:
                return True
    return False


def _called(node: ast.AST) -> tuple[str, str]:
    if isinstance(node, ast.Attribute):
        return _last(node.value), node.attr
    return "", _last(node)


@cache
def commands_made(manifest: Manifest) -> frozenset[type[Command]]:
    """Commands that code in the function's reach constructs, to send them."""
    return frozenset(COMMANDS[_last(call.func)] for call in calls(manifest) if _last(call.func) in COMMANDS)


def publishes(manifest: Manifest) -> bool:
    """Whether code in reach calls `publish` of the topics."""
    return any(
        isinstance(node.func, ast.Attribute) and node.func.attr == "publish" and _last(node.func.value) == "topics"
        for node in calls(manifest)
    )


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
