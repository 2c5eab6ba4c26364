"""TransactWriteItems, TransactGetItems and BatchWriteItem."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from .backend import EmbeddedBackend
from .capacity import consumed, wants_capacity, write_units
from .errors import ApiError, validation_error
from .items import StoredItem
from .table import EmbeddedTable
from .values import attribute_values, write_value
from .writing import PREPARE, Write

Parameters = Mapping[str, Any]

TRANSACTION_ITEMS: Final = 100
"""Items of one transaction. [DOC] TransactWriteItems"""
BATCH_ITEMS: Final = 25
"""Items of one BatchWriteItem. [DOC] BatchWriteItem"""
TOKEN_SECONDS: Final = 600.0
"""How long a ClientRequestToken makes a transaction idempotent. [DOC] TransactWriteItems"""
TOKENS: Final = 10_000
"""Tokens remembered; the oldest are forgotten first. Chosen by us, to bound memory."""


class Tokens:
    """Transactions that succeeded, by ClientRequestToken."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def was_done(self, token: str, digest: bytes, now: float) -> bool:
        """Whether the same transaction succeeded a short while ago.

        Raises:
            ApiError: the token came with another transaction.
        """
        while self._seen and next(iter(self._seen.values()))[0] < now - TOKEN_SECONDS:
            self._seen.popitem(last=False)
        if token not in self._seen:
            return False
        if self._seen[token][1] != digest:
            raise ApiError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request. "
                "Do not reuse a client token with different requests, unless the requests are identical",
            )
        return True

    def remember(self, token: str, digest: bytes, now: float) -> None:
        """Note that a transaction succeeded."""
        self._seen[token] = (now, digest)
        if len(self._seen) > TOKENS:
            self._seen.popitem(last=False)


def transact_write_items(backend: EmbeddedBackend, parameters: Parameters, tokens: Tokens) -> dict[str, Any]:
    """All writes or none; the same token within ten minutes writes once."""
    entries = parameters["TransactItems"]
    check_length("transactItems", entries, TRANSACTION_ITEMS)
    token, now = parameters.get("ClientRequestToken"), backend.now()
    digest = hashlib.sha256(json.dumps(entries, sort_keys=True, default=write_value).encode()).digest()
    if token is not None and tokens.was_done(token, digest, now):
        return {}
    writes = [_prepare(backend, entry) for entry in entries]
    if len({write.target for write in writes}) != len(writes):
        raise validation_error("Transaction request cannot include multiple operations on one item")
    with backend.transaction():
        performed = _perform(writes)
    if token is not None:
        tokens.remember(token, digest, now)
    return _consumed(parameters, [(write.table, *images) for write, images in zip(writes, performed, strict=True)])


def _prepare(backend: EmbeddedBackend, entry: Mapping[str, Any]) -> Write:
    if len(entry) != 1 or not entry.keys() <= PREPARE.keys():
        raise validation_error("TransactItems can only contain one of Check, Put, Update or Delete")
    ((kind, operation),) = entry.items()
    return PREPARE[kind](backend, operation)


def _perform(writes: list[Write]) -> list[tuple[StoredItem | None, StoredItem | None]]:
    performed: list[tuple[StoredItem | None, StoredItem | None]] = []
    reasons: list[dict[str, Any]] = []
    for write in writes:
        try:
            performed.append(write.perform())
            reasons.append({"Code": "None"})
        except ApiError as error:
            failed = error.code == "ConditionalCheckFailedException"
            code = "ConditionalCheckFailed" if failed else "ValidationError"
            reasons.append({"Code": code, "Message": error.message, **error.members})
    if len(performed) < len(writes):
        codes = ", ".join(reason["Code"] for reason in reasons)
        raise ApiError(
            "TransactionCanceledException",
            f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
            message_member="Message",
            members={"CancellationReasons": reasons},
        )
    return performed


def _consumed(
    parameters: Parameters,
    written: list[tuple[EmbeddedTable, StoredItem | None, StoredItem | None]],
    *,
    transaction: bool = True,
) -> dict[str, Any]:
    wanted = wants_capacity(parameters)
    if wanted is None:
        return {}
    units: dict[str, float] = {}
    for table, old, new in written:
        size_bytes = max(0 if item is None else item.size_bytes for item in (old, new))
        units[table.name] = units.get(table.name, 0.0) + write_units(size_bytes, transaction=transaction)
    return {"ConsumedCapacity": [consumed(wanted, name, total) for name, total in units.items()]}


def batch_write_item(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """Up to 25 puts and deletes, each on its own; all are checked before the first is written."""
    requests = [
        (backend.get_table(name), request)
        for name, several in parameters["RequestItems"].items()
        for request in several
    ]
    if not 1 <= len(requests) <= BATCH_ITEMS:
        check_length("requestItems", requests, BATCH_ITEMS)
    writes = [_batch_write(table, request) for table, request in requests]
    targets = {(table.name, table.primary.hash_of(key), table.primary.sort_of(key)) for table, key, _ in writes}
    if len(targets) != len(writes):
        raise validation_error("Provided list of item keys contains duplicates")
    written = []
    for table, key, new in writes:
        old = table.primary.get(key)
        if old is not None or new is not None:
            table.replace(old, new)
        written.append((table, old, new))
    return {"UnprocessedItems": {}, **_consumed(parameters, written, transaction=False)}


def _batch_write(
    table: EmbeddedTable, request: Mapping[str, Any]
) -> tuple[EmbeddedTable, Mapping[str, Any], StoredItem | None]:
    if len(request) == 1 and "PutRequest" in request:
        item = table.make_item(request["PutRequest"]["Item"])
        return table, item.attrs, item
    if len(request) == 1 and "DeleteRequest" in request:
        key = attribute_values(request["DeleteRequest"]["Key"])
        table.check_key(key)
        return table, key, None
    raise validation_error("Supplied WriteRequest must contain exactly one of PutRequest or DeleteRequest")


def check_length(member: str, entries: list[Any], limit: int) -> None:
    """Raise ApiError unless there are 1 to ``limit`` entries."""
    if not 1 <= len(entries) <= limit:
        bound = f"less than or equal to {limit}" if entries else "greater than or equal to 1"
        raise validation_error(
            f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )
