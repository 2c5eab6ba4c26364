"""The embedded DynamoDB (and SQS): answers HTTP requests of unmodified AWS SDKs, and pushes stream records."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ..foundation import log
from ..foundation.json_bytes import json_bytes
from ..foundation.notes import Content as Notes
from ..foundation.place import ACCOUNT_ID, REGION
from ..port.http import HttpRequest, HttpResponse
from .api import DynamoApi
from .backend import EmbeddedBackend
from .compression import PACKED_BYTES, best_encoding, packed, unpacked
from .errors import SERVICE, ApiError, access_denied, serialization_error
from .journal import REQUESTS, journal_line
from .state import Saved, load, pieces
from .stream_records import Listener
from .streams_api import StreamsOperations
from .table import Filling

if TYPE_CHECKING:
    from ..event_sources.queues.embedded import EmbeddedQueues
    from ..iam.caller import Caller

DYNAMODB: Final = "DynamoDB_20120810"
STREAMS: Final = "DynamoDBStreams_20120810"
_QUEUES: Final = "AmazonSQS"
UPDATE_TABLE: Final = f"{DYNAMODB}.UpdateTable"
_DEFINING: Final = frozenset(
    {
        "CreateTable", "UpdateTable", "DeleteTable", "UpdateTimeToLive", "UpdateContinuousBackups",
        "TagResource", "UntagResource", "PutResourcePolicy", "DeleteResourcePolicy",
    }
)  # fmt: skip
"""Operations that change tables, and not what is in them."""
_SILENT: Final = ("TagResource", "UntagResource")
"""Operations whose answer has no body at all. [USR] scylladb test_manual_requests"""
_REQUEST_ID_END: Final = "VV4KQNSO5AEMVJF66Q9ASUAAJG"
CONTENT_TYPE: Final = ("content-type", "application/x-amz-json-1.0")


class EmbeddedDynamoDB:
    """DynamoDB and DynamoDB Streams in this process.

    All methods are called from one thread, the event loop's: `handle` runs a request to its end before the next
    begins, and that is the lock. Signatures and regions of requests are not looked at, and credentials only to tell
    functions from the account's owner: every client sees the same tables (DynamoDB Local's ``-sharedDb``), whose ARNs
    carry the account and region given here.
    """

    def __init__(
        self,
        *,
        region: str = REGION,
        account_id: str = ACCOUNT_ID,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: os.urandom(16).hex(),
        history_records: int = 10_000,
    ) -> None:
        """Create an engine without tables.

        Args:
            region: the region that ARNs and stream records name.
            account_id: the account that ARNs name.
            clock: the time in Unix seconds.
            new_id: makes ids of stream records and requests, 32 hexadecimal digits.
            history_records: stream records kept for each table; older ones are gone before their 24 hours are over.
        """
        self._new_id = new_id
        self.backend = EmbeddedBackend(
            region, account_id, clock=clock, new_event_id=new_id, history_records=history_records
        )
        self._redefined: Callable[[], None] | None = None
        self._told: tuple[str, bytes] | None = None
        """The request that is performed, if changes are kept and it is one that is told as it is."""
        self._api = DynamoApi(self.backend)
        self._services: dict[str, Callable[[str, dict[str, Any]], Any]] = {
            DYNAMODB: self._api.perform,
            STREAMS: StreamsOperations(self.backend).perform,
        }

    def handles(self, request: HttpRequest) -> bool:
        """Whether a request is for DynamoDB, DynamoDB Streams or SQS."""
        service = request.fields.get("x-amz-target", "").partition(".")[0]
        return service in self._services or is_queue_request(request)

    def handle(self, request: HttpRequest, caller: Caller | None = None) -> HttpResponse:
        """Answer a request; never raises. Without a caller, the account's owner makes it."""
        service, _, action = request.fields.get("x-amz-target", "").partition(".")
        if service not in self._services and is_queue_request(request):
            return self.queues.handle(request)
        try:
            body = unpacked(request.body, request.fields.get("content-encoding"))
            status, content = 200, self.perform(service, action, body, caller)
        except ApiError as error:
            status, content = error.status, error.content()
        except Exception as error:  # noqa: BLE001 - top of a request: logged and answered
            log.error("DynamoDB request failed", error=error, action=action)
            status = 500
            content = ApiError("InternalServerError", "Internal server error", status=500).content()
        body = b"" if action in _SILENT and status == 200 else json_bytes(content)
        return self._answer(status, body, request.fields.get("accept-encoding"))

    def filling(self, request: HttpRequest) -> Filling | None:
        """The index that an UpdateTable is about to add to a large table; None: there is none.

        Who fills it before the request is handled, some items at a time, keeps others waiting for those only.
        """
        try:
            return self._api.filling(read_request(unpacked(request.body, request.fields.get("content-encoding"))))
        except ApiError:  # it is told when the request is handled
            return None

    def perform(self, service: str, action: str, body: bytes, caller: Caller | None = None) -> Any:
        """The result of one operation of a service, before it is written as JSON."""
        perform = self._services.get(service)
        if perform is None:
            raise ApiError("UnknownOperationException", "", namespace=SERVICE)
        parameters = read_request(body)
        if caller is not None and (denial := self._denial(caller, action, parameters)) is not None:
            raise access_denied(denial)
        if self._redefined is None:
            return perform(action, parameters)
        self._told = (action, body) if action in REQUESTS and service == DYNAMODB else None
        try:
            result = perform(action, parameters)
        finally:
            self._told = None
        if action in _DEFINING:
            self._redefined()
        return result

    def _denial(self, caller: Caller, action: str, parameters: dict[str, Any]) -> str | None:
        if not caller.depends_on_items:
            return caller.dynamodb(action, parameters)
        from .facts import describing  # noqa: PLC0415 - only for policies with such conditions

        return caller.dynamodb(action, parameters, describing(self.backend, action, parameters))

    def _answer(self, status: int, body: bytes, accepted: str | None) -> HttpResponse:
        headers: tuple[tuple[str, str], ...] = (CONTENT_TYPE, ("x-amzn-requestid", self._new_request_id()))
        encoding = None if accepted is None or len(body) <= PACKED_BYTES else best_encoding(accepted)
        if encoding is not None:
            body = packed(body, encoding)
            headers = (*headers, ("content-encoding", encoding))
        return HttpResponse(status, body, (*headers, ("x-amz-crc32", str(zlib.crc32(body)))))

    def _new_request_id(self) -> str:
        """52 letters and digits, of which all have the same end. [USR] dynalite; many a log in public"""
        return self._new_id()[:26].upper() + _REQUEST_ID_END

    def call(self, action: str, parameters: dict[str, Any]) -> Any:
        """Perform an operation of DynamoDB from within the process; parameters and result as in the API's JSON.

        Raises:
            ApiError: it failed.
        """
        return self.perform(DYNAMODB, action, json.dumps(parameters).encode())

    @cached_property
    def queues(self) -> EmbeddedQueues:
        """The queues, empty at first; SQS is imported when they are first used."""
        from ..event_sources.queues.embedded import EmbeddedQueues  # noqa: PLC0415 - costs 0.1 s that most runs need not spend

        return EmbeddedQueues(self.backend.region_name, self.backend.account_id)

    def keep(self, changed: Callable[[bytes], None], redefined: Callable[[], None]) -> None:
        """Have ``changed`` take a line whenever items change from now on, and ``redefined`` called when tables do."""
        self.backend.journal = lambda changes: changed(journal_line(changes, self._told))
        self._redefined = redefined

    def pieces(self, notes: Notes) -> Iterator[bytes]:
        """Tables, items and streams as they are now, and notes, for `load`; lines of changes may follow them."""
        return pieces(self.backend, notes)

    def dump(self, notes: Notes | None = None) -> bytes:
        """The same in one piece."""
        return b"".join(self.pieces(notes or {}))

    def load(self, data: bytes) -> Saved:
        """Replace all tables by those that were kept.

        Raises:
            ConfigurationError: it is no saved state, a damaged one, or one of another version; tables are as before.
        """
        return load(self.backend, data)

    def subscribe(self, table_name: str, listener: Listener) -> Callable[[], None]:
        """Push each stream record of a table, from now on, to ``listener``; returns what ends that.

        The table need not exist yet. The listener runs inside `handle` and `expire`, after the write, and must only
        take the record (`StreamRecord`; ``record.content`` is its JSON) and return.
        """
        listeners = self.backend.listeners.setdefault(table_name, [])
        listeners.append(listener)

        def unsubscribe() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return unsubscribe

    def expire(self, now: float, most: int | None = None) -> int:
        """Delete the items whose TTL lies before ``now`` (Unix seconds); returns how many.

        ``most`` is how many of a table it may be, the first to expire first; None: all.
        Their stream records carry the identity of the DynamoDB service. [DOC] ddb-docs:time-to-live-ttl-streams
        """
        return self.backend.expire(now, most)


def is_queue_request(request: HttpRequest) -> bool:
    """Whether a request speaks SQS, in its JSON or its query protocol."""
    target, authorization = request.fields.get("x-amz-target", ""), request.fields.get("authorization", "")
    return target.startswith(f"{_QUEUES}.") or "/sqs/aws4_request" in authorization


def read_request(body: bytes) -> dict[str, Any]:
    """The parameters of a request.

    Raises:
        ApiError: the body is no JSON object, or holds text that is not Unicode.
    """
    try:
        parameters = _decoder.decode(body.decode())
        if b"\\u" in body:
            # Half a surrogate pair is valid in JSON, but no text.
            json.dumps(parameters, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise serialization_error("The body is not JSON") from error
    if not isinstance(parameters, dict):
        raise serialization_error("The body is not a JSON object")
    return parameters


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_refuse_constant)
