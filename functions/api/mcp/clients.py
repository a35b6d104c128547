"""What to paste into which client, so that it finds the endpoint. The key itself is never in it."""

from typing import Any

NAME = "videovector"
HEADER = "X-API-Key"
VARIABLE = "VIDEOVECTOR_API_KEY"
PLACEHOLDER = "sk_live_YOUR_KEY"


def block(platform: str, url: str) -> dict[str, Any]:
    """The block of one platform."""
    return {"platform": platform, "command": "", **_BLOCKS[platform](url)}


def blocks(platform: str | None, url: str) -> list[dict[str, Any]]:
    return [block(one, url) for one in ([platform] if platform else _BLOCKS)]


def _claude_desktop(url: str) -> dict[str, Any]:
    arguments = ["-y", "mcp-remote", url, "--header", f"{HEADER}:${{{VARIABLE}}}"]
    if url.startswith("http://"):
        arguments.append("--allow-http")
    entry = {"command": "npx", "args": arguments, "env": {VARIABLE: PLACEHOLDER}}
    return {
        "where": "claude_desktop_config.json (Settings, Developer, Edit Config); put your key in place of the placeholder",
        "content": {"mcpServers": {NAME: entry}},
        "notes": "Its file takes programs only, so mcp-remote carries the calls; it needs Node.js.",
    }


def _claude_code(url: str) -> dict[str, Any]:
    headers = {HEADER: f"${{{VARIABLE}}}"}
    return {
        "where": f".mcp.json in the project, with the key in the environment as {VARIABLE}; or the command",
        "content": {"mcpServers": {NAME: {"type": "http", "url": url, "headers": headers}}},
        "command": f'claude mcp add --transport http {NAME} {url} --header "{HEADER}: ${VARIABLE}"',
        "notes": "The file keeps the variable's name; the command writes down the key that the variable has at that moment.",
    }


def _cursor(url: str) -> dict[str, Any]:
    return {
        "where": f"~/.cursor/mcp.json or .cursor/mcp.json in the project, with the key in the environment as {VARIABLE}",
        "content": {"mcpServers": {NAME: {"url": url, "headers": {HEADER: f"${{env:{VARIABLE}}}"}}}},
        "notes": "Cursor reads the environment it was started in.",
    }


def _vscode(url: str) -> dict[str, Any]:
    asked = {"type": "promptString", "id": "videovector-key", "description": "VideoVector API key", "password": True}
    return {
        "where": ".vscode/mcp.json in the workspace",
        "content": {
            "inputs": [asked],
            "servers": {NAME: {"type": "http", "url": url, "headers": {HEADER: "${input:videovector-key}"}}},
        },
        "notes": "VS Code asks for the key once and keeps it safe. The field is `servers`, not `mcpServers`.",
    }


def _generic(url: str) -> dict[str, Any]:
    return {
        "where": "any client of MCP over streamable HTTP",
        "content": {"transport": "streamable-http", "url": url, "headers": {HEADER: PLACEHOLDER}},
        "notes": f"Authorization: Bearer {PLACEHOLDER} does as well as {HEADER}.",
    }


_BLOCKS = {
    "claude-desktop": _claude_desktop,
    "claude-code": _claude_code,
    "cursor": _cursor,
    "vscode": _vscode,
    "generic": _generic,
}
