"""Codes of failures: each says what to do, and no code is written that the list does not know."""

import ast
from pathlib import Path

import pytest

from shared.domain.failures import FailureCode, next_step
from shared.media.opener import UnreadableMedia

SOURCES = [path for folder in ("shared", "functions/pipeline") for path in Path(folder).rglob("*.py")]


def _literals(name: str) -> set[str]:
    """First arguments of calls of this name that are written out as text."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_has_a_cure(code: FailureCode) -> None:
    assert next_step(code) == code.cure
    assert code.cure.endswith(".")


def test_an_unknown_code_has_no_cure() -> None:
    assert next_step("no_such_code") == next_step("") == ""


def test_what_unreadable_media_is_called_is_in_the_list() -> None:
    codes = _literals(UnreadableMedia.__name__)
    assert codes and codes <= set(FailureCode)
