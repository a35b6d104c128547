"""Whether a run still wants to be worked on; asked before every call of a model."""

from collections.abc import Callable
from datetime import timedelta

from shared.domain.runs import Run
from shared.store.documents import Store

GRACE = timedelta(seconds=5)  # within which what a model has just said may still be made searchable


class Stopped(Exception):
    """The run was told to stop; no model is asked any more."""


def stop_check(store: Store, run: Run, grace: timedelta = timedelta(0)) -> Callable[[], None]:
    """Raises `Stopped` once the run is gone, or was told to stop longer than `grace` ago."""

    def check() -> None:
        current = store.get(Run, run.tenant, run.run_id)
        if current is None:
            raise Stopped
        if current.stop_requested and store.clock() - current.stop_state["requested_at"] >= grace:
            raise Stopped

    return check
