"""Stores in DynamoDB: single-item operations on base tables, each change one conditional update.

Each store is given a function that returns the client, so that an execution environment which only dispatches, or only
answers pings, never pays for making one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from streamer.errors import ItemTooLargeError, NoTableError, StoreError
from streamer.records import (
    AUDIENCE_SHARDS,
    KEPT_SECONDS,
    PAGE,
    ConnectionRecord,
    Page,
    RequestKey,
    RequestRecord,
    Slots,
    Status,
    SubscriptionRecord,
)
from streamer.requests.lifecycle import FAR_SECONDS, Applied, Change, Created, Duplicate, Full, Refused
from streamer.stores.expressions import update_of
from streamer.stores.items import (
    TTL,
    Item,
    connection_item,
    connection_record,
    request_item,
    request_key,
    request_key_item,
    request_record,
    subscription_item,
    subscription_keys,
    subscription_record,
    target_key,
    tenant_key,
)
from streamer.stores.names import BY_DUE, BY_OWNER, BY_TARGET, BY_TENANT
from streamer.stores.payloads import apart, joined, payload_item_key

BATCH_ITEMS: Final = 25
"""Most items of one BatchWriteItem. [DOC] ddb-docs:API_BatchWriteItem"""
BATCH_ATTEMPTS: Final = 8
"""How often items that DynamoDB left unprocessed are sent again."""


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turn botocore's errors into ours."""
    try:
        yield
    except ClientError as exc:
        error = exc.response["Error"]
        code, message = error["Code"], error.get("Message", "")
        # [DOC] ddb-docs: "Item size has exceeded the maximum allowed size", on updates "Item size to update has ...".
        if code == "ValidationException" and message.startswith("Item size"):
            raise ItemTooLargeError(f"DynamoDB refused {operation}: {message}") from exc
        refused = NoTableError if code == "ResourceNotFoundException" else StoreError
        raise refused(f"{operation} was refused: {code}: {message}") from exc
    except BotoCoreError as exc:
        raise StoreError(f"{operation} was not answered: {exc}") from exc


def _pages(client: Any, **query: Any) -> Iterator[list[Any]]:
    """The items of a query, page by page of at most a megabyte."""
    while True:
        with translated("Query"):
            page = client.query(**query)
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _page_by(client: Any, table: str, index: str, key: Item, *, after: str | None, limit: int) -> Page[Any]:
    """Some items of one partition of an index whose sort key is the connection.

    The index's partition key and the connection are all of the table's key, too.

    Args:
        client: Of DynamoDB.
        table: Its name.
        index: Its name.
        key: The attribute that is the index's partition key, and its value.
        after: Begin behind this connection.
        limit: Most items.
    """
    (attribute, value), *_ = key.items()
    query: dict[str, Any] = {
        "TableName": table,
        "IndexName": index,
        "KeyConditionExpression": "#name = :value",
        "ExpressionAttributeNames": {"#name": attribute},
        "ExpressionAttributeValues": {":value": value},
        "Limit": limit,
    }
    if after is not None:
        query["ExclusiveStartKey"] = {**key, "connection_id": {"S": after}}
    with translated("Query"):
        answer = client.query(**query)
    last = answer.get("LastEvaluatedKey")
    return Page(answer["Items"], last["connection_id"]["S"] if last else None)


def _lost_against(exc: ClientError) -> Mapping[str, Any] | None:
    """The item that a failed condition was checked against, empty if there was none; None: it failed otherwise."""
    if exc.response["Error"]["Code"] != "ConditionalCheckFailedException":
        return None
    item: Mapping[str, Any] = exc.response.get("Item") or {}
    return item


