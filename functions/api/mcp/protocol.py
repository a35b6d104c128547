"""The Model Context Protocol over streamable HTTP, by the official library: both generations of it, and no sessions."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

from functions.api.mcp.calling import Api, Asked
from functions.api.mcp.results import as_text
from functions.api.mcp.running import run
from functions.api.mcp.table import TOOLS, offered
from functions.api.mcp.tools import Tool, descriptions

ASKED = "videovector.asked"  # where the scope of a request names its caller
NAME = "videovector"
_TITLE = "VideoVector"
_LISTING_MS = 5 * 60 * 1000  # how long a list of tools may be taken for current
_INSTRUCTIONS = """\
Video, audio and image libraries: what was said and shown in them, searchable. Begin with list_indexes. search_videos finds \
moments by meaning, filter_videos by extracted values, ask_library answers a question with citations. To extract something new: \
create_prompt, execute_prompt, get_prompt_run_status until it has ended, get_prompt_run_results. Long work is answered at once \
with an id to follow it by. An error says what to do about it."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def server(api: Api) -> Server[Any]:
    """Tools only: nothing that a client could subscribe to, and nothing that is asked of it."""

    async def list_tools(context: ServerRequestContext[Any], params: Any) -> dict[str, Any]:
        if params is not None and params.cursor:
            raise MCPError(types.INVALID_PARAMS, "the list of tools has one page; ask for it without a cursor")
        return listing(offered(_asked(context).scopes))

    async def call_tool(context: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in TOOLS:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name[:80]!r}; tools/list names those there are")
        outcome = await run(api, _asked(context), params.name, params.arguments or {})
        if outcome.answer is None:
            return types.CallToolResult(content=[types.TextContent(type="text", text=outcome.error)], is_error=True)
        text = types.TextContent(type="text", text=as_text(outcome.answer))
        return types.CallToolResult(content=[text], structured_content=outcome.answer)

    made: Server[Any] = Server(
        NAME,
        version=version(),
        title=_TITLE,
        instructions=_INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(ttl_ms=_LISTING_MS, scope="private")},
        get_tool_input_schema=lambda name: descriptions()[name].arguments if name in TOOLS else None,
        on_list_tools=list_tools,  # type: ignore[arg-type]  # a mapping is taken as well
        on_call_tool=call_tool,
    )
    made.middleware.clear()  # spans are made by the kit
    return made


def _asked(context: ServerRequestContext[Any]) -> Asked:
    request: Any = context.request
    return request.scope[ASKED]


@cache
def version() -> str:
    try:
        return metadata.version("videovector-functions")
    except metadata.PackageNotFoundError:  # a function is deployed as files, not as a distribution
        return "0.1.0"


@cache
def listing(names: tuple[str, ...]) -> dict[str, Any]:
    """As it goes out: large, asked for at the beginning of every conversation, and always the same."""
    made = types.ListToolsResult(tools=[_told(TOOLS[name]) for name in names])
    return made.model_dump(by_alias=True, mode="json", exclude_none=True, exclude={"ttl_ms", "cache_scope"})


def _told(tool: Tool) -> types.Tool:
    described = descriptions()[tool.name]
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.about,
        input_schema=described.arguments,
        output_schema=described.answer,
        annotations=types.ToolAnnotations(title=tool.title, **tool.hints),
    )


@dataclass
class _Running:
    """What lives in one event loop. Two managers, since a client that takes no event streams is answered plainly."""

    api: Api
    streaming: StreamableHTTPSessionManager
    plain: StreamableHTTPSessionManager
    ready: asyncio.Event
    task: "asyncio.Task[None] | None" = None

    async def live(self) -> None:
        """One task for good: a manager must be left by the task that entered it."""
        async with self.streaming.run(), self.plain.run():
            self.ready.set()
            await asyncio.Event().wait()


class Endpoint:
    """The protocol as an ASGI application; what it needs starts with the first request of a loop."""

    def __init__(self, base_url: str, most_bytes: int, transport: Callable[[], Any] = lambda: None) -> None:
        self._base_url = base_url
        self._most_bytes = most_bytes
        self._transport = transport
        self._running: dict[asyncio.AbstractEventLoop, _Running] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        running = await self._started()
        manager = running.streaming if takes_streams(scope) else running.plain
        await manager.handle_request(scope, receive, send)

    async def api(self) -> Api:
        return (await self._started()).api

    async def _started(self) -> _Running:
        loop = asyncio.get_running_loop()
        running = self._running.get(loop)
        if running is None:
            running = self._running[loop] = self._made()
            running.task = asyncio.create_task(running.live())
        await running.ready.wait()
        return running

    def _made(self) -> _Running:
        api = Api(self._base_url, self._transport())
        built = server(api)
        streaming, plain = (
            StreamableHTTPSessionManager(built, stateless=True, json_response=plainly, max_request_body_size=self._most_bytes)
            for plainly in (False, True)
        )
        return _Running(api, streaming, plain, asyncio.Event())

    async def aclose(self) -> None:
        """Ends what runs in this loop."""
        running = self._running.pop(asyncio.get_running_loop(), None)
        if running is None:
            return
        if running.task is not None:
            running.task.cancel()
            await asyncio.wait({running.task})
        await running.api.aclose()


def takes_streams(scope: Scope) -> bool:
    accepted = next((value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"accept"), "")
    return "text/event-stream" in accepted
