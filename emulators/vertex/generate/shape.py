"""A response schema as a tree that can be walked without fear: references resolved, both dialects read.

Only the keywords Gemini honours are read; all others are ignored, as it ignores them.
"""

from dataclasses import dataclass, field
from typing import Any

from emulators.vertex.answers import ApiError

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
MAX_NODES = 20_000


@dataclass
class Shape:
    """One place of the answer; `kind` is a JSON type, or "any" where the schema does not say."""

    kind: str
    nullable: bool = False
    enum: tuple[Any, ...] | None = None
    title: str = ""
    description: str = ""
    format: str = ""
    properties: dict[str, "Shape"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: "Shape | None" = None
    prefix: tuple["Shape", ...] = ()
    least: float | None = None
    most: float | None = None
    min_items: int = 0
    max_items: int | None = None

    @property
    def words(self) -> str:
        return f"{self.title} {self.description}".strip()


class _Reader:
    """Reads one schema; a reference met again inside itself ends there, as production unrolls cycles only a little."""

    def __init__(self, root: dict) -> None:
        self._root = root
        self._nodes = 0

    def read(self, node: Any, open_refs: tuple[str, ...] = ()) -> Shape | None:
        """None where nothing finite can stand (a cycle, or `false`)."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ApiError(400, "The specified schema produces a constraint that has too many states for serving.")
        if node is True:
            return Shape("any", nullable=True)
        if node is False:
            return None
        if not isinstance(node, dict):
            raise ApiError(400, "Invalid response schema: a sub-schema must be an object.")
        if "$ref" in node:
            ref = node["$ref"]
            if ref in open_refs:
                return None
            return self.read(self._target(ref), (*open_refs, ref))
        branches = node.get("anyOf") or node.get("oneOf") or node.get("any_of")
        if branches:
            return self._choice(node, branches, open_refs)
        return self._plain(node, open_refs)

    def _target(self, ref: Any) -> Any:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise ApiError(400, "Invalid response schema: $ref must point into the schema itself.")
        target: Any = self._root
        for step in ref[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and step.isdigit() and int(step) < len(target):
                target = target[int(step)]
            elif isinstance(target, dict) and step in target:
                target = target[step]
            else:
                raise ApiError(400, f"Invalid response schema: {ref} names nothing.")
        return target

    def _choice(self, node: dict, branches: Any, open_refs: tuple[str, ...]) -> Shape | None:
        """The first branch that can be filled, nullable if any branch is null."""
        if not isinstance(branches, list):
            raise ApiError(400, "Invalid response schema: anyOf must be a list.")
        beside = {k: v for k, v in node.items() if k not in ("anyOf", "oneOf", "any_of")}
        shapes = []
        for branch in branches:
            merged = {**beside, **branch} if isinstance(branch, dict) and "$ref" not in branch else branch
            shapes.append(self.read(merged, open_refs))
        known = [shape for shape in shapes if shape is not None]
        solid = [shape for shape in known if shape.kind != "null"]
        if not solid:
            return known[0] if known else None
        chosen = solid[0]
        chosen.nullable = chosen.nullable or len(solid) < len(known) or any(s.nullable for s in solid)
        if chosen.enum is not None and len(solid) < len(known) and None not in chosen.enum:
            chosen.enum = (*chosen.enum, None)  # null stands beside the list, so it is one of the choices
        chosen.title = chosen.title or _text(node, "title")
        chosen.description = chosen.description or _text(node, "description")
        return chosen

    def _plain(self, node: dict, open_refs: tuple[str, ...]) -> Shape | None:
        kind, nullable = _kind(node)
        enum = node.get("enum")
        if "const" in node:
            enum = [node["const"]]
        if enum is not None and (not isinstance(enum, list) or not enum):
            raise ApiError(400, "Invalid response schema: enum must be a list that is not empty.")
        shape = Shape(
            kind,
            nullable=nullable,
            enum=tuple(enum) if enum is not None else None,
            title=_text(node, "title"),
            description=_text(node, "description"),
            format=_text(node, "format"),
            least=_number(node.get("minimum")),
            most=_number(node.get("maximum")),
        )
        if kind == "object":
            return self._object(shape, node, open_refs)
        if kind == "array":
            return self._array(shape, node, open_refs)
        return shape

    def _object(self, shape: Shape, node: dict, open_refs: tuple[str, ...]) -> Shape | None:
        properties = {} if node.get("properties") is None else node["properties"]
        required = [] if node.get("required") is None else node["required"]
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise ApiError(400, "Invalid response schema: properties must be an object and required a list.")
        order = node.get("propertyOrdering") or []
        names = [n for n in order if n in properties] + [n for n in properties if n not in order]
        for name in names:
            inner = self.read(properties[name], open_refs)
            if inner is not None:
                shape.properties[name] = inner
            elif name in required:
                return None
        shape.required = frozenset(name for name in required if isinstance(name, str))
        for name in shape.required - set(properties):
            shape.properties[name] = Shape("any", nullable=True)
        return shape

    def _array(self, shape: Shape, node: dict, open_refs: tuple[str, ...]) -> Shape | None:
        shape.min_items = int(_number(node.get("minItems")) or 0)
        most = _number(node.get("maxItems"))
        shape.max_items = int(most) if most is not None else None
        places = [] if node.get("prefixItems") is None else node["prefixItems"]
        if not isinstance(places, list):
            raise ApiError(400, "Invalid response schema: prefixItems must be a list.")
        prefix = [self.read(inner, open_refs) for inner in places]
        shape.items = self.read(node.get("items", True), open_refs)
        if shape.min_items and ((shape.items is None and not prefix) or None in prefix):
            return None
        shape.prefix = tuple(inner for inner in prefix if inner is not None)
        return shape


def read_shape(schema: dict) -> Shape:
    """The tree of a schema; `ApiError` (400) when it is no schema or admits nothing finite."""
    try:
        shape = _Reader(schema).read(schema)
    except RecursionError:
        raise ApiError(400, "Invalid response schema: it is nested too deeply.") from None
    if shape is None:
        raise ApiError(400, "Invalid response schema: no finite value can satisfy it.")
    return shape


def _kind(node: dict) -> tuple[str, bool]:
    declared = node.get("type")
    nullable = bool(node.get("nullable", False))
    names = declared if isinstance(declared, list) else [declared] if declared is not None else []
    kinds = []
    for name in names:
        lowered = name.lower() if isinstance(name, str) else name
        if lowered not in TYPES:
            raise ApiError(400, f"Invalid response schema: unknown type {name!r}.")
        kinds.append(lowered)
    solid = [kind for kind in kinds if kind != "null"]
    if solid:
        return solid[0], nullable or len(solid) < len(kinds)
    if kinds:
        return "null", True
    if "properties" in node:
        return "object", nullable
    if "items" in node or "prefixItems" in node:
        return "array", nullable
    return "any", True


def _text(node: dict, name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, str):  # the OpenAPI dialect writes 64-bit integers as text
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
