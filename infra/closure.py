"""What a function imports, and nothing more: our own modules, and the distributions of others'."""

import ast
import importlib.metadata as metadata
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import grimp
from packaging.utils import canonicalize_name

from infra.manifests import ROOT, Manifest

OURS = ("functions", "shared")


class Unresolved(Exception):
    """An import that no installed distribution provides."""


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*OURS, cache_dir=None, exclude_type_checking_imports=True)


def modules(manifest: Manifest) -> set[str]:
    """Every module of ours that the function's package reaches, packages on the way included."""
    graph = _graph()
    todo = [manifest.package, *graph.find_descendants(manifest.package)]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name in found or name not in graph.modules:
            continue
        found.add(name)
        todo += graph.find_modules_directly_imported_by(name)
        if "." in name:
            todo.append(name.rpartition(".")[0])
    return found


def source(module: str, root: Path = ROOT) -> Path:
    """The module's file."""
    path = root / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def distributions(names: Iterable[str]) -> set[str]:
    """Names of the distributions that the modules import directly. Raises `Unresolved`."""
    found: set[str] = set()
    for name in names:
        path = source(name)
        for choices in _imports(ast.parse(path.read_text())):
            first = choices[0].partition(".")[0]
            if first in OURS or first in sys.stdlib_module_names:
                continue
            owner = next((owners[choice] for choice in choices if choice in (owners := _owners())), None)
            if owner is None:
                raise Unresolved(f"{path.relative_to(ROOT)} imports {choices[0]}, which nothing installed provides")
            found.add(owner)
    return found


def _imports(tree: ast.AST) -> Iterator[list[str]]:
    """For each import the modules it may mean, likeliest first; those for the type checker alone are left out."""
    for node in _running(tree):
        if isinstance(node, ast.Import):
            yield from ([alias.name] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ([f"{node.module}.{alias.name}", node.module] for alias in node.names)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _running(child)


@cache
def _owners() -> dict[str, str]:
    """Module → the distribution whose file it is; namespace packages such as `google` have many."""
    owners: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        for file in distribution.files or ():
            module = _module_of(file.as_posix())
            if module:
                owners.setdefault(module, name)
    return owners


def _module_of(path: str) -> str:
    """`google/cloud/tasks_v2/__init__.py` is `google.cloud.tasks_v2`; extension modules count too."""
    if path.startswith("..") or not path.endswith((".py", ".so", ".pyd")):
        return ""
    folder, _, file = path.rpartition("/")
    stem = file.split(".")[0]
    parts = folder.split("/") if folder else []
    return ".".join(parts if stem == "__init__" else [*parts, stem])
