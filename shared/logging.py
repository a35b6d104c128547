"""Logs as JSON lines that Cloud Logging reads: `severity`, `message` and ids; never bodies, secrets or signed URLs."""

import json
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from shared import tracing


def info(message: str, **fields: Any) -> None:
    _line("INFO", message, fields)


def warning(message: str, **fields: Any) -> None:
    _line("WARNING", message, fields)


def error(message: str, **fields: Any) -> None:
    _line("ERROR", message, fields)


def exception(message: str, failure: BaseException, **fields: Any) -> None:
    """An error with its stack; for the outermost layer only."""
    stack = "".join(traceback.format_exception(failure))
    _line("ERROR", message, {**fields, "exception": type(failure).__name__, "stack_trace": stack})


def _line(severity: str, message: str, fields: dict[str, Any]) -> None:
    record = {"severity": severity, "time": datetime.now(UTC).isoformat(), "message": message, **fields}
    trace = tracing.current()
    if trace is not None:
        project = os.environ.get("PROJECT_ID", "")  # of the log entry's own form, so no setting of any function
        record["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace.trace_id}" if project else trace.trace_id
        record["logging.googleapis.com/spanId"] = trace.span_id
        record["logging.googleapis.com/trace_sampled"] = trace.sampled
    sys.stderr.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
