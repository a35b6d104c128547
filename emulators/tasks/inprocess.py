"""Google's own client on an engine in the same process: its REST transport, with a session that calls functions."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksRestTransport
from requests.adapters import BaseAdapter

from emulators.faults import Faults
from emulators.tasks import wire
from emulators.tasks.engine import Engine

_HOST = "tasks.invalid"


def client(engine: Engine, faults: Faults | None = None) -> tasks_v2.CloudTasksClient:
    transport = CloudTasksRestTransport(host=_HOST, credentials=AnonymousCredentials(), url_scheme="http")
    transport._session.trust_env = False  # there is no proxy to a function, and to look for one takes a millisecond a request
    transport._session.mount(f"http://{_HOST}", _EngineAdapter(engine, faults or Faults()))
    return tasks_v2.CloudTasksClient(transport=transport)


class _EngineAdapter(BaseAdapter):
    """Answers the requests that would have gone to the host."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        super().__init__()
        self._engine = engine
        self._faults = faults

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        query = dict(parse_qsl(str(parts.query)))
        status, payload = wire.answer(self._engine, self._faults, request.method or "GET", str(parts.path), query, body)
        response = requests.Response()
        response.status_code = status
        response.headers["Content-Type"] = "application/json"
        response._content = payload
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing was opened."""
