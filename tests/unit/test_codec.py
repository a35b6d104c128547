"""Whatever a document holds, it holds again after it was stored; older and newer documents stay readable."""

from dataclasses import MISSING, Field, fields, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.documents import Document
from shared.domain.runs import Run
from shared.store.codec import MOST_INLINE_BYTES, decode, document_path, encode, encode_values, path_fields
from tests.contract.test_documents import DOCUMENTS

WHEN = datetime(2026, 4, 20, 10, 11, 12, 345000, UTC)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8
)


class Shelf:
    """Keeps long values for the length of a test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def put(self, document: Document, text: str) -> str:
        name = f"blobs/{document_path(document)}/{len(self.kept)}"
        self.kept[name] = text
        return name

    def get(self, name: str) -> str:
        return self.kept[name]


SHELF = Shelf()


class Snapshot:
    """What Firestore hands out of one stored document."""

    def __init__(self, path: str, data: dict[str, Any]) -> None:
        self.reference = SimpleNamespace(path=path)
        self.update_time = WHEN
        self._data = data

    def to_dict(self) -> dict[str, Any]:
        return dict(self._data)


def values_of(cls: type[Document], field: Field) -> st.SearchStrategy[Any]:
    if field.name in path_fields(cls):
        return names
    if field.metadata.get("json"):
        return jsons
    kind = get_type_hints(cls)[field.name]
    if "Any" in str(kind):
        return st.dictionaries(st.text(max_size=5), scalars, max_size=3)
    return st.from_type(kind).filter(lambda value: value == value)


def documents(cls: type[Document]) -> st.SearchStrategy[Document]:
    wanted = {f.name: values_of(cls, f) for f in fields(cls) if not f.metadata.get("transient")}
    return st.builds(cls, **wanted)


@pytest.mark.parametrize("cls", DOCUMENTS, ids=lambda cls: cls.__name__)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_document_is_read_as_it_was_written(cls: type[Document], data: st.DataObject) -> None:
    document = data.draw(documents(cls))
    again = decode(cls, Snapshot(document_path(document), encode(document, SHELF)), SHELF)  # type: ignore[arg-type]
    assert again == document
    assert again.revision == WHEN


@pytest.mark.parametrize("cls", DOCUMENTS, ids=lambda cls: cls.__name__)
def test_no_id_of_the_path_is_stored_twice_and_nothing_transient_at_all(cls: type[Document]) -> None:
    given_values = {f.name: "x" for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    stored = encode(cls(**given_values), SHELF)
    assert not set(path_fields(cls)) & set(stored)
    assert "revision" not in stored


def a_run() -> Run:
    return Run(
        created_at=WHEN,
        updated_at=WHEN,
        tenant="tnt_a",
        run_id="run_a",
        user_id="ada",
        prompt_id="prm_a",
        prompt_name="P",
        prompt_revision=1,
        status="pending",
    )


def test_a_field_that_an_older_document_lacks_takes_its_default() -> None:
    stored = encode(a_run(), SHELF)
    for name in ("enable_transcription", "counts", "target_json", "lease_until"):
        del stored[name]
    assert decode(Run, Snapshot("tenants/tnt_a/runs/run_a", stored), SHELF) == a_run()  # type: ignore[arg-type]


def test_a_field_that_only_a_newer_version_knows_is_passed_over() -> None:
    stored = {**encode(a_run(), SHELF), "colour": "blue", "mood_json": "{}"}
    assert decode(Run, Snapshot("tenants/tnt_a/runs/run_a", stored), SHELF) == a_run()  # type: ignore[arg-type]


def test_the_ids_come_from_the_path() -> None:
    read = decode(Run, Snapshot("tenants/tnt_b/runs/run_b", encode(a_run(), SHELF)), SHELF)  # type: ignore[arg-type]
    assert (read.tenant, read.run_id) == ("tnt_b", "run_b")
    assert document_path(replace(a_run(), run_id="run_c")) == "tenants/tnt_a/runs/run_c"


def test_json_that_is_the_users_is_one_string_and_keeps_its_letters() -> None:
    stored = encode_values(a_run(), {"target": {"título": ["é", 1.5, None]}}, SHELF)
    assert stored == {"target_json": '{"título":["é",1.5,null]}'}


@pytest.mark.parametrize("letter", ["x", "é", "€", "😀"])
def test_a_long_value_lies_elsewhere_and_is_read_all_the_same(letter: str) -> None:
    shelf = Shelf()
    for letters, elsewhere in ((MOST_INLINE_BYTES // len(letter.encode()) - 20, 0), (MOST_INLINE_BYTES, 1)):
        run = replace(a_run(), prompt={"said": letter * letters})
        stored = encode(run, shelf)
        assert len(shelf.kept) == elsewhere
        assert len(stored["prompt_json"].encode()) <= MOST_INLINE_BYTES
        assert decode(Run, Snapshot("tenants/tnt_a/runs/run_a", stored), shelf) == run  # type: ignore[arg-type]


def test_a_field_that_is_not_stored_cannot_be_changed() -> None:
    for name in ("run_id", "revision", "no_such_field"):
        with pytest.raises(KeyError):
            encode_values(a_run(), {name: "x"}, SHELF)
