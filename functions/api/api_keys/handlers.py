"""The life of an API key: shown once, then only its prefix."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.api.api_keys.schemas import Activity, KeyCreate, key_view
from shared import logging
from shared.domain.errors import ApiError, ErrorCode
from shared.domain.keys import SHOWN_CHARS, ApiKey, new_secret, secret_hash
from shared.http.call import Call
from shared.store.documents import Batch, Changed, Store
from shared.store.keys import Keys


@dataclass(frozen=True)
class Deps:
    store: Store
    keys: Keys
    pepper: str
    forget: Callable[[str], None]  # takes a key out of this process's credential cache


def create(call: Call[KeyCreate], deps: Deps) -> dict[str, Any]:
    """Create a key; the answer shows the secret for the only time"""
    body, batch = call.body, deps.store.batch()
    days = body.expires_in_days
    secret, key = _add(
        call,
        deps,
        batch,
        name=body.name,
        scopes=list(dict.fromkeys(body.scopes)),
        expires_at=deps.store.clock() + timedelta(days=days) if days else None,
    )
    _commit(batch, key, deps)
    return {**_view(key, deps), "key": secret}


def _commit(batch: Batch, key: ApiKey, deps: Deps) -> None:
    """A commit that was done, but whose answer was lost, finds its own key there when the client library asks again: nobody
    else has that secret."""
    try:
        batch.commit()
    except Changed:
        if deps.store.get(ApiKey, key.key_hash) is None:
            raise


def _add(
    call: Call[Any], deps: Deps, batch: Batch, *, name: str, scopes: list[str], expires_at: datetime | None
) -> tuple[str, ApiKey]:
    """A new key under the call's next id. A key that a dead attempt of this call left under that id was never shown to
    anybody: it goes."""
    now, key_id, secret = deps.store.clock(), call.new_id("api_key"), new_secret()
    unseen = deps.keys.find(call.tenant, key_id) if call.resumed else None
    if unseen is not None:
        batch.delete(unseen)
    key = ApiKey(
        created_at=now,
        updated_at=now,
        key_hash=secret_hash(deps.pepper, secret),
        tenant=call.tenant,
        user_id=call.caller.user_id,
        key_id=key_id,
        key_prefix=secret[:SHOWN_CHARS],
        name=name,
        scopes=scopes,
        expires_at=expires_at,
    )
    return secret, batch.create(key)


def list_all(call: Call[None], deps: Deps) -> list[dict[str, Any]]:
    """List masked keys, newest first"""
    return [_view(key, deps) for key in deps.keys.all(call.tenant)]


def retrieve(call: Call[None], deps: Deps, key_id: str) -> dict[str, Any]:
    """Retrieve one masked key"""
    return _view(deps.keys.get(call.tenant, key_id), deps)


def rotate(call: Call[None], deps: Deps, key_id: str) -> dict[str, Any]:
    """Replace a key: a new secret with the same name, scopes and expiry; the old one is revoked"""
    old = deps.keys.get(call.tenant, key_id)
    if not old.is_active(deps.store.clock()) and not call.resumed:
        raise ApiError(ErrorCode.CONFLICT, "the key was revoked or has expired; create a new one")
    batch = deps.store.batch()
    secret, key = _add(call, deps, batch, name=old.name, scopes=old.scopes, expires_at=old.expires_at)
    deps.keys.revoke(batch, old)
    _commit(batch, key, deps)
    deps.forget(old.key_hash)
    return {"old_key_id": old.key_id, "new_key": {**_view(key, deps), "key": secret}}


def revoke(call: Call[None], deps: Deps, key_id: str) -> dict[str, Any]:
    """Disable a key for good; it stays in the list"""
    key = deps.keys.get(call.tenant, key_id)
    batch = deps.store.batch()
    deps.keys.revoke(batch, key)
    batch.commit()
    deps.forget(key.key_hash)
    return {"message": "The API key is revoked.", **_view(key, deps)}


def delete(call: Call[None], deps: Deps, key_id: str) -> dict[str, Any]:
    """Remove a key"""
    key = deps.keys.find(call.tenant, key_id)
    if key is not None:
        batch = deps.store.batch()
        batch.delete(key)
        batch.commit()
        deps.forget(key.key_hash)
    elif not call.resumed:  # else a dead attempt of this call came so far
        raise ApiError(ErrorCode.API_KEY_NOT_FOUND, "there is no such API key")
    return {"message": "The API key is deleted.", "key_id": key_id}


def validate(call: Call[None], deps: Deps) -> dict[str, Any]:
    """Check the credential that was sent, and nothing else"""
    caller = call.caller
    return {
        "valid": True,
        "auth_mode": "jwt" if caller.is_jwt else "api_key",
        "user_id": caller.user_id,
        "key_id": caller.key_id,
        "scopes": sorted(caller.scopes),
    }


def record_activity(call: Call[Activity], deps: Deps) -> dict[str, Any]:
    """Take a client's signal that processing is about to be asked for"""
    body = call.body
    logging.info("processing activity", tenant=call.tenant, surface=body.surface, reason=body.reason, operation=body.operation)
    return {"event_id": body.event_id, "acknowledged": True}


def _view(key: ApiKey, deps: Deps) -> dict[str, Any]:
    return key_view(key, is_active=key.is_active(deps.store.clock()))
