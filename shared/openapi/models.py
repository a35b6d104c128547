"""JSON Schemas of the models that routes take and of the types they answer, with one component for each."""

import json
import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from shared.http.routes import Route

Part = Literal["body", "query", "form", "answer"]
Key = tuple[str, Part]
_REF = "#/components/schemas/"
_PAGE = re.compile(r"^Page_(\w+)_$")


class _Plain(GenerateJsonSchema):
    """Without a title for each field: the field's name says it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Models:
    """`of(route, part)` is the part's schema, as a reference where it has a component."""

    def __init__(self, routes: Iterable[Route]) -> None:
        inputs: list[tuple[Key, JsonSchemaMode, TypeAdapter[Any]]] = []
        for route in routes:
            for part, kind in _parts(route):
                mode: JsonSchemaMode = "serialization" if part == "answer" else "validation"
                inputs.append(((route.id, part), mode, TypeAdapter(kind)))
        made, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF + "{model}", schema_generator=_Plain)
        definitions = shared.get("$defs", {})
        names = _names(definitions)
        self.components = {
            names[name]: _tidied(_renamed(schema, names))
            for name, schema in sorted(definitions.items(), key=lambda one: names[one[0]])
        }
        self._made = {key: _tidied(_renamed(schema, names)) for (key, _), schema in made.items()}

    def of(self, route: Route, part: Part) -> dict[str, Any]:
        return self._made[route.id, part]

    def resolved(self, route: Route, part: Part) -> dict[str, Any]:
        """The schema itself in place of a reference to it."""
        return self.at(self.of(route, part))

    def at(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.components[schema["$ref"].removeprefix(_REF)]
        return schema


def _parts(route: Route) -> Iterable[tuple[Part, Any]]:
    models: dict[Part, type[BaseModel] | None] = {"body": route.body, "query": route.query, "form": route.multipart}
    yield from ((part, model) for part, model in models.items() if model is not None)
    if route.answer is not None:
        yield "answer", route.answer


def _names(definitions: Iterable[str]) -> dict[str, str]:
    """By pydantic's name the component's: `VideoAnswer` is Video, a page of them VideoPage, a name that two families use is told
    apart by the family's."""
    found: dict[str, str] = {}
    for name in sorted(definitions):
        short = name
        if "__" in name:
            family, _, short = name.removeprefix("functions__api__").partition("__")
            short = _camel(family) + short.rpartition("__")[2]
        page = _PAGE.match(short)
        short = f"{page.group(1).removesuffix('Answer')}Page" if page else short.removesuffix("Answer")
        found[name] = short if short not in found.values() else name
    return found


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    text = json.dumps(schema)
    return json.loads(re.sub(rf'"{_REF}([^"]+)"', lambda match: f'"{_REF}{names[match.group(1)]}"', text))


def _tidied(schema: Any) -> Any:
    """Docstrings on one line each paragraph, no class names as titles."""
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {name: _tidied(value) for name, value in schema.items() if not (name == "title" and isinstance(value, str))}
    if isinstance(tidy.get("description"), str):
        tidy["description"] = " ".join(tidy["description"].split())
    return tidy
