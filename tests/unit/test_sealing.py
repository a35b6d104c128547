import base64
import os
from pathlib import Path

import pytest

from shared.secrets import FileKey, Sealer, Unopenable


def a_sealer(folder: Path, name: str = "key") -> Sealer:
    path = folder / name
    if not path.exists():
        path.write_text(base64.b64encode(os.urandom(32)).decode())
    return Sealer(FileKey(path))


def test_what_is_sealed_opens_at_its_place_and_shows_nothing(tmp_path: Path) -> None:
    sealed = a_sealer(tmp_path).seal(b"whsec_canary", "tenants/a/webhooks/w")
    assert "canary" not in sealed and base64.b64encode(b"whsec_canary").decode() not in sealed
    assert a_sealer(tmp_path).open(sealed, "tenants/a/webhooks/w") == b"whsec_canary"


def test_the_same_secret_is_sealed_differently_each_time(tmp_path: Path) -> None:
    assert a_sealer(tmp_path).seal(b"s", "p") != a_sealer(tmp_path).seal(b"s", "p")


def test_a_secret_moved_to_another_document_does_not_open(tmp_path: Path) -> None:
    sealed = a_sealer(tmp_path).seal(b"s", "tenants/a/x")
    with pytest.raises(Unopenable):
        a_sealer(tmp_path).open(sealed, "tenants/b/x")


def test_another_key_or_a_changed_text_does_not_open_it(tmp_path: Path) -> None:
    sealed = a_sealer(tmp_path).seal(b"secret", "p")
    with pytest.raises(Unopenable):
        a_sealer(tmp_path, "other").open(sealed, "p")
    for broken in (sealed[:-10] + "AAAA" + sealed[-6:], "{}", "", "[]", '{"key": 1, "body": 2}'):
        with pytest.raises(Unopenable):
            a_sealer(tmp_path).open(broken, "p")
