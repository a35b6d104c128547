"""Documents by their paths and by queries, from the generated client below Google's own.

`firestore.Client` makes four objects of every document and copies its values twice over, which took half a millisecond a
document: most of a search. The messages are the same, and so are retries and errors.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import grpc.experimental
from google.api_core.exceptions import DeadlineExceeded, InternalServerError, ServiceUnavailable
from google.api_core.gapic_v1.method import DEFAULT
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import BaseQuery, _collection_group_query_response_to_snapshot
from google.cloud.firestore_v1.collection import CollectionReference
from google.cloud.firestore_v1.services.firestore.client import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports.grpc import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import BatchGetDocumentsResponse, RunQueryResponse
from proto.datetime_helpers import DatetimeWithNanoseconds

# As Google's client asks for them, and: each answer's messages are taken by the thread that asked, not handed over by another.
_OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
]

_BROKEN = (DeadlineExceeded, InternalServerError, ServiceUnavailable)


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
            yield _read(message.found, root)


def query(db: firestore.Client, asked: BaseQuery) -> Iterator[tuple[str, dict[str, Any], DatetimeWithNanoseconds]]:
    """(path, values, last update) of what the query finds, in its order.

    A stream that breaks goes on behind the last document. Google's `stream()` means to, but looks for its retry where there is
    none, and ends with an AttributeError instead.
    """
    root = f"{db._database_string}/documents/"
    asked = asked._query() if isinstance(asked, CollectionReference) else asked
    last: RunQueryResponse | None = None  # what arrived since the stream was opened
    responses, given = _answers(db, asked), 0
    while True:
        try:
            response = next(responses, None)
        except _BROKEN:
            if last is None:  # to ask the same again is the generated client's to decide, and it has
                raise
            asked = asked.start_after(_collection_group_query_response_to_snapshot(last, asked._parent))
            if asked._limit == given:
                return
            if asked._limit is not None:
                asked = asked.limit(asked._limit - given)
            responses, last, given = _answers(db, asked), None, 0
            continue
        if response is None:
            return
        message = RunQueryResponse.pb(response)
        if message.HasField("document"):
            last, given = response, given + 1
            yield _read(message.document, root)


def _answers(db: firestore.Client, asked: BaseQuery) -> Iterator[RunQueryResponse]:
    request, _, options = asked._prep_stream(retry=DEFAULT)
    return iter(db._firestore_api.run_query(request=request, metadata=db._rpc_metadata, **options))


def _read(found: Any, root: str) -> tuple[str, dict[str, Any], DatetimeWithNanoseconds]:
    values = {name: _value(value) for name, value in found.fields.items()}
    return found.name[len(root) :], values, DatetimeWithNanoseconds.from_timestamp_pb(found.update_time)


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
