"""Fields of a body for which a client may send null and mean that there is nothing."""

from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class NullIs:
    """`Annotated[str, NullIs(str)]`: null is taken and is an empty string, and the reference says that it is taken."""

    def __init__(self, empty: Callable[[], Any]) -> None:
        self._empty = empty

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def told(value: Any) -> Any:
            return self._empty() if value is None else value

        return core_schema.no_info_before_validator_function(told, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(core), {"type": "null"}]}
