"""The guard for what is built on requests: Azure's transport, google-auth, plain sessions."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.timeout import Timeout

from shared.egress import urls
from shared.egress.dialing import Dialer
from shared.egress.sockets import CONNECT_SECONDS, pool_classes
from shared.egress.urls import Refused


class GuardedAdapter(HTTPAdapter):
    """Mount it for https:// and http:// on any requests session: it dials checked addresses only, and no proxy."""

    def __init__(self, dialer: Dialer, **named: Any) -> None:
        self._dialer = dialer
        super().__init__(**named)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = pool_classes(self._dialer)

    def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
        raise Refused("a proxy would dial for us, unchecked")


class GuardedSession(requests.Session):
    """Nothing out of the environment (proxies, .netrc), no redirect followed, each URL read strictly before it is dialled.

    `seconds` is the default for connecting and for each wait for bytes.
    """

    def __init__(self, dialer: Dialer, seconds: float = 30.0) -> None:
        super().__init__()
        self.trust_env = False
        self._dialer = dialer
        self._seconds = seconds
        for scheme in ("https://", "http://"):
            self.mount(scheme, GuardedAdapter(dialer))

    def send(self, request: requests.PreparedRequest, **named: Any) -> requests.Response:
        urls.read(request.url or "", loopback=self._dialer.loopback)
        if named.get("timeout") is None:
            named["timeout"] = Timeout(connect=min(CONNECT_SECONDS, self._seconds), read=self._seconds)
        return super().send(request, **named)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: whoever answers with a redirect has answered."""
        return None
