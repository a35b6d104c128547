"""Serves an engine over gRPC on this machine, for `FIRESTORE_EMULATOR_HOST`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from emulators.faults import Faults, InjectedFault

from .engine import Engine
from .refusal import Refused
from .wire import SERVICE, Operation, Wire

THREADS = 16
_MESSAGE_BYTES = 64 * 1_048_576
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def refusal_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The gRPC status of a refusal or of a fault ordered with an HTTP status."""
    if isinstance(error, Refused):
        return grpc.StatusCode[error.code], error.message
    if isinstance(error, InjectedFault):
        return grpc.StatusCode[_STATUSES.get(error.status, "UNKNOWN")], str(error)
    raise error


class FirestoreServer:
    """A running server; `port` is where it listens on 127.0.0.1."""

    def __init__(self, server: grpc.Server, port: int) -> None:
        self._server = server
        self.port = port

    def stop(self) -> None:
        """Answers no more calls; returns when those under way are done, at the latest after a second."""
        self._server.stop(grace=1.0).wait()


def serve(engine: Engine, faults: Faults, port: int = 0) -> FirestoreServer:
    """Serves the engine on a port of 127.0.0.1, a free one for 0. The engine stays the caller's to close."""
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),
    ]
    pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="firestore")
    server = grpc.server(pool, options=options)
    operations = Wire(engine, faults, waits=True).operations()
    handlers = {name.rpartition("/")[2]: _handler(operation) for name, operation in operations.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return FirestoreServer(server, bound)


def _handler(operation: Operation) -> grpc.RpcMethodHandler:
    if operation.streams:
        return grpc.unary_stream_rpc_method_handler(
            _answering(operation.answer, iter),
            request_deserializer=operation.request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
    return grpc.unary_unary_rpc_method_handler(
        _answering(operation.answer, lambda message: message),
        request_deserializer=operation.request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def _answering(answer: Callable[[Any], Any], shape: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return shape(answer(request))
        except (Refused, InjectedFault) as error:
            context.abort(*refusal_of(error))

    return handle
