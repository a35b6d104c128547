"""The scheduler at work, and on a port of 127.0.0.1 for whoever wants a job run now."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.dispatch.carrier import Carry, carry
from emulators.dispatch.dispatcher import Dispatcher, Sign
from emulators.dispatch.listener import Listener
from emulators.faults import Faults
from emulators.scheduler import wire
from emulators.scheduler.engine import Engine


def app(engine: Engine, faults: Faults) -> Starlette:
    def handle(request: Request) -> Response:
        status, payload = wire.answer(engine, faults, request.method, request.url.path)
        return Response(payload, status, media_type="application/json")

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", handle, methods=methods)])


class Server:
    """A running emulator: `port`, and `stop()`."""

    def __init__(self, engine: Engine, faults: Faults, dispatcher: Dispatcher, port: int) -> None:
        self.dispatcher = dispatcher
        self._listener = Listener(app(engine, faults), port)
        self.port = self._listener.port
        dispatcher.start()

    def stop(self, grace: float = 5.0) -> bool:
        """No new run; whether those under way ended within `grace` seconds."""
        self._listener.stop()
        return self.dispatcher.stop(grace)


def serve(
    engine: Engine,
    faults: Faults,
    sign: Sign | None = None,
    port: int = 0,
    workers: int = 8,
    carrier: Carry = carry,
) -> Server:
    """Starts the emulator; `sign(audience, email)` makes the OIDC token of jobs that ask for one."""
    dispatcher = Dispatcher(engine, engine.clock, faults, "scheduler.dispatch", sign, workers, carrier)
    return Server(engine, faults, dispatcher, port)
