"""Sending commands by Cloud Tasks."""

import hashlib
from datetime import datetime
from functools import cache

import google.auth
from google.api_core import exceptions as google_errors
from google.api_core.client_options import ClientOptions
from google.cloud import tasks_v2
from google.protobuf import duration_pb2, timestamp_pb2

from shared import tracing
from shared.config import Settings
from shared.messaging.messages import Command, traced

DISPATCH_DEADLINE_SECONDS = 1800  # the platform's longest, for the stages that wait for models


class Queues:
    """One queue per stage. A task's URL is the function's own; where a queue is routed elsewhere, the queue says so."""

    def __init__(self, client: tasks_v2.CloudTasksClient, settings: Settings) -> None:
        self._client = client
        self._parent = f"projects/{settings.project_id}/locations/{settings.region}/queues"
        self._functions = f"https://{settings.region}-{settings.project_id}.cloudfunctions.net"
        self._caller = settings.stage_service_account

    def send(self, command: Command, *, slot: str = "", not_before: datetime | None = None) -> None:
        """Enqueues the command; at least one copy arrives.

        With a `slot` the task is named after command and slot, so a second sending of the same pair is refused by the queue:
        that spares duplicates, and nothing relies on it.
        """
        queue = f"{self._parent}/{command.queue()}"
        url = f"{self._functions}/{command.FUNCTION}"
        request = tasks_v2.HttpRequest(
            http_method=tasks_v2.HttpMethod.POST,
            url=url,
            headers={"Content-Type": "application/json"},
            body=traced(command).model_dump_json().encode(),
        )
        if self._caller:
            request.oidc_token = tasks_v2.OidcToken(service_account_email=self._caller, audience=url)
        task = tasks_v2.Task(http_request=request, dispatch_deadline=duration_pb2.Duration(seconds=DISPATCH_DEADLINE_SECONDS))
        if slot:
            name = hashlib.sha256(f"{command.fingerprint()}/{slot}".encode()).hexdigest()[:40]  # a hash spreads the names
            task.name = f"{queue}/tasks/{name}"
        if not_before is not None:
            stamp = timestamp_pb2.Timestamp()
            stamp.FromDatetime(not_before)
            task.schedule_time = stamp  # type: ignore[assignment]
        try:
            with tracing.span("tasks.create", queue=command.queue()):
                self._client.create_task(parent=queue, task=task)
        except google_errors.Conflict:  # AlreadyExists over gRPC, its superclass over REST
            return


@cache
def connect(settings: Settings) -> Queues:
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    options = ClientOptions(api_endpoint=settings.tasks_endpoint or None, universe_domain=credentials.universe_domain)
    return Queues(tasks_v2.CloudTasksClient(credentials=credentials, transport="rest", client_options=options), settings)
