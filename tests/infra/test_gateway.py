"""The document that API Gateway is given."""

import json
from pathlib import Path

import pytest
import yaml

from infra.gateway import Unrouted, owners, render, streaming
from infra.manifests import load_manifests

MANIFESTS = load_manifests()
PUBLIC = yaml.load(Path("openapi.yaml").read_text(), yaml.CSafeLoader)
RENDERED = render(PUBLIC, MANIFESTS)
OPERATIONS = [
    (path, method, operation)
    for path, said in RENDERED["paths"].items()
    for method, operation in said.items()
    if method != "parameters"
]


def test_every_operation_of_the_public_document_is_there_and_goes_to_its_function() -> None:
    by_path = owners(MANIFESTS)
    there = {(path, method): operation["x-google-backend"] for path, method, operation in OPERATIONS}
    for path, said in PUBLIC["paths"].items():
        for method in said.keys() & {"get", "put", "post", "delete", "patch"}:
            assert there[path, method] == by_path[path]


def test_preflights_pass_without_a_credential() -> None:
    assert {path for path, method, _ in OPERATIONS if method == "options"} == set(PUBLIC["paths"])
    assert all(operation["security"] == [] for _, method, operation in OPERATIONS if method == "options")


def test_keys_are_not_the_gateways_to_check() -> None:
    assert "apiKey" not in json.dumps(RENDERED)


def test_the_gateway_asks_for_the_owners_token_where_nothing_else_will_do_and_only_there() -> None:
    wanted = {
        (path, method)
        for path, said in PUBLIC["paths"].items()
        for method, operation in said.items()
        if isinstance(operation, dict) and operation.get("x-required-scope") == "jwt"
    }
    assert wanted
    asked = {(path, method) for path, method, operation in OPERATIONS if operation["security"]}
    assert {(path, method) for path, method in asked if method != "head"} == wanted


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalnum() and name.isascii() for name in names)


def test_every_part_of_a_path_that_varies_is_declared() -> None:
    for path, said in RENDERED["paths"].items():
        declared = [one["name"] for one in said.get("parameters", [])]
        assert declared == [part[1:-1] for part in path.split("/") if part.startswith("{")]


def test_functions_that_stream_are_known_by_their_answers() -> None:
    path = next(iter(PUBLIC["paths"]))
    document = {"paths": {path: {"get": {"responses": {"200": {"content": {"text/event-stream": {}}}}}}}}
    assert streaming(document, MANIFESTS) == [owners(MANIFESTS)[path]]


def test_a_path_of_nobody_is_refused_by_name() -> None:
    with pytest.raises(Unrouted, match="/api/v2/of/nobody"):
        render({**PUBLIC, "paths": {**PUBLIC["paths"], "/api/v2/of/nobody": {}}}, MANIFESTS)
