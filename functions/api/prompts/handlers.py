"""Prompts: what to extract, as an instruction and a JSON Schema."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.api.prompts.contract import check_indexing, check_video_level
from functions.api.prompts.drafting import draft
from functions.api.prompts.schemas import (
    PromptCreate,
    PromptDelete,
    PromptList,
    PromptUpdate,
    PromptWish,
    SchemaTest,
    SemanticIndexing,
    VideoLevel,
)
from shared.domain.clock import wire_time
from shared.domain.errors import ApiError, ErrorCode, invalid
from shared.domain.prompts import Prompt
from shared.domain.schema import admit, leaf_paths
from shared.domain.schema import validate as schema_errors
from shared.domain.schema_warnings import schema_warnings
from shared.http.call import Call
from shared.http.views.prompt import prompt_view
from shared.inference.models import Models
from shared.store.documents import Store
from shared.store.markers import Markers
from shared.store.prompts import Prompts
from shared.usage.meter import Meter
from shared.usage.metered import MeteredModels

_CONTRACT = ("prompt_text", "json_schema", "video_level", "semantic_indexing")


@dataclass(frozen=True)
class Deps:
    store: Store
    prompts: Prompts
    models: Callable[[], Models]
    meter: Meter


def create(call: Call[PromptCreate], deps: Deps) -> dict[str, Any]:
    """Create a prompt"""
    body, now = call.body, deps.store.clock()
    admit(body.json_schema)
    video_level = check_video_level(body.video_level, body.json_schema) if body.video_level else None
    prompt = Prompt(
        created_at=now,
        updated_at=now,
        tenant=call.tenant,
        prompt_id=call.new_id("prompt"),
        user_id=call.caller.user_id,
        name=body.name,
        description=body.description,
        prompt_text=body.prompt_text,
        json_schema=body.json_schema,
        video_level=video_level,
        semantic_indexing=check_indexing(body.semantic_indexing, body.json_schema, video_level),
    )
    return _with_warnings(deps.store.create_once(prompt), call, deps)


def list_all(call: Call[None], deps: Deps) -> dict[str, Any]:
    """List prompts, newest first, the shared default ones last"""
    query: PromptList = call.query
    prompts = deps.prompts.all(call.tenant, include_defaults=query.include_defaults)
    active = [prompt for prompt in prompts if prompt.is_active]
    shown = active if query.active_only else prompts
    marks = Markers(deps.store).of_each(call.tenant, [prompt.prompt_id for prompt in shown])
    return {"prompts": [prompt_view(p, marks) for p in shown], "total_count": len(prompts), "active_count": len(active)}


def retrieve(call: Call[None], deps: Deps, prompt_id: str) -> dict[str, Any]:
    """Retrieve one prompt"""
    return _view(deps.prompts.get(call.tenant, prompt_id), call, deps)


def update(call: Call[PromptUpdate], deps: Deps, prompt_id: str) -> dict[str, Any]:
    """Replace the given fields of a prompt; runs already started keep the contract they began with"""
    wanted = _wanted(call.body)
    prompt = deps.prompts.own(call.tenant, prompt_id)
    changes = {name: value for name, value in _changes(prompt, call.body, wanted).items() if getattr(prompt, name) != value}
    if any(name in changes for name in _CONTRACT):
        changes["revision_number"] = prompt.revision_number + 1
    if changes:
        batch = deps.store.batch()
        batch.change(prompt, **changes)
        batch.commit()
    return _with_warnings(prompt, call, deps)


def _with_warnings(prompt: Prompt, call: Call[Any], deps: Deps) -> dict[str, Any]:
    """The prompt, and what its author should know of its schemas before a run."""
    warnings = schema_warnings(prompt.json_schema, "segment")
    if prompt.video_level is not None:
        warnings += schema_warnings(prompt.video_level["json_schema"], "video")
    return {**_view(prompt, call, deps), "warnings": warnings}


def _view(prompt: Prompt, call: Call[Any], deps: Deps) -> dict[str, Any]:
    return prompt_view(prompt, Markers(deps.store).of_each(call.tenant, [prompt.prompt_id]))


def _wanted(body: PromptUpdate) -> dict[str, Any]:
    """What was given, its faults told before anything is read."""
    if body.clear_video_level and body.video_level is not None:
        raise invalid("clear_video_level", "cannot be true while video_level is given")
    if body.json_schema is not None:
        admit(body.json_schema)
    if body.video_level is not None:
        admit(body.video_level.json_schema, "video_level.json_schema")
    return body.model_dump(include={"name", "description", "prompt_text", "json_schema", "is_active"}, exclude_none=True)


def _changes(prompt: Prompt, body: PromptUpdate, wanted: dict[str, Any]) -> dict[str, Any]:
    """The whole contract is checked anew: a new schema must still have every field that the kept parts name."""
    schema = wanted.get("json_schema", prompt.json_schema)
    level = body.video_level
    if level is None and prompt.video_level is not None and not body.clear_video_level:
        level = VideoLevel.model_validate(prompt.video_level)
    video_level = check_video_level(level, schema) if level is not None else None
    indexing = body.semantic_indexing or SemanticIndexing.model_validate(prompt.semantic_indexing)
    if body.clear_video_level and body.semantic_indexing is None:
        indexing = indexing.model_copy(update={"disabled_video_level_fields": []})  # they named fields that go with it
    return {**wanted, "video_level": video_level, "semantic_indexing": check_indexing(indexing, schema, video_level)}


def delete(call: Call[None], deps: Deps, prompt_id: str) -> dict[str, Any]:
    """Delete a prompt; one that runs were made with is only deactivated, unless `force=true`"""
    query: PromptDelete = call.query
    prompt = deps.prompts.own(call.tenant, prompt_id)
    keep = not query.force and deps.prompts.is_in_use(call.tenant, prompt_id)
    batch = deps.store.batch()
    if keep:
        batch.change(prompt, is_active=False)
    else:
        batch.delete(prompt)
    batch.commit()
    return {
        "message": "The prompt has runs, so it was deactivated and kept." if keep else "The prompt is deleted.",
        "prompt_id": prompt_id,
        "deleted": not keep,
        "deactivated": keep,
    }


def test_schema(call: Call[SchemaTest], deps: Deps) -> dict[str, Any]:
    """Validate sample data against a schema, as the answers of a run will be"""
    body = call.body
    try:
        errors = [
            f"{e.path}: {e.message}" if e.path else e.message for e in schema_errors(admit(body.json_schema), body.sample_data)
        ]
    except ApiError as error:
        if error.code is not ErrorCode.INVALID_SCHEMA:
            raise
        errors = [error.message]
    data = body.sample_data if isinstance(body.sample_data, dict) else None
    return {
        "valid": not errors,
        "validated_data": None if errors else data,
        "error": "; ".join(errors[:5]) or None,
        "errors": errors,
        "message": "The sample data fits the schema." if not errors else "The sample data does not fit the schema.",
    }


def generate(call: Call[PromptWish], deps: Deps) -> dict[str, Any]:
    """Draft a prompt from a wish in plain words; nothing is saved"""
    return draft(call.body.instruction, MeteredModels(deps.models(), deps.meter, call.tenant))


def get_usage(call: Call[None], deps: Deps, prompt_id: str) -> dict[str, Any]:
    """Tell whether a prompt is in use and what deleting it would do"""
    prompt = deps.prompts.get(call.tenant, prompt_id)
    runs = deps.prompts.run_count(call.tenant, prompt_id)
    own = prompt.tenant == call.tenant
    return {
        "prompt_id": prompt_id,
        "name": prompt.name,
        "is_active": prompt.is_active,
        "is_in_use": runs > 0,
        "safe_to_delete": own and runs == 0,
        "prompt_run_count": runs,
        "created_at": wire_time(prompt.created_at),
        "schema_properties_count": len(prompt.json_schema.get("properties", {})),
        "schema_leaf_count": len(leaf_paths(prompt.json_schema)),
    }
