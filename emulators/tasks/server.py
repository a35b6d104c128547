"""Cloud Tasks on a port of 127.0.0.1, for clients with `transport="rest"` and that address as `api_endpoint`."""

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.dispatch.carrier import Carry, carry
from emulators.dispatch.dispatcher import Dispatcher, Sign
from emulators.dispatch.listener import Listener
from emulators.faults import Faults
from emulators.tasks import wire
from emulators.tasks.engine import Engine


def app(engine: Engine, faults: Faults) -> Starlette:
    async def handle(request: Request) -> Response:
        body = await request.body()
        query = dict(request.query_params)
        status, payload = await run_in_threadpool(wire.answer, engine, faults, request.method, request.url.path, query, body)
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
        """No new dispatch; whether those under way ended within `grace` seconds. The others go out again later."""
        self._listener.stop()
        return self.dispatcher.stop(grace)


def serve(
    engine: Engine,
    faults: Faults,
    sign: Sign | None = None,
    port: int = 0,
    workers: int = 128,
    carrier: Carry = carry,
) -> Server:
    """Starts the emulator; `sign(audience, email)` makes the OIDC token of tasks that ask for one."""
    dispatcher = Dispatcher(engine, engine.clock, faults, "tasks.dispatch", sign, workers, carrier)
    return Server(engine, faults, dispatcher, port)
