"""What a handler is given, and what it may give back besides plain data."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.domain.errors import invalid
from shared.domain.ids import derived_id, new_id
from shared.http.request import Request, UploadedFile
from shared.http.routes import Scope

_RANK = {Scope.SEARCH: 1, Scope.READ: 2, Scope.WRITE: 3, Scope.ADMIN: 4}


@dataclass(frozen=True)
class Caller:
    """Who asks. Everything a handler reads or writes is below `tenant`."""

    tenant: str
    user_id: str
    scopes: frozenset[str]
    key_id: str | None = None
    is_jwt: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether the scopes held contain this one: admin > write > read > search."""
        held = max((_RANK.get(Scope(s), 0) for s in self.scopes), default=0)
        return held >= _RANK[scope]


ANONYMOUS = Caller(tenant="", user_id="", scopes=frozenset())

B = TypeVar("B")


@dataclass
class Call(Generic[B]):
    """One request, checked: `body`, `query` and `form` are instances of the route's models.

    `resumed` is True when an earlier attempt of the same idempotent request died on the way; ids from `new_id` are then the
    ones the earlier attempt got, so what it wrote is found again.
    """

    caller: Caller
    body: B
    query: Any
    request: Request
    request_id: str
    form: Any = None
    files: list[UploadedFile] = field(default_factory=list)
    resumed: bool = False
    seed: str = ""
    _minted: int = 0

    @property
    def tenant(self) -> str:
        return self.caller.tenant

    def new_id(self, noun: str) -> str:
        """Random; derived from the idempotency record when the request carries a key."""
        if not self.seed:
            return new_id(noun)
        self._minted += 1
        return derived_id(noun, self.seed, self._minted)

    def file(self, name: str = "file") -> UploadedFile:
        """The file part of that name; 422 if there is none."""
        for one in self.files:
            if one.field == name:
                return one
        raise invalid(name, "a file part of this name is required")


@dataclass
class Reply:
    """An answer whose status or headers differ from the route's."""

    data: Any
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
