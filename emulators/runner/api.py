"""The api process: the gateway with every endpoint family in it."""

import gc
import importlib
from collections.abc import Iterable
from typing import Any

from emulators.runner import child
from emulators.runner.asgi import serve_until_told
from emulators.runner.gateway import Gateway
from emulators.runner.site import Site
from infra.manifests import Manifest, load_manifests
from shared.http.app import App


def families(manifests: Iterable[Manifest]) -> list[App[Any]]:
    """Imports every endpoint family; each builds its clients on its first request."""
    return [importlib.import_module(manifest.module).app for manifest in manifests if manifest.group == "api"]


def run(site: Site, descriptor: int) -> None:
    gc.disable()  # importing makes many objects and little rubbish
    gateway = Gateway(families(load_manifests()), site)
    gc.enable()
    child.settle()
    serve_until_told(gateway, descriptor)
