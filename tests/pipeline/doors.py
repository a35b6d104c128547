"""Calls that leave this process by a socket, led through the same door as those to the engines inside it."""

from typing import Any
from urllib.parse import urlsplit

import requests

from emulators.faults import Faults

_MODEL_CALLS = {"generate_content": "vertex.generateContent", "embed_content": "vertex.embedContent"}


class GuardedSession(requests.Session):
    """Names a call by its service and what it does: `storage.POST`, `vectors.upsertDatapoints`."""

    def __init__(self, service: str, faults: Faults) -> None:
        super().__init__()
        self._service = service
        self._faults = faults

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        _, custom, verb = urlsplit(str(url)).path.rpartition(":")
        with self._faults.around(f"{self._service}.{verb if custom else str(method).upper()}"):
            return super().request(method, url, *args, **kwargs)


class GuardedModels:
    """Google's client of the models, of which the product uses `models.generate_content` and `models.embed_content`."""

    def __init__(self, client: Any, faults: Faults) -> None:
        self._client = client
        self._faults = faults

    @property
    def models(self) -> "GuardedModels":
        return self

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client.models, name)

        def guarded(**arguments: Any) -> Any:
            with self._faults.around(_MODEL_CALLS[name]):
                return call(**arguments)

        return guarded
