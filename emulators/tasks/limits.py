"""What production refuses of queues and tasks, and the settings it fills in."""

import re
from typing import Any

from google.cloud import tasks_v2

from emulators.dispatch.refusal import invalid, unimplemented

TASK_BYTES = 1 << 20
URL_LENGTH = 2083
HEADER_BYTES = 80 << 10
DAY = 86_400
SCHEDULE_AHEAD = 30 * DAY
RETENTION = 31 * DAY
NAME_STAYS_TAKEN = DAY
QUEUE_NAME_STAYS_TAKEN = 7 * DAY
DEFAULT_DEADLINE = 600.0

_LOCATION = r"projects/[A-Za-z0-9\-:.]+/locations/[A-Za-z0-9\-]+"
_PARENT = re.compile(_LOCATION)
_QUEUE = re.compile(rf"{_LOCATION}/queues/[A-Za-z0-9\-]{{1,100}}")
_TASK_ID = re.compile(r"[A-Za-z0-9\-_]{1,500}")
_BODY_METHODS = {tasks_v2.HttpMethod.POST, tasks_v2.HttpMethod.PUT, tasks_v2.HttpMethod.PATCH}


def seconds(duration: Any) -> float:
    """Of a Duration, or of a Timestamp since the epoch."""
    return duration.seconds + duration.nanos / 1e9


def check_location(name: str) -> None:
    if _PARENT.fullmatch(name) is None:
        raise invalid('Invalid resource field value in the request: expected "projects/P/locations/L".')


def check_queue_name(name: str) -> None:
    if _QUEUE.fullmatch(name) is None:
        raise invalid(
            'Queue.name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>", '
            "the QUEUE_ID of at most 100 letters, numbers and hyphens."
        )


def check_task_name(name: str, queue: str) -> None:
    prefix = f"{queue}/tasks/"
    if not name.startswith(prefix) or _TASK_ID.fullmatch(name.removeprefix(prefix)) is None:
        raise invalid(
            f'Task name must be formatted: "{prefix}<TASK_ID>", '
            "the TASK_ID of at most 500 letters, numbers, hyphens and underscores."
        )


def complete_queue(queue: Any) -> None:
    """Fills in what production would choose, and refuses what it would refuse."""
    check_queue_name(queue.name)
    if queue.HasField("app_engine_routing_override"):
        raise unimplemented("App Engine targets are not emulated")
    _complete_rate(queue.rate_limits)
    _complete_retry(queue.retry_config)
    if queue.HasField("http_target"):
        _check_target(queue.http_target)


def _complete_rate(rate: Any) -> None:
    rate.max_dispatches_per_second = rate.max_dispatches_per_second or 500.0
    rate.max_concurrent_dispatches = rate.max_concurrent_dispatches or 1000
    if not 0 < rate.max_dispatches_per_second <= 500:
        raise invalid("Queue.rate_limits.max_dispatches_per_second must be above 0 and at most 500.")
    if not 0 < rate.max_concurrent_dispatches <= 5000:
        raise invalid("Queue.rate_limits.max_concurrent_dispatches must be between 1 and 5000.")
    rate.max_burst_size = max(10, -int(-rate.max_dispatches_per_second // 1))


def _complete_retry(retry: Any) -> None:
    retry.max_attempts = retry.max_attempts or 100
    retry.max_doublings = retry.max_doublings or 16
    if not retry.HasField("min_backoff"):
        retry.min_backoff.nanos = 100_000_000
    if not retry.HasField("max_backoff"):
        retry.max_backoff.seconds = 3600
    check_retry(retry)


def check_retry(retry: Any) -> None:
    if retry.max_attempts < -1:
        raise invalid("retry_config.max_attempts must be -1 or positive.")
    if retry.max_doublings < 0:
        raise invalid("retry_config.max_doublings must not be negative.")
    low, high = seconds(retry.min_backoff), seconds(retry.max_backoff)
    if low < 0 or seconds(retry.max_retry_duration) < 0:
        raise invalid("retry_config durations must not be negative.")
    if retry.HasField("max_backoff") and low > high:
        raise invalid("retry_config.min_backoff must not be greater than max_backoff.")


def _check_target(target: Any) -> None:
    if target.HasField("oauth_token"):
        raise unimplemented("OAuth tokens are not emulated; use oidc_token")
    if target.HasField("oidc_token") and not (target.oidc_token.service_account_email and target.oidc_token.audience):
        raise invalid("Queue.http_target.oidc_token needs a service_account_email and an audience.")
    override = target.uri_override
    if override.HasField("host") and not override.host:
        raise invalid("Queue.http_target.uri_override.host must not be empty.")
    if override.HasField("port") and not 0 <= override.port <= 65535:
        raise invalid("Queue.http_target.uri_override.port must be between 0 and 65535.")


def check_task(task: Any, now: float) -> None:
    """The request and the times of a new task; its name is checked with its queue's."""
    if task.HasField("app_engine_http_request"):
        raise unimplemented("App Engine targets are not emulated")
    if not task.HasField("http_request"):
        raise invalid("Task.http_request is required.")
    if task.ByteSize() > TASK_BYTES:
        raise invalid(f"Task size too large: at most {TASK_BYTES} bytes.")
    _check_request(task.http_request)
    if task.HasField("schedule_time") and seconds(task.schedule_time) > now + SCHEDULE_AHEAD:
        raise invalid("The Task.schedule_time must be at most 30 days in the future.")
    if task.HasField("dispatch_deadline") and not 15 <= seconds(task.dispatch_deadline) <= 1800:
        raise invalid("Task.dispatch_deadline must be between [15s, 30m].")
    if task.HasField("retry_config"):
        check_retry(task.retry_config)


def _check_request(request: Any) -> None:
    if re.match(r"https?://[^/\s]+", request.url) is None:
        raise invalid('HttpRequest.url is required and must begin with "http://" or "https://".')
    if len(request.url) > URL_LENGTH:
        raise invalid(f"HttpRequest.url must be at most {URL_LENGTH} characters.")
    if sum(len(key.encode()) + len(value.encode()) for key, value in request.headers.items()) >= HEADER_BYTES:
        raise invalid("The size of the headers must be less than 80KB.")
    method = request.http_method or tasks_v2.HttpMethod.POST
    if request.body and method not in _BODY_METHODS:
        raise invalid("HttpRequest.body is allowed only with POST, PUT and PATCH.")
    if request.HasField("oauth_token"):
        raise unimplemented("OAuth tokens are not emulated; use oidc_token")
    if request.HasField("oidc_token") and not request.oidc_token.service_account_email:
        raise invalid("HttpRequest.oidc_token needs a service_account_email.")
