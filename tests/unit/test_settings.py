"""Settings are read once, whole, and say everything that is wrong at once."""

from dataclasses import FrozenInstanceError

import pytest

from shared.config import MissingSettings, Settings


def test_a_variable_is_its_field_in_capitals() -> None:
    read = Settings.from_env({"PROJECT_ID": "p", "REGION": "europe-west1", "UPLOAD_LIMIT_BYTES": "5", "OTHER": "x"})
    assert (read.project_id, read.region, read.upload_limit_bytes) == ("p", "europe-west1", 5)


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.from_env({"PROJECT_ID": "p", "REGION": ""}).region == "us-central1"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(MissingSettings) as said:
        Settings.from_env({"UPLOAD_LIMIT_BYTES": "many"})
    assert "PROJECT_ID is not set" in str(said.value)
    assert "UPLOAD_LIMIT_BYTES is not a number" in str(said.value)


def test_secrets_are_not_shown_and_nothing_can_be_changed() -> None:
    read = Settings.from_env({"PROJECT_ID": "p", "CURSOR_KEY": "hush-1", "API_KEY_PEPPER": "hush-2"})
    assert "hush" not in repr(read)
    with pytest.raises(FrozenInstanceError):
        read.project_id = "q"  # type: ignore[misc]
