"""Documents by their paths, from the generated client below Google's own.

`firestore.Client.get_all` makes four objects of every document and copies its values twice over, which took half a millisecond a
document: most of a search. The messages are the same, and so are retries and errors.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import grpc.experimental
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore.client import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports.grpc import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import BatchGetDocumentsResponse
from proto.datetime_helpers import DatetimeWithNanoseconds

# As Google's client asks for them, and: each answer's messages are taken by the thread that asked, not handed over by another.
_OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
]


def connect(project: str, database: str) -> firestore.Client:
    """Google's client on a channel with these options; it finds the emulator by its own variable."""
    db = firestore.Client(project=project, database=database)
    if db._emulator_host is not None:
        channel = grpc.insecure_channel(db._emulator_host, options=_OPTIONS)
    else:
        channel = FirestoreGrpcTransport.create_channel(db._target, credentials=db._credentials, options=_OPTIONS)
    db._firestore_api_internal = FirestoreClient(transport=FirestoreGrpcTransport(host=db._target, channel=channel))
    return db


def read(
    db: firestore.Client, paths: Sequence[str], mask: Sequence[str] | None
) -> Iterator[tuple[str, dict[str, Any], DatetimeWithNanoseconds]]:
    """(path, values by stored name, last update) of those that exist, in no promised order; `mask` names the fields to read."""
    root = f"{db._database_string}/documents/"
    request: dict[str, Any] = {"database": db._database_string, "documents": [root + path for path in dict.fromkeys(paths)]}
    if mask is not None:
        request["mask"] = {"field_paths": list(mask)}
    for response in db._firestore_api.batch_get_documents(request=request, metadata=db._rpc_metadata):
        message = BatchGetDocumentsResponse.pb(response)
        if message.WhichOneof("result") == "found":
            found = message.found
            values = {name: _value(value) for name, value in found.fields.items()}
            yield found.name[len(root) :], values, DatetimeWithNanoseconds.from_timestamp_pb(found.update_time)


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return {name: _value(one) for name, one in value.map_value.fields.items()}
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    if kind == "timestamp_value":
        return DatetimeWithNanoseconds.from_timestamp_pb(value.timestamp_value)
    if kind == "null_value":
        return None
    if kind in ("string_value", "integer_value", "double_value", "boolean_value", "bytes_value"):
        return getattr(value, kind)
    raise TypeError(f"no document of ours holds a {kind}")
