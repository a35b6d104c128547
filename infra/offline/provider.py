"""A Terraform provider that has the real one's schema and no cloud behind it.

It plans what is asked for, with everything the service would fill in unknown; applying makes those known by names derived from
the resource, so that a second plan shows whether the configuration comes to rest. It keeps nothing: the state is Terraform's.
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import msgpack

from infra.offline import wire
from infra.offline.schemas import Block

_NESTING = {"single": 1, "list": 2, "set": 3}
_WRITE_ONLY = "_wo"  # how Google's provider names the arguments that never reach the state
_UNKNOWN = msgpack.ExtType(0, b"\0")
_LONGEST = 64 * 1024 * 1024


class Provider:
    """The methods of the protocol, by name; `name` is put into what it makes up."""

    def __init__(self, resources: Mapping[str, Block], data_sources: Mapping[str, Block]) -> None:
        self._resources = resources
        self._data_sources = data_sources
        self._wire = wire.classes()

    def handlers(self) -> grpc.GenericRpcHandler:
        methods = {}
        for name, (request, response) in wire.METHODS.items():
            methods[name] = grpc.unary_unary_rpc_method_handler(
                getattr(self, name),
                request_deserializer=self._wire[request].FromString,
                response_serializer=self._wire[response].SerializeToString,
            )
        return grpc.method_handlers_generic_handler(wire.SERVICE, methods)

    def GetSchema(self, request: Any, context: Any) -> Any:
        answer = self._wire["GetSchemaResponse"]()
        settings = {name: ("string", False, True, False) for name in ("project", "region", "billing_project")}
        settings["user_project_override"] = ("bool", False, True, False)
        self._describe(answer.provider.block, Block(settings))
        for blocks, schemas in ((self._resources, answer.resource_schemas), (self._data_sources, answer.data_source_schemas)):
            for name, block in blocks.items():
                self._describe(schemas[name].block, block)
        return answer

    def _describe(self, target: Any, block: Block) -> None:
        for name, (kind, required, optional, computed) in sorted(block.attributes.items()):
            said = {"name": name, "type": json.dumps(kind).encode(), "required": required, "optional": optional}
            target.attributes.add(**said, computed=computed, write_only=name.endswith(_WRITE_ONLY))
        for name, (mode, required, most, inner) in sorted(block.nested.items()):
            nested = target.block_types.add(type_name=name, nesting=_NESTING[mode], max_items=0 if mode == "single" else most)
            nested.block.SetInParent()  # Terraform falls over a block that is not there, and this one may be empty
            nested.min_items = 1 if required and mode != "single" else 0
            self._describe(nested.block, inner)

    def PrepareProviderConfig(self, request: Any, context: Any) -> Any:
        return self._wire["PrepareResponse"](prepared_config=request.config)

    def ValidateResourceTypeConfig(self, request: Any, context: Any) -> Any:
        return self._wire["DiagnosticsResponse"]()

    ValidateDataSourceConfig = Configure = ValidateResourceTypeConfig

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return self._wire["UpgradeResponse"](upgraded_state={"json": request.raw_state.json})

    def ReadResource(self, request: Any, context: Any) -> Any:
        return self._wire["ReadResponse"](new_state=request.current_state, private=request.private)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed = _unpack(request.proposed_new_state)
        if proposed is not None:
            _plan(self._resources[request.type_name], proposed)
        return self._wire["PlanResponse"](planned_state=_pack(proposed))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        planned = _unpack(request.planned_state)
        if planned is not None:
            block = self._resources[request.type_name]
            planned = _settle(planned, block, _name_of(request.type_name, planned))
        return self._wire["ApplyResponse"](new_state=_pack(planned))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        state = _unpack(request.config)
        block = self._data_sources[request.type_name]
        _plan(block, state)
        return self._wire["DataResponse"](state=_pack(_settle(state, block, request.type_name)))

    def Stop(self, request: Any, context: Any) -> Any:
        return self._wire["StopResponse"]()


def _plan(block: Block, state: dict[str, Any]) -> None:
    """What the service says and nobody asked for is not known yet; what is write-only leaves no trace."""
    for name, (_, _, _, computed) in block.attributes.items():
        if name.endswith(_WRITE_ONLY):
            state[name] = None
        elif computed and state.get(name) is None:
            state[name] = _UNKNOWN
    for name, (_, _, _, inner) in block.nested.items():
        value = state.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                _plan(inner, one)


def _settle(state: dict[str, Any], block: Block, name: str) -> dict[str, Any]:
    """What the plan left open gets a value that says what it is."""
    known = dict(state)
    for attribute, (kind, *_) in block.attributes.items():
        if known.get(attribute) == _UNKNOWN:
            known[attribute] = _made_up(kind, f"{name}/{attribute}")
    for nested, (_, _, _, inner) in block.nested.items():
        value = known.get(nested)
        if isinstance(value, list):
            known[nested] = [_settle(one, inner, f"{name}/{nested}") for one in value]
        elif isinstance(value, dict):
            known[nested] = _settle(value, inner, f"{name}/{nested}")
    return known


def _made_up(kind: Any, name: str) -> Any:
    if kind == "string":
        return name
    return {"number": 1, "bool": True, "list": [], "set": [], "map": {}}[kind if isinstance(kind, str) else kind[0]]


def _name_of(kind: str, state: Mapping[str, Any]) -> str:
    """Arguments that tell resources of one type apart."""
    said = [
        state.get(name) for name in ("account_id", "name", "service", "collection", "field", "role", "member", "display_name")
    ]
    return "/".join([kind, *(text for text in said if isinstance(text, str))])


def _unpack(value: Any) -> Any:
    if value.json:
        return json.loads(value.json)
    return msgpack.unpackb(value.msgpack, strict_map_key=False)


def _pack(value: Any) -> dict[str, bytes]:
    return {"msgpack": msgpack.packb(value)}


@contextmanager
def serving(resources: Mapping[str, Block], data_sources: Mapping[str, Block]) -> Iterator[str]:
    """Serves both of Google's providers on the loopback interface; what Terraform must be told is the value of
    `TF_REATTACH_PROVIDERS`."""
    options = [("grpc.max_send_message_length", _LONGEST), ("grpc.max_receive_message_length", _LONGEST)]
    server = grpc.server(ThreadPoolExecutor(8), options=options)
    server.add_generic_rpc_handlers((Provider(resources, data_sources).handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    at = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": True}
    at["Addr"] = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    try:
        yield json.dumps({f"registry.terraform.io/hashicorp/{name}": at for name in ("google", "google-beta")})
    finally:
        server.stop(None)
