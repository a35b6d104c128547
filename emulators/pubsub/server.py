"""Pub/Sub on a port of 127.0.0.1, for clients that are told of it by PUBSUB_EMULATOR_HOST."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from emulators.dispatch.carrier import Carry, carry
from emulators.dispatch.dispatcher import Dispatcher, Sign
from emulators.dispatch.refusal import Refused
from emulators.faults import Faults
from emulators.pubsub import wire
from emulators.pubsub.engine import Engine

_LARGEST_REQUEST = 16 << 20  # above Pub/Sub's own limit, so that it is Pub/Sub's own error that is seen


class _Handlers(grpc.GenericRpcHandler):
    """Every path of every service, so that also unknown calls get an answer that says so."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        self._faults = faults

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        path = handler_call_details.method
        if path not in wire.METHODS:
            return None  # gRPC itself answers UNIMPLEMENTED, for streams too

        def handle(payload: bytes, context: grpc.ServicerContext) -> Any:
            try:
                return wire.answer(self._engine, self._faults, path, payload)
            except Refused as refused:
                context.abort(refused.code, refused.message)

        return grpc.unary_unary_rpc_method_handler(handle)


class Server:
    """A running emulator: `port`, and `stop()`."""

    def __init__(self, engine: Engine, faults: Faults, dispatcher: Dispatcher, port: int) -> None:
        self.dispatcher = dispatcher
        self._server = grpc.server(
            ThreadPoolExecutor(16, thread_name_prefix="pubsub"),
            handlers=(_Handlers(engine, faults),),
            options=(("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _LARGEST_REQUEST)),
        )
        self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()
        dispatcher.start()

    def stop(self, grace: float = 5.0) -> bool:
        """No new push; whether those under way ended within `grace` seconds. What is unacknowledged stays."""
        self._server.stop(grace=1.0).wait()
        return self.dispatcher.stop(grace)


def serve(
    engine: Engine,
    faults: Faults,
    sign: Sign | None = None,
    port: int = 0,
    workers: int = 64,
    carrier: Carry = carry,
) -> Server:
    """Starts the emulator; `sign(audience, email)` makes the OIDC token of pushes that ask for one."""
    dispatcher = Dispatcher(engine, engine.clock, faults, "pubsub.push", sign, workers, carrier)
    return Server(engine, faults, dispatcher, port)
