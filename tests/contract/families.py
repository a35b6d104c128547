"""Every route of every family, so that a new one cannot escape the promises tested here."""

import importlib
import pkgutil

import functions.api
from shared.http.routes import Route

ROUTES: list[Route] = [
    route
    for family in pkgutil.iter_modules(functions.api.__path__)
    for route in importlib.import_module(f"functions.api.{family.name}.routes").ROUTES
]


def filled(route: Route, values: dict[str, str] | None = None) -> str:
    """The route's path with values, `x` where none is given."""
    path = route.path
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", (values or {}).get(name, "x"))
    return path
