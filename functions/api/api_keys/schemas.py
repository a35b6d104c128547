"""What the key endpoints take and give."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from shared.domain.clock import wire_time
from shared.domain.keys import ApiKey
from shared.http.answers import MessageAnswer, Moment

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
KeyScope = Literal["search", "read", "write", "admin"]


class KeyCreate(BaseModel):
    """A key without `expires_in_days` does not expire."""

    name: Name
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=4)] = ["read"]
    expires_in_days: Annotated[int, Field(ge=1, le=365, strict=True)] | None = None


class Activity(BaseModel):
    """A client's word that work is about to come."""

    event_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    surface: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    operation: Annotated[str, StringConstraints(max_length=128)] | None = None


class ApiKeyAnswer(TypedDict):
    """A key as it is shown after its creation: by its prefix."""

    key_id: str
    key_prefix: str
    name: str
    scopes: list[KeyScope]
    created_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None
    expires_at: Moment | None
    is_active: bool


class NewApiKeyAnswer(ApiKeyAnswer):
    """`key` is the credential, shown this once."""

    key: str


class RotatedKeyAnswer(TypedDict):
    old_key_id: str
    new_key: NewApiKeyAnswer


class RevokedKeyAnswer(ApiKeyAnswer):
    message: str


class DeletedKeyAnswer(MessageAnswer):
    key_id: str


class CredentialAnswer(TypedDict):
    valid: bool
    auth_mode: Literal["jwt", "api_key"]
    user_id: str
    key_id: str | None
    scopes: list[KeyScope]


class ActivityAnswer(TypedDict):
    event_id: str
    acknowledged: bool


def key_view(key: ApiKey, *, is_active: bool) -> dict[str, Any]:
    """The credential itself is not in it: it is not stored."""
    return {
        "key_id": key.key_id,
        "key_prefix": key.key_prefix,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": wire_time(key.created_at),
        "last_used_at": wire_time(key.last_used_at),
        "revoked_at": wire_time(key.revoked_at),
        "expires_at": wire_time(key.expires_at),
        "is_active": is_active,
    }
