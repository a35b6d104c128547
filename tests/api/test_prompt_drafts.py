"""Drafting asks a real model server: the offline one, through Google's own client."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from emulators.faults import Fault, Faults
from emulators.vertex.server import serve
from functions.api.prompts.handlers import Deps
from functions.api.prompts.routes import ROUTES
from shared.inference.models import Models
from shared.store.prompts import Prompts
from tests.api.world import Answer, World


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def models_url(faults: Faults) -> Iterator[str]:
    def no_objects(uri: str) -> bytes:
        raise FileNotFoundError(uri)

    server = serve(None, faults, time.time, no_objects)
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def drafting(world: World, models_url: str) -> World:
    def client(_: Any) -> genai.Client:
        return genai.Client(
            vertexai=True,
            project=world.settings.project_id,
            location=world.settings.region,
            credentials=Credentials(token="test"),
            http_options=types.HttpOptions(base_url=models_url, timeout=20_000),
        )

    models = Models(world.settings, client)
    deps = Deps(world.store, Prompts(world.store), lambda: models, world.kit.meter)
    return dataclasses.replace(world, apps={**world.apps, "prompts": world.app(ROUTES, deps)})


def generate(world: World, instruction: str) -> Answer:
    return world.call("POST", "/prompts/generate", {"instruction": instruction}, world.as_owner())


def test_a_wish_becomes_a_draft_that_can_be_saved_as_it_is(drafting: World) -> None:
    draft = generate(drafting, "Find the products shown in cooking programmes and their prices.")
    assert draft.status == 200, draft.body
    assert {"products", "prices"} <= set(draft.json["json_schema"]["properties"])
    assert drafting.call("GET", "/prompts", None, drafting.as_owner()).json["total_count"] == 0
    saved = drafting.call("POST", "/prompts", draft.json, drafting.as_owner())
    assert saved.status == 201, saved.body


def test_what_a_draft_took_of_the_model_is_counted_once(drafting: World) -> None:
    assert generate(drafting, "Find the products shown and their prices.").status == 200
    for _ in range(2):
        said = drafting.call("GET", "/usage", None, drafting.as_owner()).json
        assert said["metrics"]["model_calls"] == 1
        assert said["metrics"]["input_tokens"] > 0 and said["metrics"]["output_tokens"] > 0
        assert said["totals"]["total_tokens"] == said["metrics"]["input_tokens"] + said["metrics"]["output_tokens"]
        assert set(said["model_usage"]) == {"offline-evidence"}


@pytest.mark.parametrize("instruction", ["", "  ", "x" * 5001])
def test_a_wish_without_words_or_without_end_is_refused(drafting: World, instruction: str) -> None:
    assert generate(drafting, instruction).status == 422


def test_a_model_that_is_away_is_a_503_that_may_be_tried_again(drafting: World, faults: Faults) -> None:
    faults.order(Fault("vertex.generateContent", status=503, times=20))
    try:
        answer = generate(drafting, "Find the products shown.")
    finally:
        faults.clear()
    assert (answer.status, answer.error) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
