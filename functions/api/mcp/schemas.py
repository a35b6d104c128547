"""What the helpers around the MCP endpoint take and answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from shared.http.answers import Object

MAX_CALL_BODY = 16 * 1024 * 1024 + 64 * 1024  # the largest picture that a search takes, and what is around it
Platform = Literal["claude-desktop", "claude-code", "cursor", "vscode", "generic"]


class ConfigQuery(BaseModel):
    """Without `platform` the blocks of all."""

    platform: Platform | None = None


class PlaygroundBody(BaseModel):
    tool_name: Annotated[str, Field(min_length=1, max_length=100)]
    arguments: dict[str, Any] = {}


class StatusAnswer(TypedDict):
    """`tools` counts those that the caller's scopes allow."""

    status: str
    server_name: str
    version: str
    url: str
    transport: str
    protocol_versions: list[str]
    tools: int
    tools_in_all: int


class ToolAnswer(TypedDict):
    name: str
    title: str
    description: str
    category: str
    required_scope: str
    input_schema: Object
    output_schema: Object
    annotations: Object


class ToolsAnswer(TypedDict):
    """Those that the caller's scopes allow."""

    tools: list[ToolAnswer]
    total: int


class BlockAnswer(TypedDict):
    """`where` says what to do with it: `content` goes into a file, `command` into a shell."""

    platform: str
    where: str
    content: Object
    command: str
    notes: str


class AuthAnswer(TypedDict):
    header: str
    environment_variable: str
    placeholder: str


class ConfigAnswer(TypedDict):
    """Never holds a secret: where the key goes stands a placeholder, or the name of an environment variable."""

    server_name: str
    transport: str
    url: str
    auth: AuthAnswer
    clients: list[BlockAnswer]


class PlaygroundAnswer(TypedDict):
    tool_name: str
    success: bool
    result: Object | None
    error: str | None
    execution_time_ms: int
