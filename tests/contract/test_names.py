"""The names that clients, queues and dashboards rely on."""

import re

from shared.domain.events import PAYLOADS, EventType
from shared.domain.ids import PREFIXES, derived_id, is_id, new_id
from shared.domain.runs import FailureStage, RunStatus
from shared.messaging.messages import PROCESS_SEGMENT_SHARDS, QUEUES

EVENTS = [
    "media.created",
    "media.processing.started",
    "media.processing.completed",
    "media.processing.failed",
    "prompt_run.started",
    "prompt_run.completed",
    "prompt_run.failed",
    "prompt_run.cancelled",
    "prompt_run.partial_completed",
    "prompt_run.progress",
    "export.ready",
    "export.failed",
    "import_job.started",
    "import_job.completed",
    "import_job.failed",
    "import_job.partial_completed",
    "import_job.progress",
]


def test_there_are_the_seventeen_events_each_with_its_payload() -> None:
    assert len(EVENTS) == 17
    assert sorted(EventType) == sorted(EVENTS)
    assert set(PAYLOADS) == set(EventType)


def test_ids_tell_their_noun_and_have_one_shape() -> None:
    prefixes = [
        "idx_",
        "vid_",
        "seg_",
        "prm_",
        "run_",
        "key_",
        "conn_",
        "imp_",
        "exp_",
        "aut_",
        "whk_",
        "dlv_",
        "evt_",
        "ses_",
        "trn_",
        "mrk_",
        "rty_",
    ]
    assert set(prefixes) <= set(PREFIXES.values())
    for noun, prefix in PREFIXES.items():
        for made in (new_id(noun), derived_id(noun, "a", 1)):
            assert re.fullmatch(prefix + "[0-9abcdefghjkmnpqrstvwxyz]{26}", made) and is_id(noun, made)


def test_a_derived_id_depends_on_how_its_parts_are_split() -> None:
    assert derived_id("segment", "ab", "c") != derived_id("segment", "a", "bc")
    assert derived_id("segment", "ab", "c") == derived_id("segment", "ab", "c")


def test_queues_are_named_as_the_stages_they_wake() -> None:
    stages = ["plan-run", "cut-segments", "process-segment", "synthesize-video", "settle-run", "purge"]
    assert set(stages) <= set(QUEUES)
    shards = [f"process-segment-{n}" for n in range(PROCESS_SEGMENT_SHARDS)]
    assert QUEUES["process-segment"] == shards
    assert all(names == [function] for function, names in QUEUES.items() if function != "process-segment")


def test_states_of_a_run_and_stages_of_a_failure_are_those_of_the_contract() -> None:
    assert set(RunStatus) == set(["pending", "processing", "completed", "completed_with_failures", "failed", "cancelled"])
    stages = ["probe", "cut", "field_extraction", "transcription", "image_embedding", "text_embedding", "synthesis"]
    assert set(FailureStage) == set(stages)
