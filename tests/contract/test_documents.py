"""Where documents live, and what errors tell."""

import importlib
import re
from dataclasses import fields

import pytest
from importlinter.cli import lint_imports

from infra.manifests import ROOT
from shared.domain.documents import Document, Work
from shared.domain.errors import ErrorCode
from shared.store.codec import path_fields

OUTSIDE_OF_TENANTS = {"api_keys_by_hash", "rate"}
# Firestore keeps these for itself.
RESERVED = re.compile(r"^__.*__$")


def all_documents() -> list[type[Document]]:
    """Of every module of ours that gives a document its place."""
    for package in ("shared", "functions"):
        for file in sorted((ROOT / package).rglob("*.py")):
            if "PATH: ClassVar[str] = " in file.read_text():
                importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    todo, every = [Document], []
    while todo:
        subclasses = todo.pop().__subclasses__()
        todo += subclasses
        every += [cls for cls in subclasses if cls is not Work]
    return sorted(every, key=lambda cls: cls.__name__)


DOCUMENTS = all_documents()


@pytest.mark.parametrize("cls", DOCUMENTS, ids=lambda cls: cls.__name__)
def test_a_document_lives_below_its_tenant(cls: type[Document]) -> None:
    steps = cls.PATH.split("/")
    assert len(steps) % 2 == 0, "a path names a document, not a collection"
    assert steps[:2] == ["tenants", "{tenant}"] or steps[0] in OUTSIDE_OF_TENANTS
    assert all(re.fullmatch(r"[a-z_]+", step) and not RESERVED.match(step) for step in steps[::2])
    assert set(path_fields(cls)) <= {field.name for field in fields(cls)}


def test_no_two_kinds_of_documents_share_a_collection() -> None:
    """Collection groups are swept across tenants: one name means one kind, wherever it lies."""
    groups = [cls.PATH.split("/")[-2] for cls in DOCUMENTS]
    assert len(groups) == len(set(groups))


def test_the_collections_of_the_core_have_their_names() -> None:
    paths = {re.sub(r"\{\w+\}", "*", cls.PATH) for cls in DOCUMENTS}
    assert paths >= {
        "tenants/*/indexes/*",
        "tenants/*/videos/*",
        "tenants/*/videos/*/cuts/*",
        "tenants/*/videos/*/cuts/*/segments/*",
        "tenants/*/prompts/*",
        "tenants/*/runs/*",
        "tenants/*/runs/*/media/*",
        "tenants/*/runs/*/media/*/results/*",
        "tenants/*/llm_calls/*",
        "tenants/*/events/*",
        "tenants/*/idempotency/*",
        "tenants/*/deletions/*",
    }


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.code)
def test_an_error_says_what_to_do_about_it(code: ErrorCode) -> None:
    assert 400 <= code.status <= 504
    assert code.cure.endswith(".") and len(code.cure) > 10
    assert re.fullmatch(r"[a-z_]+", code.code)
    if code.status in (429, 502, 503, 504):
        assert code.retryable


def test_imports_keep_to_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports() == 0
