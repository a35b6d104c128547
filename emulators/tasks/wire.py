"""The REST calls of Cloud Tasks v2, as a function of method, path, query and body."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud import tasks_v2
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from emulators.dispatch.paging import page
from emulators.dispatch.refusal import Refused, code_of_status, invalid, unimplemented
from emulators.faults import Faults, InjectedFault
from emulators.tasks.engine import Engine
from emulators.tasks.queues import QueueMessage

_LOCATION = r"(?P<location>projects/[^/]+/locations/[^/]+)"
_QUEUE = r"(?P<queue>projects/[^/]+/locations/[^/]+/queues/[^/:]+)"
_TASK = r"(?P<task>projects/[^/]+/locations/[^/]+/queues/[^/:]+/tasks/[^/:]+)"


def _message(name: str) -> Any:
    """The protobuf class below one of the client library's own."""
    wrapper = getattr(tasks_v2, name)
    return type(wrapper.pb(wrapper()))


@dataclass(frozen=True)
class Call:
    """One request: the names its path gave, its query and its body."""

    names: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    def parse(self, kind: Any) -> Any:
        try:
            return json_format.Parse(self.body or b"{}", kind())
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise invalid(f"Invalid JSON payload received. {error}") from error

    @property
    def size(self) -> int:
        value = self.query.get("pageSize", "0")
        if not value.isdecimal():
            raise invalid("page_size must be a number that is not negative")
        return int(value)

    @property
    def token(self) -> str:
        return self.query.get("pageToken", "")

    @property
    def view(self) -> int:
        value = self.query.get("responseView", "0")
        try:
            return int(value) if value.isdecimal() else tasks_v2.Task.View.__members__[value].value
        except KeyError as error:
            raise invalid(f"responseView {value} is unknown") from error


Answer = Callable[[Engine, Call], Any]


def _create_queue(engine: Engine, call: Call) -> Any:
    return engine.create_queue(call.names["location"], call.parse(QueueMessage))


def _list_queues(engine: Engine, call: Call) -> Any:
    if call.query.get("filter"):
        raise unimplemented("the filter of ListQueues is not emulated")
    shown, token = page(engine.queues(call.names["location"]), lambda queue: queue.name, call.size, call.token, 9800)
    return _message("ListQueuesResponse")(queues=shown, next_page_token=token)


def _update_queue(engine: Engine, call: Call) -> Any:
    queue, mask = call.parse(QueueMessage), FieldMask()
    queue.name = call.names["queue"]
    try:
        mask.FromJsonString(call.query.get("updateMask", ""))
    except ValueError as error:
        raise invalid(f"Invalid update mask: {error}") from error
    return engine.update_queue(queue, mask)


def _delete_queue(engine: Engine, call: Call) -> Any:
    engine.delete_queue(call.names["queue"])
    return Empty()


def _create_task(engine: Engine, call: Call) -> Any:
    request = call.parse(_message("CreateTaskRequest"))
    return engine.create_task(call.names["queue"], request.task, request.response_view)


def _list_tasks(engine: Engine, call: Call) -> Any:
    shown, token = engine.list_tasks(call.names["queue"], call.view, call.size, call.token)
    return _message("ListTasksResponse")(tasks=shown, next_page_token=token)


def _delete_task(engine: Engine, call: Call) -> Any:
    engine.delete_task(call.names["task"])
    return Empty()


def _run_task(engine: Engine, call: Call) -> Any:
    request = call.parse(_message("RunTaskRequest"))
    return engine.run_task(call.names["task"], request.response_view)


_ROUTES: list[tuple[str, str, str, Answer]] = [
    ("POST", rf"{_LOCATION}/queues", "CreateQueue", _create_queue),
    ("GET", rf"{_LOCATION}/queues", "ListQueues", _list_queues),
    ("GET", _QUEUE, "GetQueue", lambda engine, call: engine.get_queue(call.names["queue"])),
    ("PATCH", _QUEUE, "UpdateQueue", _update_queue),
    ("DELETE", _QUEUE, "DeleteQueue", _delete_queue),
    ("POST", rf"{_QUEUE}:pause", "PauseQueue", lambda engine, call: engine.pause_queue(call.names["queue"])),
    ("POST", rf"{_QUEUE}:resume", "ResumeQueue", lambda engine, call: engine.resume_queue(call.names["queue"])),
    ("POST", rf"{_QUEUE}:purge", "PurgeQueue", lambda engine, call: engine.purge_queue(call.names["queue"])),
    ("POST", rf"{_QUEUE}/tasks", "CreateTask", _create_task),
    ("GET", rf"{_QUEUE}/tasks", "ListTasks", _list_tasks),
    ("GET", _TASK, "GetTask", lambda engine, call: engine.get_task(call.names["task"], call.view)),
    ("DELETE", _TASK, "DeleteTask", _delete_task),
    ("POST", rf"{_TASK}:run", "RunTask", _run_task),
]
_COMPILED = [(method, re.compile(f"/v2/{path}"), name, answer) for method, path, name, answer in _ROUTES]


def answer(engine: Engine, faults: Faults, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """HTTP status and JSON body, in the shape of Google's REST errors where the call is refused."""
    try:
        name, handler, names = _route(method, path)
        with faults.around(f"tasks.{name}"):
            message = handler(engine, Call(names, query, body))
        as_int = "enum-encoding=int" in query.get("$alt", "")
        return 200, json_format.MessageToJson(message, use_integers_for_enums=as_int, indent=None).encode()
    except Refused as refused:
        return refused.http_status, _error(refused.http_status, refused.code.name, refused.message)
    except InjectedFault as fault:
        return fault.status, _error(fault.status, code_of_status(fault.status).name, str(fault))


def _route(method: str, path: str) -> tuple[str, Answer, Mapping[str, str]]:
    for wanted, pattern, name, handler in _COMPILED:
        if wanted == method and (match := pattern.fullmatch(path)):
            return name, handler, match.groupdict()
    raise unimplemented(f"{method} {path} is not emulated")


def _error(status: int, name: str, message: str) -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "status": name}}).encode()