class DynamoConnectionStore:
    """Open connections."""

    def __init__(self, client: Callable[[], Any], table: str) -> None:
        self._client = client
        self._table = table

    def put(self, record: ConnectionRecord) -> None:
        """See `ConnectionStore.put`."""
        with translated("PutItem"):
            self._client().put_item(TableName=self._table, Item=connection_item(record))

    def get(self, connection_id: str) -> ConnectionRecord | None:
        """See `ConnectionStore.get`."""
        with translated("GetItem"):
            # Consistent: a client's first message can come right after its row was written.
            answer = self._client().get_item(TableName=self._table, Key=self._key(connection_id), ConsistentRead=True)
        item = answer.get("Item")
        return connection_record(item) if item else None

    def remove(self, connection_id: str) -> ConnectionRecord | None:
        """See `ConnectionStore.remove`."""
        with translated("DeleteItem"):
            answer = self._client().delete_item(
                TableName=self._table, Key=self._key(connection_id), ReturnValues="ALL_OLD"
            )
        item = answer.get("Attributes")
        return connection_record(item) if item else None

    @property
    def shards(self) -> int:
        """See `ConnectionStore.shards`."""
        return AUDIENCE_SHARDS

    def of_user(self, owner: str, *, after: str | None = None, limit: int = PAGE) -> Page[ConnectionRecord]:
        """See `ConnectionStore.of_user`."""
        return self._page(BY_OWNER, {"owner": {"S": owner}}, after, limit)

    def of_tenant(
        self, tenant_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[ConnectionRecord]:
        """See `ConnectionStore.of_tenant`."""
        key = tenant_key(tenant_id, shard)
        if key is None:
            return Page([])
        page = self._page(BY_TENANT, {"tenant_id": {"S": key}}, after, limit)
        # Another tenant may be called what one of this one's shards is called.
        return Page([record for record in page.records if record.tenant_id == tenant_id], page.after)

    def _page(self, index: str, key: Item, after: str | None, limit: int) -> Page[ConnectionRecord]:
        page = _page_by(self._client(), self._table, index, key, after=after, limit=limit)
        return Page([connection_record(item) for item in page.records], page.after)

    def _key(self, connection_id: str) -> dict[str, dict[str, str]]:
        return {"connection_id": {"S": connection_id}}


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


class DynamoSubscriptionStore:
    """Subscriptions of connections."""

    def __init__(self, client: Callable[[], Any], table: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def add(self, record: SubscriptionRecord) -> None:
        """See `SubscriptionStore.add`."""
        with translated("PutItem"):
            self._client().put_item(TableName=self._table, Item=subscription_item(record))

    def remove(self, connection_id: str, target: str) -> None:
        """See `SubscriptionStore.remove`."""
        keys = subscription_keys(connection_id, target)
        if len(keys) > 1:
            self._delete([{"DeleteRequest": {"Key": key}} for key in keys])
            return
        with translated("DeleteItem"):
            self._client().delete_item(TableName=self._table, Key=keys[0])

    @property
    def shards(self) -> int:
        """See `SubscriptionStore.shards`."""
        return AUDIENCE_SHARDS

    def of_target(
        self, target: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[SubscriptionRecord]:
        """See `SubscriptionStore.of_target`."""
        name = target_key(target, shard)
        if name is None:
            return Page([])
        key = {"target": {"S": name}}
        page = _page_by(self._client(), self._table, BY_TARGET, key, after=after, limit=limit)
        records = [subscription_record(item) for item in page.records]
        return Page([record for record in records if record.target == target], page.after)

    def remove_connection(self, connection_id: str) -> int:
        """See `SubscriptionStore.remove_connection`."""
        removed = 0
        pages = _pages(
            self._client(),
            TableName=self._table,
            KeyConditionExpression="connection_id = :id",
            ProjectionExpression="connection_id, #target",
            ExpressionAttributeNames={"#target": "target"},
            ExpressionAttributeValues={":id": {"S": connection_id}},
        )
        for keys in pages:
            for first in range(0, len(keys), BATCH_ITEMS):
                self._delete([{"DeleteRequest": {"Key": key}} for key in keys[first : first + BATCH_ITEMS]])
            removed += len(keys)
        return removed

    def _delete(self, requests: list[Any]) -> None:
        for attempt in range(BATCH_ATTEMPTS):
            with translated("BatchWriteItem"):
                answer = self._client().batch_write_item(RequestItems={self._table: requests})
            requests = answer.get("UnprocessedItems", {}).get(self._table, [])
            if not requests:
                return
            # DynamoDB asks for a pause before what it left out is sent again. [DOC] ddb-docs:API_BatchWriteItem
            self._sleep(0.05 * 2**attempt)
        raise StoreError(f"DynamoDB left {len(requests)} deletions unprocessed after {BATCH_ATTEMPTS} attempts")
