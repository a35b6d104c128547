"""Google's own clients on an engine in the same process: a gRPC channel that calls functions."""

from collections.abc import Callable
from typing import Any

import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from emulators.dispatch.refusal import Refused, unimplemented
from emulators.faults import Faults
from emulators.pubsub import wire
from emulators.pubsub.engine import Engine


def publisher(engine: Engine, faults: Faults | None = None) -> PublisherClient:
    channel = EngineChannel(engine, faults or Faults())
    return PublisherClient(transport=PublisherGrpcTransport(channel=channel))


def subscriber(engine: Engine, faults: Faults | None = None) -> SubscriberClient:
    channel = EngineChannel(engine, faults or Faults())
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


class _Outcome(grpc.Call, grpc.Future):
    """A call that is over."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def result(self, timeout: float | None = None) -> Any:
        return self._response

    def exception(self, timeout: float | None = None) -> BaseException | None:
        return None

    def traceback(self, timeout: float | None = None) -> Any:
        return None

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    def details(self) -> str:
        return ""

    def initial_metadata(self) -> tuple:
        return ()

    def trailing_metadata(self) -> tuple:
        return ()

    def done(self) -> bool:
        return True

    def running(self) -> bool:
        return False

    def is_active(self) -> bool:
        return False

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def time_remaining(self) -> float | None:
        return None

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return False  # gRPC's way of saying that the call is already over

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        fn(self)


class _Failure(grpc.RpcError, _Outcome):
    """A call that was refused: raised, and asked for its code."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self._refused = refused

    def result(self, timeout: float | None = None) -> Any:
        raise self

    def exception(self, timeout: float | None = None) -> BaseException | None:
        return self

    def code(self) -> grpc.StatusCode:
        return self._refused.code

    def details(self) -> str:
        return self._refused.message


class _Call(grpc.UnaryUnaryMultiCallable):
    """One method of the channel."""

    def __init__(self, invoke: Callable[[bytes], bytes], serialize: Any, deserialize: Any) -> None:
        self._invoke = invoke
        self._serialize = serialize
        self._deserialize = deserialize

    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return self._run(request).result()

    def with_call(self, request: Any, *args: Any, **kwargs: Any) -> tuple[Any, grpc.Call]:
        outcome = self._run(request)
        return outcome.result(), outcome

    def future(self, request: Any, *args: Any, **kwargs: Any) -> _Outcome:
        return self._run(request)

    def _run(self, request: Any) -> _Outcome:
        """Through bytes and back, as on the wire, so that nobody holds the engine's own objects."""
        try:
            return _Outcome(self._deserialize(self._invoke(self._serialize(request))))
        except Refused as refused:
            return _Failure(refused)


class EngineChannel(grpc.Channel):
    """Unary calls only; nothing is connected and nothing has to be closed."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        self._faults = faults

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,
    ) -> _Call:
        def invoke(payload: bytes) -> bytes:
            return wire.answer(self._engine, self._faults, method, payload)

        return _Call(invoke, request_serializer, response_deserializer)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        def refuse(*call_args: Any, **call_kwargs: Any) -> Any:
            raise _Failure(unimplemented(f"{method} is not emulated"))

        return refuse

    stream_unary = unary_stream
    stream_stream = unary_stream

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Nothing was kept of the subscription."""

    def close(self) -> None:
        """Nothing was opened."""

    def __enter__(self) -> "EngineChannel":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()
