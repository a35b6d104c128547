"""The messages of Terraform's plugin protocol 5 that a provider of schemas needs, written from the public description of it.

`MESSAGES` is the protocol as a table, so that neither a compiler nor generated code is needed. Fields that are not used here are
left out; both sides skip what they do not know.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "tfplugin5"
SERVICE = f"{PACKAGE}.Provider"
_KINDS = {"string": 9, "bytes": 12, "bool": 8, "int64": 3, "int32": 5}

# message → field → (number, type); a type in brackets is repeated, one in braces a map from text.
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Empty": {},
    "DynamicValue": {"msgpack": (1, "bytes"), "json": (2, "bytes")},
    "Diagnostic": {"severity": (1, "int32"), "summary": (2, "string"), "detail": (3, "string")},
    "RawState": {"json": (1, "bytes")},
    "Attribute": {
        "name": (1, "string"),
        "type": (2, "bytes"),
        "required": (4, "bool"),
        "optional": (5, "bool"),
        "computed": (6, "bool"),
        "sensitive": (7, "bool"),
        "write_only": (10, "bool"),
    },
    "Block": {"version": (1, "int64"), "attributes": (2, "[Attribute]"), "block_types": (3, "[NestedBlock]")},
    "NestedBlock": {
        "type_name": (1, "string"),
        "block": (2, "Block"),
        "nesting": (3, "int32"),
        "min_items": (4, "int64"),
        "max_items": (5, "int64"),
    },
    "Schema": {"version": (1, "int64"), "block": (2, "Block")},
    "GetSchemaResponse": {
        "provider": (1, "Schema"),
        "resource_schemas": (2, "{Schema}"),
        "data_source_schemas": (3, "{Schema}"),
        "diagnostics": (4, "[Diagnostic]"),
    },
    "PrepareRequest": {"config": (1, "DynamicValue")},
    "PrepareResponse": {"prepared_config": (1, "DynamicValue"), "diagnostics": (2, "[Diagnostic]")},
    "ValidateRequest": {"type_name": (1, "string"), "config": (2, "DynamicValue")},
    "DiagnosticsResponse": {"diagnostics": (1, "[Diagnostic]")},
    "UpgradeRequest": {"type_name": (1, "string"), "version": (2, "int64"), "raw_state": (3, "RawState")},
    "UpgradeResponse": {"upgraded_state": (1, "DynamicValue"), "diagnostics": (2, "[Diagnostic]")},
    "ReadRequest": {"type_name": (1, "string"), "current_state": (2, "DynamicValue"), "private": (3, "bytes")},
    "ReadResponse": {"new_state": (1, "DynamicValue"), "diagnostics": (2, "[Diagnostic]"), "private": (3, "bytes")},
    "PlanRequest": {
        "type_name": (1, "string"),
        "prior_state": (2, "DynamicValue"),
        "proposed_new_state": (3, "DynamicValue"),
        "config": (4, "DynamicValue"),
    },
    "PlanResponse": {
        "planned_state": (1, "DynamicValue"),
        "planned_private": (3, "bytes"),
        "diagnostics": (4, "[Diagnostic]"),
        "legacy_type_system": (5, "bool"),
    },
    "ApplyRequest": {
        "type_name": (1, "string"),
        "prior_state": (2, "DynamicValue"),
        "planned_state": (3, "DynamicValue"),
        "config": (4, "DynamicValue"),
    },
    "ApplyResponse": {
        "new_state": (1, "DynamicValue"),
        "private": (2, "bytes"),
        "diagnostics": (3, "[Diagnostic]"),
        "legacy_type_system": (4, "bool"),
    },
    "DataRequest": {"type_name": (1, "string"), "config": (2, "DynamicValue")},
    "DataResponse": {"state": (1, "DynamicValue"), "diagnostics": (2, "[Diagnostic]")},
    "StopResponse": {"Error": (1, "string")},
}

# method → (request, response)
METHODS = {
    "GetSchema": ("Empty", "GetSchemaResponse"),
    "PrepareProviderConfig": ("PrepareRequest", "PrepareResponse"),
    "ValidateResourceTypeConfig": ("ValidateRequest", "DiagnosticsResponse"),
    "ValidateDataSourceConfig": ("ValidateRequest", "DiagnosticsResponse"),
    "UpgradeResourceState": ("UpgradeRequest", "UpgradeResponse"),
    "Configure": ("Empty", "DiagnosticsResponse"),
    "ReadResource": ("ReadRequest", "ReadResponse"),
    "PlanResourceChange": ("PlanRequest", "PlanResponse"),
    "ApplyResourceChange": ("ApplyRequest", "ApplyResponse"),
    "ReadDataSource": ("DataRequest", "DataResponse"),
    "Stop": ("Empty", "StopResponse"),
}


def classes() -> dict[str, Any]:
    """A class for each message."""
    file = descriptor_pb2.FileDescriptorProto(name="videovector/tfplugin5.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def _add(message: Any, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    if kind.startswith("{"):
        entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        for inner, at, of in (("key", 1, "string"), ("value", 2, kind[1:-1])):
            _add(entry, inner, at, of)
        field.label, field.type = 3, 11
        field.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
        return
    field.label = 3 if kind.startswith("[") else 1
    kind = kind.strip("[]")
    if kind in _KINDS:
        field.type = _KINDS[kind]
    else:
        field.type, field.type_name = 11, f".{PACKAGE}.{kind}"
