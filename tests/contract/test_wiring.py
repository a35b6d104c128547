"""Functions meet in documents, queues and topics: every message has somebody who sends it and somebody whom it wakes."""

import importlib
from collections.abc import Collection

import pytest
from pydantic import TypeAdapter

from emulators.pubsub.filters import compile_filter
from functions.pipeline.count_usage.counting import COUNTED
from functions.pipeline.react_automations.reacting import CONCERN
from infra.manifests import Manifest, load_manifests
from shared.domain.events import EventType
from shared.domain.ids import PREFIXES, derived_id
from shared.messaging.messages import QUEUES, Command, DeadLetter, EventHappened, MediaStored, Message, Tick
from tests.contract.reach import COMMANDS, commands_made, publishes, settings_read

MANIFESTS = load_manifests()
STAGES = [manifest for manifest in MANIFESTS if manifest.group == "pipeline"]
MESSAGES: list[type[Message]] = [*COMMANDS.values(), EventHappened, MediaStored, DeadLetter, Tick]
MOST_BYTES = 4096
# Longest values there can be; an object's name is the longest the bucket takes.
LONGEST = {"name": "media/" + "é" * 500, "bucket": "b" * 222, "generation": "9" * 19, "tenant": "t" * 128}
LONGEST["event_type"] = max(EventType, key=len)


def named(name: str) -> Manifest:
    return next(manifest for manifest in MANIFESTS if manifest.name == name)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_a_function_declares_exactly_the_settings_its_code_can_reach(manifest: Manifest) -> None:
    assert {*manifest.env, *manifest.secrets} == settings_read(manifest)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_a_function_may_enqueue_to_whatever_stage_it_sends_commands(manifest: Manifest) -> None:
    allowed = {role.partition(":")[2] for role in manifest.roles if role.startswith("cloudtasks.enqueuer:")}
    sent = {command.FUNCTION for command in commands_made(manifest)} - {manifest.name}
    assert sent <= allowed
    assert allowed <= {command.FUNCTION for command in COMMANDS.values()}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.name)
def test_a_function_that_tells_facts_may_publish_them(manifest: Manifest) -> None:
    if publishes(manifest):
        assert "pubsub.publisher:events" in manifest.roles


@pytest.mark.parametrize("manifest", STAGES, ids=lambda manifest: manifest.name)
def test_a_stage_is_woken_by_the_message_it_reads(manifest: Manifest) -> None:
    message = importlib.import_module(manifest.module).stage._message
    assert message in MESSAGES
    if issubclass(message, Command):
        assert manifest.name == message.FUNCTION
        assert [name for name, _ in manifest.queues()] == QUEUES[manifest.name]
    elif message is Tick:
        assert list(manifest.schedules())
    else:
        assert [topic.name for topic in manifest.topics()] == [message.TOPIC]


def test_every_command_wakes_a_stage_and_is_sent_by_somebody() -> None:
    for command in COMMANDS.values():
        assert named(command.FUNCTION).group == "pipeline"
        others = [m.name for m in MANIFESTS if command in commands_made(m) and m.name not in ("tick", command.FUNCTION)]
        assert others, f"nobody but the sweep sends {command.__name__}"


def test_every_topic_has_a_producer_and_a_consumer() -> None:
    consumed = {topic.name for manifest in MANIFESTS for topic in manifest.topics()}
    produced = {r.partition(":")[2] for m in MANIFESTS for r in m.roles if r.startswith("pubsub.publisher:")}
    assert {EventHappened.TOPIC, MediaStored.TOPIC} <= consumed
    assert consumed <= produced | {MediaStored.TOPIC, "dead-letters"}, "the bucket tells of media; Pub/Sub buries"
    buried = {topic.name for manifest in MANIFESTS for topic in manifest.topics() if not topic.dead_letter}
    assert buried == {DeadLetter.TOPIC}, "what cannot be taken is told, but for the telling itself"


@pytest.mark.parametrize(("name", "heard"), [("count-usage", COUNTED), ("react-automations", CONCERN)])
def test_a_filtered_stage_hears_of_all_that_it_acts_on(name: str, heard: Collection[EventType]) -> None:
    (topic,) = named(name).topics()
    passes = compile_filter(topic.filter)
    told = {one for one in EventType if passes(EventHappened(tenant="t", event_id="e", event_type=one).attributes())}
    assert set(heard) <= told < set(EventType)
    assert passes(EventHappened(tenant="t", event_id="e").attributes()), "a sender that names no type is heard"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_a_message_says_its_version_and_kind_and_holds_names_only(message: type[Message]) -> None:
    fields = set(message.model_fields) - {"v", "kind", "traceparent"}
    assert all(name.endswith("_id") or name in LONGEST for name in fields)
    assert message.model_fields["v"].default == 1
    assert message.model_fields["kind"].default
    values = {name: LONGEST.get(name) or derived_id("import_job", name) for name in fields}
    made = message(**values, traceparent="0" * 55)
    assert len(made.model_dump_json().encode()) <= MOST_BYTES
    assert TypeAdapter(message).validate_json(made.model_dump_json()) == made


def test_kinds_of_messages_are_told_apart() -> None:
    kinds = [message.model_fields["kind"].default for message in MESSAGES]
    assert len(kinds) == len(set(kinds))


def test_the_trace_is_no_part_of_what_a_command_asks_for() -> None:
    for command in COMMANDS.values():
        values = {name: "x" for name in command.model_fields if name not in ("v", "kind", "traceparent")}
        assert command(**values).fingerprint() == command(**values, traceparent="00-aa-bb-01").fingerprint()
        assert command(**values).fingerprint() != command(**{**values, "tenant": "y"}).fingerprint()


def test_a_newer_sender_may_say_more_and_another_version_is_refused() -> None:
    told = {"v": 1, "kind": "event_happened", "tenant": "t", "event_id": "e", "colour": "blue"}
    assert EventHappened.model_validate(told).event_id == "e"
    with pytest.raises(ValueError, match="v"):
        EventHappened.model_validate({**told, "v": 2})


def test_no_two_nouns_share_a_prefix() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)
