"""The store of requests in DynamoDB: single-item operations on a base table, each change one conditional update.

By itself, since connecting and disconnecting need none of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from streamer.records import KEPT_SECONDS, RequestKey, RequestRecord, Slots, Status
from streamer.requests.lifecycle import FAR_SECONDS, Applied, Change, Created, Duplicate, Full, Refused
from streamer.stores.dynamodb import translated
from streamer.stores.expressions import update_of
from streamer.stores.items import TTL, request_item, request_key, request_key_item, request_record
from streamer.stores.names import BY_DUE
from streamer.stores.payloads import apart, expiry, joined, payload_item_key


class DynamoRequestStore:
    """Queued requests."""

    def __init__(
        self,
        client: Callable[[], Any],
        table: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        kept_seconds: int = KEPT_SECONDS,
    ) -> None:
        """Without I/O; ``kept_seconds``: how long a request is kept after its end."""
        self._client = client
        self._table = table
        self._sleep = sleep
        self._kept_seconds = kept_seconds

    def create(self, record: RequestRecord, *, now: float, slots: Sequence[Slots] = ()) -> Created | Duplicate | Full:
        """See `RequestStore.create`."""
        record, payload = apart(record, kept_seconds=self._kept_seconds)
        if payload is not None:
            # First, so that no run finds a request without it. Whatever happens in between, it expires by itself.
            with translated("PutItem"):
                self._client().put_item(TableName=self._table, Item=payload.item)
        put = {
            "TableName": self._table,
            "Item": request_item(record),
            # DynamoDB may take days to drop an expired item; until then it does not count.
            "ConditionExpression": "attribute_not_exists(#owner) OR #ttl < :now",
            "ExpressionAttributeNames": {"#owner": "owner", "#ttl": TTL},
            "ExpressionAttributeValues": {":now": {"N": repr(now)}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if slots:
            from streamer.stores import slots as limited  # noqa: PLC0415 - only where Apps limit requests

            with translated("TransactWriteItems"):
                return limited.create(self._client(), self._table, put, record, slots, sleep=self._sleep)
        with translated("PutItem"):
            try:
                self._client().put_item(**put)
            except ClientError as exc:
                if (item := _lost_against(exc)) is None:
                    raise
                earlier = self._record_or_get(item, record.key)
                if earlier is None:
                    raise  # it expired between the two calls; the client may try again
                return Duplicate(earlier)
        return Created()

    def get(self, key: RequestKey) -> RequestRecord | None:
        """See `RequestStore.get`."""
        with translated("GetItem"):
            answer = self._client().get_item(TableName=self._table, Key=request_key_item(key), ConsistentRead=True)
        item = answer.get("Item")
        return request_record(item) if item else None

    def whole(self, record: RequestRecord) -> RequestRecord:
        """See `RequestStore.whole`."""
        if record.payload_key is None:
            return record
        key = payload_item_key(record.owner, record.payload_key)
        with translated("GetItem"):
            answer = self._client().get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return joined(record, answer.get("Item"))

    def keep_payload(self, record: RequestRecord, *, now: float) -> None:
        """Keep what lies apart of a request as if it began now; of one that is gone its next run will tell.

        Raises:
            StoreError: DynamoDB did not answer or refused.
        """
        if record.payload_key is None:
            return
        until = expiry(now, record.kept_seconds or self._kept_seconds)
        with translated("UpdateItem"):
            try:
                self._client().update_item(
                    TableName=self._table,
                    Key=payload_item_key(record.owner, record.payload_key),
                    UpdateExpression="SET #ttl = :until",
                    ConditionExpression="attribute_exists(#ttl)",
                    ExpressionAttributeNames={"#ttl": TTL},
                    ExpressionAttributeValues={":until": {"N": str(until)}},
                )
            except ClientError as exc:
                if _lost_against(exc) is None:
                    raise

    def apply(self, key: RequestKey, change: Change) -> Applied | Refused:
        """See `RequestStore.apply`."""
        update = update_of(change)
        with translated("UpdateItem"):
            try:
                answer = self._client().update_item(
                    TableName=self._table,
                    Key=request_key_item(key),
                    UpdateExpression=update.update,
                    ConditionExpression=update.condition,
                    ExpressionAttributeNames=update.names,
                    ExpressionAttributeValues=update.values,
                    ReturnValues="ALL_NEW" if change.returns_record else "NONE",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as exc:
                if (item := _lost_against(exc)) is None:
                    raise
                return Refused(self._record_or_get(item, key))
        return Applied(request_record(answer["Attributes"]) if change.returns_record else None)

    def statuses(self, keys: Sequence[RequestKey]) -> dict[RequestKey, Status | None]:
        """See `RequestStore.statuses`."""
        from streamer.stores import slots as limited  # noqa: PLC0415 - likewise

        with translated("BatchGetItem"):
            return limited.statuses(self._client(), self._table, keys, sleep=self._sleep)

    def release(self, owner: str, slots: Slots, request_ids: frozenset[str]) -> None:
        """See `RequestStore.release`."""
        from streamer.stores import slots as limited  # noqa: PLC0415 - likewise

        with translated("UpdateItem"):
            limited.release(self._client(), self._table, owner, slots, request_ids)

    def due(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        """See `RequestStore.due`."""
        return self._due(shard, "<=", now, limit)

    def misdated(self, shard: str, *, now: float, limit: int) -> list[RequestKey]:
        """See `RequestStore.misdated`."""
        return self._due(shard, ">", now + FAR_SECONDS, limit)

    def _due(self, shard: str, comparison: str, moment: float, limit: int) -> list[RequestKey]:
        with translated("Query"):
            answer = self._client().query(
                TableName=self._table,
                IndexName=BY_DUE,
                KeyConditionExpression=f"#shard = :shard AND due_at {comparison} :moment",
                ExpressionAttributeNames={"#shard": "shard"},
                ExpressionAttributeValues={":shard": {"S": shard}, ":moment": {"N": repr(moment)}},
                Limit=limit,
            )
        return [request_key(item) for item in answer["Items"]]

    def _record_or_get(self, item: Mapping[str, Any], key: RequestKey) -> RequestRecord | None:
        # Older engines (DynamoDB Local of 2020) do not say which item a condition failed on.
        return request_record(item) if item else self.get(key)


def _lost_against(exc: ClientError) -> Mapping[str, Any] | None:
    """The item that a failed condition was checked against, empty if there was none; None: it failed otherwise."""
    if exc.response["Error"]["Code"] != "ConditionalCheckFailedException":
        return None
    item: Mapping[str, Any] = exc.response.get("Item") or {}
    return item
