"""A route is a value: what exists, who may call it, what it takes. A family is a list of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote

from pydantic import BaseModel

from shared.domain.errors import ErrorCode
from shared.domain.limits import Category

PREFIX = "/api/v2"
MAX_BODY_BYTES = 1024 * 1024
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Scope(StrEnum):
    """What a caller must hold; the first four contain each other, from left to right."""

    SEARCH = "search"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    ANY = "any"  # any valid credential
    JWT_ONLY = "jwt"  # the owner's bearer token, never an API key
    PUBLIC = "public"  # no credential


@dataclass(frozen=True)
class Route:
    """`path` stands below `/api/v2`, or below the host where `at_root`; `{id}` takes one segment.

    `answer` is the type of what a success carries as JSON (a TypedDict, a list of one…): the reference shows it, and the tests
    hold every answer against it. `media_types` name what a success carries where that is not JSON alone. `example` is a body or
    form to show; without one the reference derives it from the model. `secret_response`: its stored replay is sealed.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    scope: Scope
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    multipart: type[BaseModel] | None = None
    status: int = 200
    idempotent: bool = False
    secret_response: bool = False
    max_body: int = MAX_BODY_BYTES
    deprecated: bool = False
    summary: str = ""
    errors: tuple[ErrorCode, ...] = ()
    answer: Any = None
    media_types: tuple[str, ...] = ()
    file_parts: tuple[str, ...] = ("file",)  # of a multipart request
    example: Mapping[str, Any] | None = None
    at_root: bool = False
    capability: str = ""  # a query field whose value admits without a credential; the handler alone can tell what it is good for
    category: Category | None = None  # the budget a call is charged to; None: none

    @property
    def id(self) -> str:
        return f"{self.method} {self.path} at the root" if self.at_root else f"{self.method} {self.path}"

    @property
    def address(self) -> str:
        """The whole path, as clients ask for it."""
        return self.path if self.at_root else PREFIX + self.path

    @property
    def parameters(self) -> list[str]:
        return [part[1:-1] for part in _parts(self.path) if part.startswith("{")]


class _Constructor(Protocol):
    def __call__(self, path: str, handler: Callable[..., Any], *, scope: Scope, **rest: Any) -> Route: ...


def _route(method: str, path: str, handler: Callable[..., Any], *, scope: Scope, **rest: Any) -> Route:
    idempotent = rest.pop("idempotent", None)
    if idempotent is None:
        idempotent = method in CHANGING and scope is not Scope.PUBLIC
    summary = rest.pop("summary", "") or (handler.__doc__ or "").strip().split("\n")[0]
    rest.setdefault("category", _category(method, path, scope, rest))
    return Route(method, path, handler, scope, idempotent=idempotent, summary=summary, **rest)


def _category(method: str, path: str, scope: Scope, rest: Mapping[str, Any]) -> Category | None:
    """By what a call costs. Looking at one's own limits or credential is free, so that it can be done when they are used up;
    what stands at the root calls what stands below the prefix, which is charged."""
    if scope is Scope.PUBLIC or rest.get("at_root") or path.startswith(("/rate-limit/", "/auth/")):
        return None
    if path.startswith("/chat/") and method == "POST":
        return Category.CHAT
    if path.endswith(_MODELS_WORK) and method == "POST":
        return Category.PROCESSING
    if rest.get("multipart") is not None or "upload" in path.rpartition("/")[2]:
        return Category.UPLOAD
    if scope is Scope.SEARCH and method == "POST":
        return Category.SEARCH
    return Category.READ if method == "GET" or scope in (Scope.READ, Scope.SEARCH) else Category.WRITE


_MODELS_WORK = ("/execute", "/process", "/retry", "/generate")


get: _Constructor = partial(_route, "GET")
post: _Constructor = partial(_route, "POST")
put: _Constructor = partial(_route, "PUT")
patch: _Constructor = partial(_route, "PATCH")
delete: _Constructor = partial(_route, "DELETE")


class _Node:
    __slots__ = ("by_method", "literals", "parameter")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.by_method: dict[str, Route] = {}


@dataclass(frozen=True)
class Match:
    """The routes of one path by method, and the decoded values of its parameters in order."""

    by_method: dict[str, Route]
    values: tuple[str, ...]

    @property
    def allow(self) -> list[str]:
        """For the `Allow` header: HEAD goes with GET, OPTIONS is always answered."""
        methods = set(self.by_method) | {"OPTIONS"} | ({"HEAD"} if "GET" in self.by_method else set())
        return sorted(methods)


class Router:
    """Routes as a tree of segments, built once. A literal segment beats a parameter, also where that answers 405."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for part in _parts(route.address):
                if part.startswith("{"):
                    node.parameter = node.parameter or _Node()
                    node = node.parameter
                else:
                    node = node.literals.setdefault(part, _Node())
            if route.method in node.by_method:
                raise ValueError(f"two routes for {route.id}")
            node.by_method[route.method] = route

    def match(self, path: str) -> Match | None:
        """`path` is the raw one, with the prefix; None where nothing is."""
        if not path.startswith("/"):
            return None
        return _find(self._root, path[1:].split("/"), 0, ())


def _find(node: _Node, parts: list[str], at: int, values: tuple[str, ...]) -> Match | None:
    if at == len(parts):
        return Match(node.by_method, values) if node.by_method else None
    part = parts[at]
    if not part:
        return None
    literal = node.literals.get(part)
    if literal is not None:
        found = _find(literal, parts, at + 1, values)
        if found is not None:
            return found
    if node.parameter is not None:
        return _find(node.parameter, parts, at + 1, (*values, unquote(part)))
    return None


def _parts(path: str) -> list[str]:
    return path.strip("/").split("/")
