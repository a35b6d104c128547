"""Rules for a text that stand in its description, as a schema's grammar cannot hold them: its length, the form it must have."""

import re
from functools import lru_cache

import jsonschema_rs

from emulators.vertex.generate import wording
from emulators.vertex.generate.coercion import MISSING

_MOST = re.compile(r"\bat most (\d{1,6}) characters\b")
_LEAST = re.compile(r"\bat least (\d{1,6}) characters\b")
_FORM = re.compile(r"must match the regular expression (.+?)(?=\. [a-z]|\.?$)")


def within(text: str, description: str) -> object:
    """The text shortened, or in other case, where that makes it obey; MISSING where it cannot obey unchanged in meaning."""
    if most := _MOST.search(description):
        text = wording.shortened(text, int(most[1])) if int(most[1]) > 0 else ""
    if (least := _LEAST.search(description)) and len(text) < int(least[1]):
        return MISSING
    form = _FORM.search(description)
    if form is None:
        return text
    said = [text, text[:1].upper() + text[1:], text.upper(), text.lower()]
    return next((one for one in said if _matches(form[1], one)), MISSING)


@lru_cache(256)
def _matches(form: str, text: str) -> bool:
    """By an engine whose time does not explode; a form it cannot read holds nobody to anything."""
    try:
        validator = jsonschema_rs.Draft202012Validator({"pattern": form}, pattern_options=jsonschema_rs.RegexOptions())
    except (ValueError, jsonschema_rs.ValidationError):
        return True
    return validator.is_valid(text)
