"""The request a task becomes when it is dispatched, after what its queue says about targets."""

from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from google.cloud import tasks_v2

from emulators.dispatch.delivery import Bearer, Delivery
from emulators.tasks.limits import DEFAULT_DEADLINE, seconds

_IF_NOT_EXISTS = tasks_v2.UriOverride.UriOverrideEnforceMode.IF_NOT_EXISTS
_REPLACED_HEADERS = {"host", "content-length", "user-agent", "connection", "transfer-encoding"}
_RESERVED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")


def request_of(task: Any, queue: Any, properties: dict[str, str]) -> Delivery:
    """`properties` are the X-CloudTasks- headers of this attempt."""
    request, target = task.http_request, queue.http_target
    weak = target.uri_override.uri_override_enforce_mode == _IF_NOT_EXISTS
    method = tasks_v2.HttpMethod(_method(request, target, weak)).name
    return Delivery(
        id=task.name,
        url=overridden(request.url, target.uri_override) if target.HasField("uri_override") else request.url,
        method=method,
        headers={**_headers(request, target, weak), "User-Agent": "Google-Cloud-Tasks", **properties},
        body=b"" if method == "GET" else request.body,
        deadline=seconds(task.dispatch_deadline) or DEFAULT_DEADLINE,
        bearer=_bearer(request, target, weak),
    )


def overridden(url: str, override: Any) -> str:
    """The task's address with the queue's parts in it; with IF_NOT_EXISTS only parts that the address lacks."""
    parts = urlsplit(url)
    weak = override.uri_override_enforce_mode == _IF_NOT_EXISTS
    scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    if not weak and override.HasField("scheme"):
        scheme = "http" if override.scheme == tasks_v2.UriOverride.Scheme.HTTP else "https"
    if not weak and override.HasField("host"):
        host = override.host
    if override.HasField("port") and not (weak and port is not None):
        port = override.port or None
    path, query = parts.path, parts.query
    if override.HasField("path_override") and not (weak and path):
        path = _rooted(override.path_override.path)
    if override.HasField("query_override") and not (weak and query):
        query = override.query_override.query_params
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc += f":{port}"
    return urlunsplit(SplitResult(scheme, netloc, path, query, ""))


def _rooted(path: str) -> str:
    return path if not path or path.startswith("/") else f"/{path}"


def _method(request: Any, target: Any, weak: bool) -> int:
    own = request.http_method or tasks_v2.HttpMethod.POST
    return own if weak or not target.http_method else target.http_method


def _headers(request: Any, target: Any, weak: bool) -> dict[str, str]:
    own = {key: value for key, value in request.headers.items() if _is_free(key)}
    queue = {override.header.key: override.header.value for override in target.header_overrides if _is_free(override.header.key)}
    strong, soft = (own, queue) if weak else (queue, own)
    named = {key.lower() for key in strong}
    return {key: value for key, value in soft.items() if key.lower() not in named} | strong


def _is_free(key: str) -> bool:
    """Whether a caller may set the header; the others are ignored or replaced."""
    return key.lower() not in _REPLACED_HEADERS and not key.lower().startswith(_RESERVED_PREFIXES)


def _bearer(request: Any, target: Any, weak: bool) -> Bearer | None:
    own = request.oidc_token if request.HasField("oidc_token") else None
    queue = target.oidc_token if target.HasField("oidc_token") else None
    token = (own or queue) if weak else (queue or own)
    if token is None:
        return None
    return Bearer(token.audience or request.url, token.service_account_email)
