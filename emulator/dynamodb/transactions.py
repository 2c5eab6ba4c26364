"""TransactWriteItems and BatchWriteItem."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamer.aws_limits import BATCH_ITEMS, ITEM_BYTES, attributes_bytes

from .backend import EmbeddedBackend
from .capacity import Cost, collection_metrics, consumed, read_units, wants_capacity
from .errors import ApiError, validation_error
from .items import StoredItem, bytes_of
from .table import Table
from .values import Attributes, Parameters, read_attributes
from .writing import PREPARE, Write

Images = tuple[StoredItem | None, StoredItem | None]

TRANSACTION_BYTES: Final = 4 * 1024 * 1024
"""Bytes of all items of one transaction. [DOC] TransactWriteItems"""
TOKEN_SECONDS: Final = 600.0
"""How long a ClientRequestToken makes a transaction idempotent. [DOC] TransactWriteItems"""
TOKENS: Final = 10_000
"""Tokens remembered; the oldest are forgotten first. Chosen by us, to bound memory."""


Sizes = tuple[tuple[str, int], ...]
"""Table and bytes of each item that a transaction touched: the larger of before and after."""


class Tokens:
    """Transactions that succeeded, by ClientRequestToken; those of each operation apart. [USR] dynoxide 125"""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, bytes, Sizes]] = OrderedDict()

    def done(self, token: str | None, digest: bytes, now: float) -> Sizes | None:
        """What the same transaction touched when it succeeded a short while ago; None: it did not.

        Raises:
            ApiError: the token came with another transaction.
        """
        while self._seen and next(iter(self._seen.values()))[0] < now - TOKEN_SECONDS:
            self._seen.popitem(last=False)
        if token is None or token not in self._seen:
            return None
        if self._seen[token][1] != digest:
            raise ApiError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request. "
                "Do not reuse a client token with different requests, unless the requests are identical",
            )
        return self._seen[token][2]

    def remember(self, token: str, digest: bytes, now: float, sizes: Sizes) -> None:
        """Note that a transaction succeeded."""
        self._seen[token] = (now, digest, sizes)
        if len(self._seen) > TOKENS:
            self._seen.popitem(last=False)


def digest_of(entries: Any) -> bytes:
    """Tells whether two transactions are the same."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).digest()


def sizes_of(writes: Iterable[Write], performed: Iterable[Images]) -> Sizes:
    """What writes touched, for `read_again`."""
    return tuple(
        [(write.table.name, max(map(bytes_of, images))) for write, images in zip(writes, performed, strict=True)]
    )


def transact_write_items(backend: EmbeddedBackend, parameters: Parameters, tokens: Tokens) -> dict[str, Any]:
    """All writes or none; the same token within ten minutes writes once."""
    entries = parameters["TransactItems"]
    token, now = parameters.get("ClientRequestToken"), backend.now()
    digest = b"" if token is None else digest_of(entries)
    done = tokens.done(token, digest, now)
    if done is not None:
        return read_again(backend, parameters, done)
    writes = [_prepare(backend, entry) for entry in entries]
    performed = perform_all(backend, writes)
    if token is not None:
        tokens.remember(token, digest, now, sizes_of(writes, performed))
    return _consumed(
        parameters,
        [(write.table, write.key, images) for write, images in zip(writes, performed, strict=True)],
        transaction=True,
    )


def read_again(backend: EmbeddedBackend, parameters: Parameters, done: Sizes) -> dict[str, Any]:
    """What a transaction costs that was done before: a read of each item as large as it was then.

    [DOC] TransactWriteItems; [USR] dynoxide 188
    """
    if wants_capacity(parameters) is None:
        return {}
    costs: dict[str, Cost] = {}
    for name, size_bytes in done:
        cost = costs.setdefault(name, Cost(backend.get_table(name), "Read"))
        cost.table_units += read_units(size_bytes, consistent=True, transaction=True)
    return consumed(costs.values(), parameters)


def _prepare(backend: EmbeddedBackend, entry: Mapping[str, Any]) -> Write:
    kinds = [kind for kind in PREPARE if kind in entry]
    if len(kinds) != 1:
        raise validation_error("TransactItems can only contain one of Check, Put, Update or Delete")
    (kind,) = kinds
    return PREPARE[kind](backend, entry[kind])


