"""Run tables: what a finished run found, as columns, so that filters and SQL never read the rows one by one."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from shared.domain.documents import Work, json_field
from shared.domain.runs import RunStatus

WITH_RESULTS = (RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_FAILURES)  # ends of a run that is worth tables


class TablesState(StrEnum):
    PENDING = "pending"  # to be built, or to be built anew
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"  # to build them; an older version may still be there


@dataclass(kw_only=True)
class RunTables(Work):
    """The tables of one run. The files of the version `published` count and no others; 0 stands for none yet.

    A version is numbered by the attempt that wrote it, so two workers never write the same files. `built_from` is when its
    reading began: what was deleted later may still stand in it and is left out by whoever reads.
    """

    PATH: ClassVar[str] = "tenants/{tenant}/run_tables/{run_id}"

    tenant: str
    run_id: str
    index_ids: list[str] = field(default_factory=list)  # as the run's; "" stands for the playground
    run_created_at: datetime
    published: int = 0
    built_from: datetime | None = None
    layout: dict[str, Any] = json_field()
    files: list[dict[str, Any]] = json_field(list)  # {name, table, rows, bytes}
    row_count: int = 0
    error_code: str = ""
    error_message: str = ""
    completed_at: datetime | None = None


def tables_prefix(tenant: str, run_id: str, version: int | None = None) -> str:
    """Where the objects of a version lie, or of all versions."""
    return f"tables/{tenant}/{run_id}/" + (f"v{version}/" if version is not None else "")
