"""The import side: a look at the source once in every interval, one import of what is new, one run over what it brought."""

from typing import Any

from pydantic import ValidationError

from shared.connectors.opening import Opener
from shared.connectors.outcomes import outcome_of
from shared.connectors.port import CloudError, CloudFile, pages
from shared.domain import object_names
from shared.domain.automations import RECHECK, WAKE_GRACE, Automation, import_of, run_of
from shared.domain.connectors import IMPORT, Connector, ImportMode
from shared.domain.globs import compiled
from shared.domain.imports import NOT_MEDIA, ImportJob, ImportStatus, SeenFile, seen_id
from shared.domain.run_settings import RunSettings, new_run
from shared.domain.runs import Run
from shared.messaging.messages import PlanRun
from shared.messaging.queues import Queues
from shared.store.documents import Batch, Store
from shared.store.imports import Imports, Wanted
from shared.store.prompts import Prompts
from shared.work.claims import Claims
from shared.work.outcomes import GiveUp

CONNECTOR_DELETED = "the connector was deleted; put the automation with another one"


def follow_import(automation: Automation, store: Store, queues: Queues, imports: Imports) -> None:
    """Looks after the import under way: begins it if that was lost, and when it has ended runs the prompt over what came."""
    job = store.get(ImportJob, automation.tenant, automation.job_id)
    if job is None:
        _begin(automation, imports)
        return
    if not ImportStatus(job.status).is_terminal:
        return
    batch = store.batch()
    run, error = _run_over(automation, job, store, imports)
    if run is not None:
        batch.create(run)
        batch.change(job, fenced=False, execution=_execution("submitted", run.run_id, ""))
    elif error:
        batch.change(job, fenced=False, execution=_execution("blocked", "", error))
    if job.status == ImportStatus.FAILED:
        error = f"the import failed: {job.error_message}"
    assert automation.next_run_at is not None
    batch.change(automation, job_id="", last_error=error, wake_at=automation.next_run_at + WAKE_GRACE)
    batch.commit()
    if run is not None:
        queues.send(PlanRun(tenant=run.tenant, run_id=run.run_id), slot="execute")


def _execution(status: str, run_id: str, error: str) -> dict[str, Any]:
    return {"status": status, "run_id": run_id, "error_code": "prompt_unusable" if error else "", "error": error}


def _run_over(automation: Automation, job: ImportJob, store: Store, imports: Imports) -> tuple[Run | None, str]:
    """The run over the media that came, or why there is none; an import that the user cancelled is left alone."""
    if automation.prompt_preset is None or job.status == ImportStatus.CANCELLED:
        return None, ""
    video_ids = list(imports.video_ids(job))
    if not video_ids:
        return None, ""
    try:
        settings = RunSettings.model_validate(automation.prompt_preset)
    except ValidationError:
        return None, "the prompt preset is not valid any more; put the automation again"
    prompt = Prompts(store).find(automation.tenant, settings.prompt_id)
    if prompt is None or not prompt.is_active:
        return None, "the prompt of the preset was deleted or deactivated; put the automation with another one"
    run = new_run(
        settings,
        prompt,
        now=store.clock(),
        tenant=automation.tenant,
        run_id=run_of(automation, job.job_id),
        user_id=automation.user_id,
        target={"type": "videos", "video_ids": video_ids, "index_id": automation.index_id},
        index_ids=[automation.index_id],
    )
    return run, ""


def look_at_source(automation: Automation, store: Store, imports: Imports, opener: Opener, claims: Claims) -> None:
    """Begins an import if the source holds what this index has not seen; says on the document why it could not look."""
    due = automation.next_run_at
    assert due is not None
    now = store.clock()
    following = now + automation.interval
    if automation.job_id:  # the last import is not through: what is new is found at the next look
        batch = store.batch()
        batch.change(automation, next_run_at=following, wake_at=now + RECHECK)
        batch.commit()
        return
    try:
        with claims.hold(automation) as claim:
            found = _has_news(automation, store, opener)
            values: dict[str, Any] = {
                "next_run_at": following,
                "wake_at": following + WAKE_GRACE,
                "last_error": "",
                "failures": 0,
            }
            if found:
                values |= {"job_id": import_of(automation, due), "last_run_at": now, "wake_at": now + RECHECK}
            claim.commit(store.batch(), **values)
    except GiveUp as reason:
        _say_why(automation, reason, store.batch(), next_run_at=following, wake_at=following + WAKE_GRACE)
        return
    if automation.job_id:
        _begin(automation, imports)


def _say_why(automation: Automation, reason: GiveUp, batch: Batch, **values: Any) -> None:
    batch.change(automation, last_error=reason.message, lease_until=None, failures=0, **values)
    batch.commit()


def _begin(automation: Automation, imports: Imports) -> None:
    wanted = Wanted(
        connector_id=automation.connector_id,
        index_id=automation.index_id,
        source_prefix=automation.source_prefix,
        file_pattern=automation.file_pattern,
        recursive=automation.recursive,
        import_mode=ImportMode.NEW_ONLY,
        automation_id=automation.automation_id,
    )
    imports.start(automation.tenant, automation.job_id, automation.user_id, wanted)


def _has_news(automation: Automation, store: Store, opener: Opener) -> bool:
    """Whether an object of the source would be imported now. Raises `GiveUp` with words for the user."""
    connector = store.get(Connector, automation.tenant, automation.connector_id)
    if connector is None or connector.deleted_at is not None:
        raise GiveUp("connector_deleted", CONNECTOR_DELETED)
    if IMPORT not in connector.scopes:
        raise GiveUp("connector_not_for_import", "the connector has not the scope import; add it with PATCH")
    prefix = automation.source_prefix.lstrip("/")
    matches = compiled(automation.file_pattern)
    skip = len(prefix) - len(prefix.rpartition("/")[2])
    try:
        for page in pages(opener.open(connector), prefix, recursive=automation.recursive):
            wanted = [one for one in page if _may_be_media(one) and matches(one.path[skip:])]
            ids = {seen_id(automation.connector_id, automation.index_id, one.path, one.etag, one.size) for one in wanted}
            if len(store.get_all(SeenFile, [(automation.tenant, one) for one in ids])) < len(ids):
                return True
    except CloudError as error:
        raise outcome_of(error) from error
    return False


def _may_be_media(one: CloudFile) -> bool:
    """Empty objects are not worth an import of their own: it could only fail on them, again and again."""
    name = one.path
    return bool(
        one.size and not name.endswith("/") and not object_names.fault(name) and object_names.extension(name) not in NOT_MEDIA
    )
