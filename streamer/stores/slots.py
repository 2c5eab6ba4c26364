"""Slots of requests in DynamoDB: the calls that count how many a user or a connection has on their way.

An item ``{owner, request_id: "#user", open: {ids}}`` lies beside the user's requests. It has no status, so the stream's
filters leave it out, and no time when it is due, so the sweep's index does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from streamer.aws_limits import BATCH_KEYS
from streamer.errors import ItemTooLargeError, StoreError
from streamer.records import KEPT_SECONDS, RequestKey, RequestRecord, Slots, Status
from streamer.requests.lifecycle import Created, Duplicate, Full
from streamer.stores.items import TTL, request_key, request_key_item, request_record

ATTEMPTS: Final = 6
"""How often a transaction is tried that met another one of the same user."""
_OPEN: Final = "open"


def create(
    client: Any,
    table: str,
    put: Mapping[str, Any],
    record: RequestRecord,
    slots: Sequence[Slots],
    *,
    sleep: Callable[[float], None],
) -> Created | Duplicate | Full:
    """Store a request and take its slots, all or nothing; ``put`` is the conditional Put of the request.

    Raises:
        ItemTooLargeError: the request is larger than an item can be.
        StoreError: other requests of the same user came in the way each time.
        botocore.exceptions.ClientError: anything else.
    """
    operations = [{"Put": dict(put)}, *({"Update": _taking(table, record, one)} for one in slots)]
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(0.02 * 2**attempt * random.random())  # noqa: S311 - spreads attempts, protects nothing
        try:
            client.transact_write_items(TransactItems=operations)
        except ClientError as exc:
            # [DOC] ddb-docs:API_TransactWriteItems: a reason per operation, "None" for those that were not at fault.
            reasons = exc.response.get("CancellationReasons")
            if not reasons:
                raise
            refused = _refused(reasons, slots)
            if refused is not None:
                return refused
        else:
            return Created()
    raise StoreError(f"other requests of the same user came in the way {ATTEMPTS} times")


def _taking(table: str, record: RequestRecord, slots: Slots) -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": _key(record.owner, slots),
        "UpdateExpression": "SET #ttl = :ttl ADD #open :ids",
        "ConditionExpression": "attribute_not_exists(#open) OR size(#open) < :count OR contains(#open, :id)",
        "ExpressionAttributeNames": {"#open": _OPEN, "#ttl": TTL},
        "ExpressionAttributeValues": {
            ":ids": {"SS": [record.request_id]},
            ":id": {"S": record.request_id},
            ":count": {"N": str(slots.count)},
            ":ttl": {"N": str(int(record.created_at) + KEPT_SECONDS)},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _refused(reasons: Sequence[Mapping[str, Any]], slots: Sequence[Slots]) -> Duplicate | Full | None:
    """What the reasons come to; None: the transaction may be tried again."""
    own, *others = reasons
    if own["Code"] == "ConditionalCheckFailed":
        return Duplicate(request_record(own["Item"]))
    if own["Code"] == "ValidationError" and "tem size" in own.get("Message", ""):
        raise ItemTooLargeError(f"DynamoDB refused TransactWriteItems: {own['Message']}")
    for one, reason in zip(slots, others, strict=True):
        if reason["Code"] == "ConditionalCheckFailed":
            return Full(one, frozenset(reason["Item"][_OPEN]["SS"]))
    codes = {reason["Code"] for reason in reasons} - {"None"}
    if codes <= {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
        return None
    raise StoreError(f"DynamoDB cancelled a transaction: {', '.join(sorted(codes))}")


def statuses(
    client: Any, table: str, keys: Sequence[RequestKey], *, sleep: Callable[[float], None]
) -> dict[RequestKey, Status | None]:
    """See `RequestStore.statuses`; raises botocore's errors."""
    found: dict[RequestKey, Status | None] = dict.fromkeys(keys)
    for first in range(0, len(keys), BATCH_KEYS):
        wanted = [request_key_item(key) for key in keys[first : first + BATCH_KEYS]]
        for attempt in range(ATTEMPTS):
            if attempt:
                sleep(0.05 * 2**attempt)
            answer = client.batch_get_item(RequestItems={table: _statuses_of(wanted)})
            for item in answer["Responses"].get(table, []):
                found[request_key(item)] = Status(item["status"]["S"])
            wanted = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not wanted:
                break
        else:
            raise StoreError(f"DynamoDB left {len(wanted)} keys unprocessed after {ATTEMPTS} attempts")
    return found


def _statuses_of(keys: Sequence[Any]) -> dict[str, Any]:
    return {
        "Keys": keys,
        "ConsistentRead": True,
        "ProjectionExpression": "#owner, request_id, #status",
        "ExpressionAttributeNames": {"#owner": "owner", "#status": "status"},
    }


def release(client: Any, table: str, owner: str, slots: Slots, request_ids: frozenset[str]) -> None:
    """See `RequestStore.release`; raises botocore's errors."""
    client.update_item(
        TableName=table,
        Key=_key(owner, slots),
        UpdateExpression="DELETE #open :ids",
        ExpressionAttributeNames={"#open": _OPEN},
        ExpressionAttributeValues={":ids": {"SS": sorted(request_ids)}},
    )


def _key(owner: str, slots: Slots) -> dict[str, Any]:
    return {"owner": {"S": owner}, "request_id": {"S": slots.item}}