def perform_all(backend: EmbeddedBackend, writes: list[Write]) -> list[Images]:
    """Perform all writes, or none.

    Raises:
        ApiError: TransactionCanceledException with a reason for each write, or what makes the request itself wrong.
    """
    if sum(write.payload_bytes for write in writes) > TRANSACTION_BYTES:
        raise too_large()
    faults: list[ApiError | None] = [None for _ in writes]
    for position, write in enumerate(writes):
        faults[position] = _fault_of(write)
        if faults[position] is not None:
            raise cancelled(faults)  # [USR] scylladb test_transact: what comes after the first is not looked at
    targets = [write.target for write in writes]
    if len(set(targets)) != len(targets):
        raise several_operations()
    with backend.transaction():
        performed: list[Images] = []
        for position, write in enumerate(writes):
            try:
                performed.append(write.perform())
            except ApiError as error:
                faults[position] = error
        if any(faults):
            raise cancelled(faults)
    return performed


def _fault_of(write: Write) -> ApiError | None:
    try:
        write.check()
    except ApiError as error:
        if "cannot contain an empty" in error.message:
            raise  # [USR] ministack PR 1067: an empty key is a fault of the request
        return error
    return None


def several_operations() -> ApiError:
    """Two parts of a transaction are about the same item."""
    return validation_error("Transaction request cannot include multiple operations on one item")


def too_large() -> ApiError:
    """The items of a transaction are too large together."""
    return validation_error(f"Transaction payload size cannot exceed {TRANSACTION_BYTES} bytes")


_REASONS: Final = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ResourceNotFoundException": "ResourceNotFound",
}


def cancelled(faults: Iterable[ApiError | None]) -> ApiError:
    """A transaction was cancelled, with a reason for each of its parts; None: that part is not to blame."""
    reasons: list[dict[str, Any]] = []
    for fault in faults:
        if fault is None:
            reasons.append({"Code": "None"})
        else:
            code = _REASONS.get(fault.code, "ValidationError")
            reasons.append({"Code": code, "Message": fault.message, **fault.members})
    codes = ", ".join(reason["Code"] for reason in reasons)
    return ApiError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        message_member="Message",
        members={"CancellationReasons": reasons},
    )


def _consumed(
    parameters: Parameters, written: list[tuple[Table, Attributes, Images]], *, transaction: bool
) -> dict[str, Any]:
    costs: dict[str, Cost] = {}
    for table, _, images in written if wants_capacity(parameters) is not None else ():
        cost = costs.setdefault(table.name, Cost(table, "Write" if transaction else None))
        cost.add_write(*images, transaction=transaction)
    answer = consumed(costs.values(), parameters)
    collections: dict[str, list[Any]] = {}
    for table, key, _ in written:
        metrics = collection_metrics(parameters, table, key)
        if metrics is not None:
            collections.setdefault(table.name, []).append(metrics)
    if collections:
        answer["ItemCollectionMetrics"] = collections
    return answer


def batch_write_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Up to 25 puts and deletes, each on its own; all are checked before the first is written."""
    requests = [(name, request) for name, several in parameters["RequestItems"].items() for request in several]
    if len(requests) > BATCH_ITEMS:
        raise validation_error(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
            f"Member must have length less than or equal to {BATCH_ITEMS}"
        )
    read = [(name, *_read_request(request)) for name, request in requests]
    writes: list[tuple[Table, Attributes, StoredItem | None]] = []
    for name, is_put, attributes in read:
        table = backend.get_table(name)
        # [USR] dynalite, dynamodb-conformance: the key of an item has the words of a key here
        table.check_key(
            {name: attributes[name] for name in table.key.names if name in attributes} if is_put else attributes
        )
        writes.append((table, attributes, table.make_item(attributes) if is_put else None))
    targets = {table.target(key) for table, key, _ in writes}
    if len(targets) != len(writes):
        raise validation_error("Provided list of item keys contains duplicates")
    written: list[tuple[Table, Attributes, Images]] = []
    for table, key, new in writes:
        old = table.primary.get(key)
        if old is not None or new is not None:
            table.replace(old, new)
        written.append((table, key, (old, new)))
    return {"UnprocessedItems": {}, **_consumed(parameters, written, transaction=False)}


def _read_request(request: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
    if ("PutRequest" in request) is ("DeleteRequest" in request):
        raise validation_error(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
            if "PutRequest" in request
            else "Supplied WriteRequest must contain exactly one of PutRequest or DeleteRequest"
        )
    if "DeleteRequest" in request:
        return False, read_attributes(request["DeleteRequest"]["Key"])
    attributes = read_attributes(request["PutRequest"]["Item"])
    if attributes_bytes(attributes) > ITEM_BYTES:
        raise validation_error("Item size has exceeded the maximum allowed size")
    return True, attributes
