"""Ids: a prefix that names the noun, then 26 lowercase Crockford base32 characters (130 bits).

Ids of things a user creates are random; ids of things a stage makes are derived from its input, so that a second run of the
stage writes the same documents.
"""

import hashlib
import re
import secrets
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26

PREFIXES = {
    "index": "idx_",
    "video": "vid_",
    "segment": "seg_",
    "prompt": "prm_",
    "run": "run_",
    "api_key": "key_",
    "connector": "conn_",
    "import_job": "imp_",
    "import_file": "imf_",
    "export": "exp_",
    "automation": "aut_",
    "webhook": "whk_",
    "delivery": "dlv_",
    "event": "evt_",
    "session": "ses_",
    "turn": "trn_",
    "marker": "mrk_",
    "retry": "rty_",
    "deletion": "del_",
    "llm_call": "llm_",
    "cut": "cut_",
    "tenant": "tnt_",
    "relief": "rlf_",
}

NewId = Callable[[str], str]

_ID = re.compile(r"^[a-z]{3,4}_[0-9a-hjkmnp-tv-z]{26}$")


def _base32(data: bytes) -> str:
    number = int.from_bytes(data[:17], "big") >> 6  # 130 bits
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_id(noun: str) -> str:
    """A fresh random id, e.g. `new_id("video")` -> `vid_…`."""
    return PREFIXES[noun] + _base32(secrets.token_bytes(17))


def random_bits(count: int) -> int:
    return int.from_bytes(secrets.token_bytes((count + 7) // 8), "big") >> (-count % 8)


def derived_id(noun: str, *parts: object) -> str:
    """The id that these inputs always give; parts are told apart however they are split."""
    digest = hashlib.sha256("\x1f".join(f"{len(str(part))}:{part}" for part in parts).encode()).digest()
    return PREFIXES[noun] + _base32(digest)


def is_id(noun: str, value: str) -> bool:
    """Whether `value` has the shape of this noun's ids; a path value that has not can name nothing."""
    return value.startswith(PREFIXES[noun]) and bool(_ID.match(value))
