"""The language of subscription filters: what passes, and what is refused."""

import pytest

from emulators.dispatch.refusal import Refused
from emulators.pubsub.filters import compile_filter

ATTRIBUTES = {"family": "media.processing", "step": "started", "lang-code": "en", "iana.org/x": 'a "quoted" \\ one'}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "attributes:step",
        'attributes.step = "started"',
        'attributes.step="started"',
        'attributes.lang-code = "en"',
        'attributes:"iana.org/x"',
        'attributes."iana.org/x" = "a \\"quoted\\" \\\\ one"',
        'hasPrefix(attributes.family, "media")',
        'NOT attributes.step = "progress"',
        'NOT attributes.missing = "started"',
        "-attributes:missing",
        'attributes:step AND NOT attributes.step = "progress"',
        'attributes:missing OR attributes.step = "started"',
        'attributes:step AND (attributes:missing OR hasPrefix(attributes.step, "st"))',
        "NOT (attributes:missing AND attributes:step)",
        "NOT NOT attributes:step",
        'attributes.step = "\\u0073tarted"',
    ],
)
def test_a_message_passes(text: str) -> None:
    assert compile_filter(text)(ATTRIBUTES)


@pytest.mark.parametrize(
    "text",
    [
        "attributes:missing",
        'attributes.step = "Started"',
        'attributes.missing = ""',
        'hasPrefix(attributes.family, "media.p.")',
        'hasPrefix(attributes.missing, "")',
        'NOT attributes.step = "started"',
        "-attributes:step",
        "attributes:step AND attributes:missing",
        "attributes:missing OR attributes:neither",
        "NOT (attributes:missing OR attributes:step)",
    ],
)
def test_a_message_does_not_pass(text: str) -> None:
    assert not compile_filter(text)(ATTRIBUTES)


@pytest.mark.parametrize(
    "text",
    [
        "step",
        "attributes",
        "attributes:",
        "attributes.step",
        "attributes.step = started",
        "attributes.step = 'started'",
        'attributes.step == "started"',
        'attributes.step = "started',
        "attributes:a AND attributes:b OR attributes:c",
        "attributes:a attributes:b",
        "attributes:a AND",
        "AND attributes:a",
        "(attributes:a",
        "attributes:a)",
        "NOT",
        'hasPrefix(attributes:a, "x")',
        'hasPrefix(attributes.a "x")',
        "attributes:NOT",
        'attributes.a = "\\x"',
        'attributes.a = "' + "x" * 256 + '"',
        "(" * 30 + "attributes:a" + ")" * 30,
        "data = 1",
        "attributes:a;",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        compile_filter(text)
