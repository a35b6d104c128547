"""The protocol's operations on an engine: messages in, messages out, whatever carries them."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from google.protobuf import empty_pb2
from google.rpc import code_pb2, status_pb2

from emulators.faults import Faults

from . import messages as m
from .engine import Engine
from .fields import parse_path, project
from .limits import check_request
from .refusal import Refused, invalid

SERVICE = "google.firestore.v1.Firestore"
_TURN_S = 0.25
_MOST_WAITING = 10


class Operation(NamedTuple):
    """One RPC: how its request is read, what answers it, and whether the answer is a stream."""

    request: Any
    answer: Callable[[Any], Any]
    streams: bool


class Wire:
    """Translates between protocol messages and the engine's calls; `waits` lets a contended read wait for its turn."""

    def __init__(self, engine: Engine, faults: Faults, waits: bool) -> None:
        self._engine = engine
        self._faults = faults
        self._waits = waits
        self._turns = threading.Condition()
        self._waiting = 0

    def operations(self) -> dict[str, Operation]:
        """By full method name, as in `/google.firestore.v1.Firestore/Commit`."""
        listed = {
            "BatchGetDocuments": Operation(m.BatchGetDocumentsRequest, self._batch_get, True),
            "Commit": Operation(m.CommitRequest, self._commit, False),
            "BeginTransaction": Operation(m.BeginTransactionRequest, self._begin, False),
            "Rollback": Operation(m.RollbackRequest, self._rollback, False),
            "RunQuery": Operation(m.RunQueryRequest, self._run_query, True),
            "RunAggregationQuery": Operation(m.RunAggregationQueryRequest, self._aggregate, True),
            "BatchWrite": Operation(m.BatchWriteRequest, self._batch_write, False),
            "ListDocuments": Operation(m.ListDocumentsRequest, self._list_documents, False),
            "ListCollectionIds": Operation(m.ListCollectionIdsRequest, self._list_collection_ids, False),
        }
        return {
            f"/{SERVICE}/{name}": operation._replace(answer=self._guarded(name, operation)) for name, operation in listed.items()
        }

    def _guarded(self, name: str, operation: Operation) -> Callable[[Any], Any]:
        """The operation between the request's size limit and the faults ordered for it."""

        def answer(request: Any) -> Any:
            with self._faults.around(f"firestore.{name}"):
                outcome = operation.answer(request)
                # A stream is made whole before it is sent, so that a fault after it is a fault after all of it.
                return list(outcome) if operation.streams else outcome

        return answer

    # --- reading

    def _batch_get(self, request: Any) -> Iterator[Any]:
        _refuse_read_time(request)
        number, begun = self._transaction(request.database, request)
        self._await_turn(request.database, number, request.documents)
        found = self._engine.get_documents(request.database, request.documents, number)
        read_time = m.timestamp(self._engine.now())
        paths = [parse_path(text) for text in request.mask.field_paths] if request.HasField("mask") else None
        if begun:
            yield m.BatchGetDocumentsResponse(transaction=begun, read_time=read_time)
        for name, document in found:
            if document is None:
                yield m.BatchGetDocumentsResponse(missing=name, read_time=read_time)
                continue
            kept = document if paths is None else project(document, paths)
            yield m.BatchGetDocumentsResponse(found=kept, read_time=read_time)

    def _run_query(self, request: Any) -> Iterator[Any]:
        _refuse_read_time(request)
        number, begun = self._transaction(request.parent, request)
        found = self._engine.run_query(request.parent, request.structured_query, number)
        read_time = m.timestamp(self._engine.now())
        if begun:
            yield m.RunQueryResponse(transaction=begun)
        for document in found:
            yield m.RunQueryResponse(document=document, read_time=read_time)
        if not found:
            yield m.RunQueryResponse(read_time=read_time)

    def _aggregate(self, request: Any) -> Iterator[Any]:
        _refuse_read_time(request)
        number, begun = self._transaction(request.parent, request)
        values = self._engine.aggregate(request.parent, request.structured_aggregation_query, number)
        response = m.RunAggregationQueryResponse(transaction=begun, read_time=m.timestamp(self._engine.now()))
        for alias, value in values.items():
            response.result.aggregate_fields[alias].CopyFrom(value)
        yield response

    def _list_documents(self, request: Any) -> Any:
        _refuse_read_time(request)
        if request.order_by not in ("", "__name__", "__name__ asc"):
            raise Refused("UNIMPLEMENTED", "documents are listed by name only")
        if request.transaction:
            raise Refused("UNIMPLEMENTED", "documents are not listed within a transaction")
        documents, more = self._engine.list_documents(
            request.parent, request.collection_id, request.page_size, request.page_token, request.show_missing
        )
        if request.HasField("mask"):
            paths = [parse_path(text) for text in request.mask.field_paths]
            documents = [project(document, paths) for document in documents]
        return m.ListDocumentsResponse(documents=documents, next_page_token=more)

    def _list_collection_ids(self, request: Any) -> Any:
        _refuse_read_time(request)
        found, more = self._engine.list_collection_ids(request.parent, request.page_size, request.page_token)
        return m.ListCollectionIdsResponse(collection_ids=found, next_page_token=more)

    # --- writing

    def _commit(self, request: Any) -> Any:
        check_request(request.ByteSize())
        try:
            committed = self._engine.commit(request.database, request.writes, request.transaction)
        finally:
            self._next_turn(request.transaction)
        return m.CommitResponse(write_results=committed.results, commit_time=m.timestamp(committed.at))

    def _batch_write(self, request: Any) -> Any:
        check_request(request.ByteSize())
        response = m.BatchWriteResponse()
        for outcome in self._engine.batch_write(request.database, request.writes):
            if isinstance(outcome, Refused):
                response.write_results.add()
                code = code_pb2.Code.Value(outcome.code)
                response.status.append(status_pb2.Status(code=code, message=outcome.message))
            else:
                response.write_results.append(outcome)
                response.status.append(status_pb2.Status())
        return response

    # --- transactions

    def _begin(self, request: Any) -> Any:
        number = self._begin_with(request.database, request.options)
        return m.BeginTransactionResponse(transaction=number)

    def _begin_with(self, database: str, options: Any) -> bytes:
        if options.HasField("read_only") and options.read_only.HasField("read_time"):
            raise Refused("UNIMPLEMENTED", "transactions do not read the past here")
        return self._engine.begin(database, options.HasField("read_only"))

    def _rollback(self, request: Any) -> Any:
        self._engine.rollback(request.database, request.transaction)
        self._next_turn(request.transaction)
        return empty_pb2.Empty()

    def _transaction(self, name: str, request: Any) -> tuple[bytes, bytes]:
        """The transaction to read in, and the same again if this request asks to begin it."""
        if request.HasField("new_transaction"):
            begun = self._begin_with(name, request.new_transaction)
            return begun, begun
        return request.transaction, b""

    def _await_turn(self, database: str, number: bytes, names: Iterable[str]) -> None:
        """Lets a transaction wait a moment for documents another one is busy with; then it goes on and may be aborted."""
        if not number or not self._waits:
            return
        with self._turns:
            if self._waiting >= _MOST_WAITING:  # someone must be left to carry out the commit waited for
                return
            self._waiting += 1
            try:
                self._turns.wait_for(lambda: self._engine.may_read(database, number, names), _TURN_S)
            finally:
                self._waiting -= 1

    def _next_turn(self, number: bytes) -> None:
        if number and self._waits:
            with self._turns:
                self._turns.notify_all()


def _refuse_read_time(request: Any) -> None:
    if request.HasField("read_time"):
        raise Refused("UNIMPLEMENTED", "reads of the past are not served here")
    if "explain_options" in request.DESCRIPTOR.fields_by_name and request.HasField("explain_options"):
        raise Refused("UNIMPLEMENTED", "queries are not explained here")
    if request.DESCRIPTOR.name == "RunQueryRequest" and not request.HasField("structured_query"):
        raise invalid("a structured query is missing")
