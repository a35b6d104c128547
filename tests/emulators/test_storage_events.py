"""Bucket notifications: what is told, to whom, and that nothing is forgotten."""

import json
from pathlib import Path

import pytest

from emulators.clock import ManualClock
from emulators.storage.engine import Engine
from emulators.storage.objects import Source, Target
from tests.emulators.storage_world import Topic, a_quiet_engine, a_world

TOPIC = "projects/demo-project/topics/media-stored"


def an_engine(topic: Topic, data_dir: Path | None = None, **config: object) -> Engine:
    engine = a_quiet_engine(data_dir, ManualClock(), topic)
    engine.buckets.create("demo", {"name": "originals"})
    engine.notifications.create("originals", {"topic": f"//pubsub.googleapis.com/{TOPIC}", **config})
    return engine


def put(engine: Engine, name: str, content: bytes = b"x") -> int:
    draft = engine.state.contents.draft()
    draft.write(content)
    return engine.objects.put(Target("originals", name, {"contentType": "video/mp4"}), draft).generation


def told(topic: Topic) -> list[tuple[str, str]]:
    return [(said["eventType"], said["objectId"]) for _, _, said in topic.messages]


def test_a_new_object_is_told_with_its_resource():
    topic = Topic()
    engine = an_engine(topic, custom_attributes={"stage": "ingest"})
    generation = put(engine, "media/a.mp4", b"hello")
    assert engine.deliver_events() == 0
    [(name, data, said)] = topic.messages
    resource = json.loads(data)
    assert (name, resource["name"], resource["size"], resource["contentType"]) == (
        TOPIC,
        "media/a.mp4",
        "5",
        "video/mp4",
    )
    assert said == {
        "notificationConfig": "projects/_/buckets/originals/notificationConfigs/1",
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": "originals",
        "objectId": "media/a.mp4",
        "objectGeneration": str(generation),
        "eventTime": "2023-11-14T22:13:20.000000Z",
        "stage": "ingest",
    }


def test_an_overwrite_tells_of_both_generations():
    topic = Topic()
    engine = an_engine(topic)
    old, new = put(engine, "a"), put(engine, "a")
    engine.deliver_events()
    finalized, deleted = (said for _, _, said in topic.messages[1:])
    assert (finalized["eventType"], finalized["overwroteGeneration"]) == ("OBJECT_FINALIZE", str(old))
    assert (deleted["eventType"], deleted["overwrittenByGeneration"]) == ("OBJECT_DELETE", str(new))


def test_changes_and_deletions_are_told():
    topic = Topic()
    engine = an_engine(topic)
    put(engine, "a")
    engine.objects.patch(Source("originals", "a"), {"metadata": {"k": "v"}})
    engine.objects.delete(Source("originals", "a"))
    engine.deliver_events()
    assert told(topic) == [("OBJECT_FINALIZE", "a"), ("OBJECT_METADATA_UPDATE", "a"), ("OBJECT_DELETE", "a")]


def test_prefix_and_event_types_are_kept_to():
    topic = Topic()
    config = {"object_name_prefix": "media/", "event_types": ["OBJECT_FINALIZE"], "payload_format": "NONE"}
    engine = an_engine(topic, **config)
    for name in ("media/a", "thumbs/a"):
        put(engine, name)
        engine.objects.delete(Source("originals", name))
    engine.deliver_events()
    assert told(topic) == [("OBJECT_FINALIZE", "media/a")] and topic.messages[0][1] == b""


def test_an_event_waits_while_the_topic_is_down_and_keeps_its_order():
    topic = Topic(down=True)
    engine = an_engine(topic)
    for name in ("a", "b", "c"):
        put(engine, name)
    assert (engine.deliver_events(), topic.messages) == (3, [])
    topic.down = False
    assert engine.deliver_events() == 0
    assert told(topic) == [("OBJECT_FINALIZE", name) for name in ("a", "b", "c")]


def test_an_event_survives_a_restart(tmp_path):
    put(an_engine(Topic(down=True), tmp_path), "a")
    topic = Topic()
    again = a_quiet_engine(tmp_path, ManualClock(), topic)
    assert again.deliver_events() == 0 and told(topic) == [("OBJECT_FINALIZE", "a")]


def test_a_refused_write_tells_nothing():
    topic = Topic()
    engine = an_engine(topic)
    with pytest.raises(Exception, match="No such bucket"):
        engine.objects.put(Target("elsewhere", "a", {}), engine.state.contents.draft())
    engine.deliver_events()
    assert topic.messages == []


def test_googles_client_configures_a_notification_and_the_server_sends_its_events():
    with a_world() as world:
        made = world.bucket.notification(
            topic_name="media-stored",
            topic_project="demo-project",
            event_types=["OBJECT_FINALIZE"],
            blob_name_prefix="media/",
            payload_format="JSON_API_V1",
            custom_attributes={"stage": "ingest"},
        )
        made.create()
        [listed] = world.bucket.list_notifications()
        assert (listed.notification_id, listed.topic_name, listed.blob_name_prefix) == ("1", "media-stored", "media/")
        assert world.bucket.get_notification("1").custom_attributes == {"stage": "ingest"}
        world.bucket.blob("media/a.mp4").upload_from_string(b"x")
        assert world.topic.arrived.wait(10) and told(world.topic) == [("OBJECT_FINALIZE", "media/a.mp4")]
        made.delete()
        assert list(world.bucket.list_notifications()) == []
