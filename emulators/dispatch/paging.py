"""Pages of a listing ordered by name; the token is the last name of the page before."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from emulators.dispatch.refusal import invalid

T = TypeVar("T")


def page(items: Iterable[T], name_of: Callable[[T], str], size: int, token: str, largest: int = 1000) -> tuple[list[T], str]:
    """One page and the token of the next one, empty at the end; a size of 0 means the largest allowed."""
    if size < 0:
        raise invalid("page_size must not be negative")
    after = name_after(token)
    ordered = sorted((item for item in items if name_of(item) > after), key=name_of)
    wanted = min(size or largest, largest)
    shown = ordered[:wanted]
    more = len(ordered) > wanted
    return shown, token_of(name_of(shown[-1])) if more else ""


def token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def name_after(token: str) -> str:
    """The name the wanted page begins after; the empty token is the beginning."""
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise invalid("page_token is not one that this listing gave") from error
