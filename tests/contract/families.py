"""Every route of every family that is deployed, so that a new one cannot escape the promises tested here."""

import importlib

from infra.manifests import load_manifests
from shared.http.routes import PREFIX, Route

ROUTES: list[Route] = [
    route
    for manifest in load_manifests()
    if manifest.group == "api"
    for route in importlib.import_module(f"{manifest.package}.routes").ROUTES
]


def filled(route: Route, values: dict[str, str] | None = None) -> str:
    """The route's address with values, `x` where none is given."""
    path = route.address
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", (values or {}).get(name, "x"))
    return path


def below(route: Route, values: dict[str, str] | None = None) -> str:
    """The same without the prefix."""
    return filled(route, values).removeprefix(PREFIX)
