"""Brings the entries of a file from the indexes it was written with to those declared now.

Only documents of collection groups whose indexes changed are looked at, and of them only what changed is written. Some at a time
are committed, and how far it came: a start that is interrupted goes on from there.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .catalogue import Catalogue, Definition, Scope
from .entries import Entry, Indexer
from .messages import Document
from .names import DocumentName, parse_document
from .store import Collection, Store

_AT_ONCE = 500  # documents
_SCOPES: tuple[Scope, ...] = ("COLLECTION", "COLLECTION_GROUP")
Entries = Callable[[DocumentName, Any, Collection], set[Entry]]


@dataclass(frozen=True)
class _Change:
    """What one collection group's documents had and are to have."""

    before: Entries
    after: Entries


def bring_up_to_date(store: Store, catalogue: Catalogue) -> None:
    written, begun = store.recall("indexes"), json.loads(str(store.recall("indexing") or "null"))
    if written == catalogue.fingerprint and begun is None:
        return
    if written is None:  # nothing was ever stored, or by whom is not known
        _write_all(store, catalogue)
        return
    before = Catalogue.remembered(str(written))
    if begun is not None and begun["to"] != catalogue.fingerprint:  # interrupted, and declared anew since
        unfinished = Catalogue.remembered(begun["to"])
        _move(store, before, unfinished, begun["after"])
        before, begun = unfinished, None
    _move(store, before, catalogue, begun["after"] if begun else 0)


def _write_all(store: Store, catalogue: Catalogue) -> None:
    indexer = Indexer(catalogue, store.definition)
    with store.writing():
        store.forget_entries()
    last = 0
    while last >= 0:
        with store.writing():
            last = _step(store, lambda _: _Change(lambda *_: set(), _all_of(indexer)), None, last)
    with store.writing():
        store.remember("indexes", catalogue.fingerprint)


def _move(store: Store, before: Catalogue, after: Catalogue, last: int) -> None:
    """`last` is the number of the last document that has been done, 0 for none."""
    changes = _changes(store, before, after)
    while changes and last >= 0:
        with store.writing():
            last = _step(store, changes.__getitem__, sorted(changes), last)
            store.remember("indexing", json.dumps({"to": after.fingerprint, "after": last}))
    with store.writing():
        store.remember("indexes", after.fingerprint)
        store.forget("indexing")


def _step(store: Store, change_of: Callable[[str], _Change], groups: list[str] | None, last: int) -> int:
    """Does some documents behind the last one; answers the last of these, or -1 if there are no more."""
    rows = store.documents_after(last, groups, _AT_ONCE)
    for row in rows:
        document = Document.FromString(row.data)
        name = parse_document(document.name)
        change, collection = change_of(row.group), store.make_collection(row.database, row.path)
        store.exchange(row.id, change.before(name, document, collection), change.after(name, document, collection))
    return rows[-1].id if len(rows) == _AT_ONCE else -1


def _changes(store: Store, before: Catalogue, after: Catalogue) -> dict[str, _Change]:
    """By collection group; one that is not named keeps all its entries."""
    old, new = Indexer(before, store.definition), Indexer(after, store.definition)
    whole = _Change(_all_of(old), _all_of(new))
    if before.enforced != after.enforced:
        return dict.fromkeys(store.group_names(), whole)
    changed: dict[str, _Change] = {}
    for group in store.group_names():
        gone, added = _declared(before, group), _declared(after, group)
        lone = any(scope == "COLLECTION" and len(one.parts) < 2 for scope, one in gone ^ added)  # it comes by itself too
        if lone or before.overrides(group) != after.overrides(group):
            changed[group] = whole
        elif gone != added:
            changed[group] = _Change(_only(old, gone - added), _only(new, added - gone))
    return changed


def _declared(catalogue: Catalogue, group: str) -> set[tuple[Scope, Definition]]:
    if not catalogue.enforced:
        return set()
    found = {(scope, one) for scope in _SCOPES for one in catalogue.composites(group, scope)}
    return found | {("COLLECTION_GROUP", one) for one in catalogue.group_fields(group)}


def _all_of(indexer: Indexer) -> Entries:
    return lambda name, document, collection: indexer.entries(name, document, collection.id, -collection.group)


def _only(indexer: Indexer, definitions: Iterable[tuple[Scope, Definition]]) -> Entries:
    chosen = list(definitions)
    return lambda name, document, collection: indexer.entries_of(chosen, name, document, collection.id, -collection.group)
