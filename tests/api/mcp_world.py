"""The MCP family before all others of a world: its calls of the API reach them in this process."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx2

from emulators.runner.gateway import Gateway
from functions.api.mcp import handlers
from functions.api.mcp.routes import ROUTES
from shared.http.app import App
from shared.http.request import Headers
from tests.api.world import World

BASE = "https://api.test"
MODERN = "2026-07-28"
_META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}


class Mcp:
    """`calls` remembers what the tools sent to the API: method, path and headers."""

    def __init__(self, world: World, *, forwarded: bool = False) -> None:
        self.calls: list[tuple[str, str, Headers]] = []
        self.deps = handlers.Deps(BASE, forwarded, self._transport)
        made = App("mcp", ROUTES, lambda _: self.deps, settings=lambda: world.settings, kit=lambda _: world.kit)
        site: Any = None  # of the health page alone
        self._world = world
        self._gateway: Any = Gateway([*world.apps.values(), made], site)

    def _transport(self) -> Any:
        calls, gateway, clock = self.calls, self._gateway, self._world.clock

        async def heard(scope: Any, receive: Any, send: Any) -> None:
            headers = Headers((name.decode(), value.decode("latin-1")) for name, value in scope["headers"])
            calls.append((scope["method"], scope["raw_path"].decode().removeprefix("/api/v2"), headers))
            clock.advance(0.001)
            await gateway(scope, receive, send)

        return httpx2.ASGITransport(app=heard)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """One request to this family; `body` as JSON unless it is bytes."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self._gateway)
            async with httpx2.AsyncClient(transport=transport, base_url=BASE, timeout=30) as client:
                try:
                    return await client.request(method, path, content=content, headers=sent)
                finally:
                    await self.deps.endpoint().aclose()

        return asyncio.run(once())

    def speak(self, method: str, params: dict[str, Any], headers: Mapping[str, str], modern: bool = True) -> httpx2.Response:
        """One JSON-RPC request, as a client of that generation writes it."""
        if modern:
            params = {**params, "_meta": _META}
            headers = {**headers, "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            if "name" in params:
                headers = {**headers, "Mcp-Name": str(params["name"])}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.ask("POST", "/mcp", message, {"Accept": "application/json", **headers})

    def tools(self, headers: Mapping[str, str], modern: bool = True) -> list[dict[str, Any]]:
        return self.speak("tools/list", {}, headers, modern).json()["result"]["tools"]

    def call(self, tool: str, arguments: Any, headers: Mapping[str, str], modern: bool = True) -> dict[str, Any]:
        """The result of a call of a tool, refused ones included."""
        answer = self.speak("tools/call", {"name": tool, "arguments": arguments}, headers, modern)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def refusal(self, tool: str, arguments: Any, headers: Mapping[str, str]) -> str:
        result = self.call(tool, arguments, headers)
        assert result["isError"], result
        assert "structuredContent" not in result
        return result["content"][0]["text"]
