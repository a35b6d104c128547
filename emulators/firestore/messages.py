"""The protocol's messages as plain protobuf classes, without the slower proto-plus wrapping.

proto-plus calls the field of a query that names its collections `from_`; the bytes are the same.
"""

from typing import Any

from google.cloud.firestore_v1 import types
from google.protobuf import timestamp_pb2


def _plain(wrapper: Any) -> Any:
    return type(wrapper.pb(wrapper()))


Document: Any = _plain(types.Document)
Value: Any = _plain(types.Value)
MapValue: Any = _plain(types.MapValue)
StructuredQuery: Any = _plain(types.StructuredQuery)
Write: Any = _plain(types.Write)
WriteResult: Any = _plain(types.WriteResult)
BatchGetDocumentsRequest: Any = _plain(types.BatchGetDocumentsRequest)
BatchGetDocumentsResponse: Any = _plain(types.BatchGetDocumentsResponse)
BeginTransactionRequest: Any = _plain(types.BeginTransactionRequest)
BeginTransactionResponse: Any = _plain(types.BeginTransactionResponse)
TransactionOptions: Any = _plain(types.TransactionOptions)
CommitRequest: Any = _plain(types.CommitRequest)
CommitResponse: Any = _plain(types.CommitResponse)
RollbackRequest: Any = _plain(types.RollbackRequest)
BatchWriteRequest: Any = _plain(types.BatchWriteRequest)
BatchWriteResponse: Any = _plain(types.BatchWriteResponse)
RunQueryRequest: Any = _plain(types.RunQueryRequest)
RunQueryResponse: Any = _plain(types.RunQueryResponse)
RunAggregationQueryRequest: Any = _plain(types.RunAggregationQueryRequest)
RunAggregationQueryResponse: Any = _plain(types.RunAggregationQueryResponse)
ListDocumentsRequest: Any = _plain(types.ListDocumentsRequest)
ListDocumentsResponse: Any = _plain(types.ListDocumentsResponse)
ListCollectionIdsRequest: Any = _plain(types.ListCollectionIdsRequest)
ListCollectionIdsResponse: Any = _plain(types.ListCollectionIdsResponse)


def timestamp(micros: int) -> timestamp_pb2.Timestamp:
    """Microseconds since the epoch as a protobuf timestamp."""
    seconds, rest = divmod(micros, 1_000_000)
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=rest * 1000)


def micros_of(stamp: timestamp_pb2.Timestamp) -> int:
    """Whole microseconds since the epoch; what is finer is dropped, as production drops it."""
    return int(stamp.seconds * 1_000_000 + stamp.nanos // 1000)
