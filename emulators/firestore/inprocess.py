"""Google's client on an engine in the same process: no socket, no thread, the very same messages."""

from collections.abc import Iterator
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore.client import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports.grpc import FirestoreGrpcTransport

from emulators.faults import Faults, InjectedFault

from .engine import Engine
from .refusal import Refused
from .server import refusal_of
from .wire import Operation, Wire


class _Call(grpc.Call):
    """A call that is over."""

    def __init__(self, code: grpc.StatusCode = grpc.StatusCode.OK, details: str = "") -> None:
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def initial_metadata(self) -> tuple:
        return ()

    def trailing_metadata(self) -> tuple:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def add_callback(self, callback: Any) -> bool:
        return False

    def done(self) -> bool:
        return True


class _Refusal(_Call, grpc.RpcError):
    """An error as gRPC raises it, which is also the call that failed."""

    def result(self, timeout: float | None = None) -> Any:
        raise self

    def exception(self, timeout: float | None = None) -> Exception:
        return self

    def __str__(self) -> str:
        return f"{self._code.name}: {self._details}"


class _Stream(_Call):
    """The answers of a call that have all arrived."""

    def __init__(self, answers: Iterator[Any]) -> None:
        super().__init__()
        self._answers = answers

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._answers)


class _Method(grpc.UnaryUnaryMultiCallable, grpc.UnaryStreamMultiCallable):
    """One RPC. Messages cross as bytes, so neither side can change what the other holds."""

    def __init__(self, operation: Operation | None, name: str, serialize: Any, deserialize: Any) -> None:
        self._operation = operation
        self._name = name
        self._serialize = serialize
        self._deserialize = deserialize

    def __call__(self, request: Any, *_: Any, **__: Any) -> Any:
        if self._operation is None:
            raise _Refusal(grpc.StatusCode.UNIMPLEMENTED, f"{self._name} is not served here")
        try:
            answer = self._operation.answer(self._operation.request.FromString(self._serialize(request)))
        except (Refused, InjectedFault) as error:
            raise _Refusal(*refusal_of(error)) from None
        if self._operation.streams:
            return _Stream(self._deserialize(message.SerializeToString()) for message in answer)
        return self._deserialize(answer.SerializeToString())

    def with_call(self, request: Any, *_: Any, **__: Any) -> tuple[Any, grpc.Call]:
        return self(request), _Call()

    def future(self, request: Any, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("calls within the process are synchronous")


class Channel(grpc.Channel):
    """A `grpc.Channel` that ends in an engine."""

    def __init__(self, engine: Engine, faults: Faults | None = None) -> None:
        # Nobody else runs while a call waits within one thread, so no call ever waits.
        self._operations = Wire(engine, faults or Faults(), waits=False).operations()

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any
    ) -> Any:
        return _Method(self._operations.get(method), method, request_serializer, response_deserializer)

    def unary_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any
    ) -> Any:
        return _Method(self._operations.get(method), method, request_serializer, response_deserializer)

    def stream_unary(self, method: str, *_: Any, **__: Any) -> Any:
        return _Method(None, method, None, None)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return _Method(None, method, None, None)

    def subscribe(self, callback: Any, try_to_connect: bool = False) -> None:
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Any) -> None:
        return None

    def close(self) -> None:
        return None

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: object) -> None:
        return None


def client(engine: Engine, project: str, database: str = "(default)", *, faults: Faults | None = None) -> firestore.Client:
    """Google's own client, unmodified but for its channel, on the engine. Safe for as many threads as the engine."""
    made = firestore.Client(project=project, credentials=AnonymousCredentials(), database=database)
    transport = FirestoreGrpcTransport(host="localhost", channel=Channel(engine, faults))
    made._firestore_api_internal = FirestoreClient(transport=transport)
    return made
