"""The gRPC methods answered, as functions of a request message; everything else is UNIMPLEMENTED."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from emulators.dispatch.paging import page
from emulators.dispatch.refusal import Refused, code_of_status, unimplemented
from emulators.faults import Faults, InjectedFault
from emulators.pubsub.catalog import Subscription, Topic
from emulators.pubsub.engine import Engine

PUBLISHER = "google.pubsub.v1.Publisher"
SUBSCRIBER = "google.pubsub.v1.Subscriber"


def _message(name: str) -> Any:
    """The protobuf class below one of the client library's own."""
    wrapper = getattr(types, name)
    return type(wrapper.pb(wrapper()))


@dataclass(frozen=True)
class Method:
    """One call: the class of its request, and what answers it."""

    request: Any
    answer: Callable[[Engine, Any], Any]


def _list_topics(engine: Engine, request: Any) -> Any:
    shown, token = page(engine.topics(request.project), lambda topic: topic.name, request.page_size, request.page_token)
    return _message("ListTopicsResponse")(topics=shown, next_page_token=token)


def _list_subscriptions(engine: Engine, request: Any) -> Any:
    shown, token = page(
        engine.subscriptions(request.project),
        lambda subscription: subscription.name,
        request.page_size,
        request.page_token,
    )
    return _message("ListSubscriptionsResponse")(subscriptions=shown, next_page_token=token)


def _publish(engine: Engine, request: Any) -> Any:
    return _message("PublishResponse")(message_ids=engine.publish(request.topic, request.messages))


def _delete_topic(engine: Engine, request: Any) -> Any:
    engine.delete_topic(request.topic)
    return Empty()


def _delete_subscription(engine: Engine, request: Any) -> Any:
    engine.delete_subscription(request.subscription)
    return Empty()


def _change_push(engine: Engine, request: Any) -> Any:
    engine.change_push(request.subscription, request.push_config)
    return Empty()


METHODS: dict[str, Method] = {
    f"/{PUBLISHER}/CreateTopic": Method(Topic, Engine.create_topic),
    f"/{PUBLISHER}/GetTopic": Method(_message("GetTopicRequest"), lambda engine, request: engine.get_topic(request.topic)),
    f"/{PUBLISHER}/ListTopics": Method(_message("ListTopicsRequest"), _list_topics),
    f"/{PUBLISHER}/DeleteTopic": Method(_message("DeleteTopicRequest"), _delete_topic),
    f"/{PUBLISHER}/Publish": Method(_message("PublishRequest"), _publish),
    f"/{SUBSCRIBER}/CreateSubscription": Method(Subscription, Engine.create_subscription),
    f"/{SUBSCRIBER}/GetSubscription": Method(
        _message("GetSubscriptionRequest"),
        lambda engine, request: engine.get_subscription(request.subscription),
    ),
    f"/{SUBSCRIBER}/ListSubscriptions": Method(_message("ListSubscriptionsRequest"), _list_subscriptions),
    f"/{SUBSCRIBER}/UpdateSubscription": Method(
        _message("UpdateSubscriptionRequest"),
        lambda engine, request: engine.update_subscription(request.subscription, request.update_mask),
    ),
    f"/{SUBSCRIBER}/DeleteSubscription": Method(_message("DeleteSubscriptionRequest"), _delete_subscription),
    f"/{SUBSCRIBER}/ModifyPushConfig": Method(_message("ModifyPushConfigRequest"), _change_push),
}


def answer(engine: Engine, faults: Faults, path: str, payload: bytes) -> bytes:
    """Serialized request to serialized answer; raises `Refused` and nothing else of its own."""
    method = METHODS.get(path)
    if method is None:
        raise unimplemented(f"{path.rpartition('/')[2]} is not emulated")
    try:
        with faults.around(f"pubsub.{path.rpartition('/')[2]}"):
            return method.answer(engine, method.request.FromString(payload)).SerializeToString()
    except InjectedFault as fault:
        raise Refused(code_of_status(fault.status), str(fault)) from fault
