"""The committed reference is what the routes say, and what it shows works."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from infra import openapi
from infra.manifests import Http, load_manifests
from shared.domain.errors import ErrorCode
from shared.http.routes import Route, Scope
from shared.openapi.examples import example_of
from shared.openapi.models import Models
from tests.contract.families import ROUTES

CURE = "run `make openapi`"


@cache
def reference() -> dict[str, Any]:
    return openapi.reference()


@cache
def models() -> Models:
    return Models(ROUTES)


def operations() -> dict[str, dict[str, Any]]:
    paths = reference()["paths"].items()
    return {f"{method.upper()} {path}": said for path, methods in paths for method, said in methods.items()}


def test_what_is_committed_is_what_the_routes_say() -> None:
    assert [path.name for path in openapi.stale()] == [], CURE


def test_every_route_is_an_operation_and_nothing_else_is() -> None:
    assert set(operations()) == {f"{route.method} {route.address}" for route in ROUTES}
    ids = [said["operationId"] for said in operations().values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("manifest", [m for m in load_manifests() if m.group == "api"], ids=lambda manifest: manifest.name)
def test_a_function_is_reached_at_the_paths_of_its_routes_and_no_others(manifest: Any) -> None:
    https = [trigger for trigger in manifest.triggers if isinstance(trigger, Http)]
    [family] = [one for one in openapi.families() if one.name == manifest.name]
    assert {path for http in https for path in http.paths} == {r.path for r in family.routes if not r.at_root}
    assert {path for http in https for path in http.root_paths} == {r.path for r in family.routes if r.at_root}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
def test_an_operation_says_what_it_does_for_whom_and_what_it_answers(route: Route) -> None:
    said = operations()[f"{route.method} {route.address}"]
    assert said["summary"] and said["description"] and said["x-required-scope"] == route.scope
    assert (said["security"] == []) == (route.scope is Scope.PUBLIC)
    assert route.answer is not None or route.media_types, "name the type of the answer in answer=, or media_types="
    success = said["responses"][str(route.status)]
    assert all(content["schema"] for content in success["content"].values())
    assert {"500"} < set(said["responses"])
    shown = {p["name"] for p in said.get("parameters", []) if p.get("in") == "path"}
    assert shown == set(route.parameters)


def test_every_reference_inside_the_document_leads_somewhere_and_nothing_lies_idle() -> None:
    text = json.dumps(reference())
    components = reference()["components"]
    for kind, named in components.items():
        for name in named:
            assert kind == "securitySchemes" or f'"#/components/{kind}/{name}"' in text, f"{kind}/{name} is not used"
    for found in {part.split('"')[0] for part in text.split('"#/components/')[1:]}:
        kind, _, name = found.partition("/")
        assert name in components[kind], found


@pytest.mark.parametrize("route", [r for r in ROUTES if r.body], ids=lambda route: route.id)
def test_the_example_of_a_body_is_one_that_is_taken(route: Route) -> None:
    """By the published schema and by the model itself, which may know more rules."""
    assert route.body is not None
    example: Mapping[str, Any] = example_of(route, models())
    schema = {**models().of(route, "body"), "components": {"schemas": models().components}}
    faults = [fault.message for fault in jsonschema_rs.Draft202012Validator(schema).iter_errors(example)]
    assert not faults
    route.body.model_validate_json(json.dumps(example), strict=True)


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.code)
def test_every_code_has_its_line_in_the_errors_page(code: ErrorCode) -> None:
    lines = [line for line in openapi.ERRORS.read_text().splitlines() if line.startswith(f"| `{code.code}` | {code.status} |")]
    assert len(lines) == 1, CURE
    assert code.cure in lines[0]
