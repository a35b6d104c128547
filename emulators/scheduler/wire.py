"""The one REST call answered: `POST /v1/projects/P/locations/L/jobs/J:run`."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from emulators.dispatch.refusal import Refused, code_of_status, unimplemented
from emulators.faults import Faults, InjectedFault
from emulators.scheduler.engine import Engine

_RUN = re.compile(r"/v1/(projects/[^/]+/locations/[^/]+/jobs/([^/:]+)):run")


def answer(engine: Engine, faults: Faults, method: str, path: str) -> tuple[int, bytes]:
    """HTTP status and JSON body, in the shape of Google's REST errors where the call is refused."""
    try:
        match = _RUN.fullmatch(path)
        if method != "POST" or match is None:
            raise unimplemented(f"{method} {path} is not emulated")
        with faults.around("scheduler.RunJob"):
            engine.run(match[2])
            shown = _job(engine, match[1], match[2])
        return 200, json.dumps(shown).encode()
    except Refused as refused:
        return refused.http_status, _error(refused.http_status, refused.code.name, refused.message)
    except InjectedFault as fault:
        return fault.status, _error(fault.status, code_of_status(fault.status).name, str(fault))


def _job(engine: Engine, resource: str, name: str) -> dict[str, Any]:
    job, state = engine.job(name), engine.state(name)
    shown: dict[str, Any] = {
        "name": resource,
        "schedule": job.schedule,
        "timeZone": "Etc/UTC",
        "state": "ENABLED",
        "httpTarget": {"uri": job.url, "httpMethod": job.method},
        "scheduleTime": _time(state.next_at),
    }
    if state.last_run is not None:
        shown["lastAttemptTime"] = _time(state.last_run)
    return shown


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _error(status: int, name: str, message: str) -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "status": name}}).encode()
