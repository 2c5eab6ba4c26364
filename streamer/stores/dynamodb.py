"""Stores in DynamoDB of what connections are, and what they listen to; `dynamodb_requests` has that of requests.

Each store is given a function that returns the client, so that an execution environment which only dispatches, or only
answers pings, never pays for making one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from streamer.aws_limits import BATCH_ITEMS
from streamer.errors import ItemTooLargeError, NoTableError, StoreError
from streamer.records import (
    AUDIENCE_SHARDS,
    PAGE,
    ConnectionRecord,
    Page,
    SubscriptionRecord,
)
from streamer.stores.items import (
    Item,
    connection_item,
    connection_record,
    subscription_item,
    subscription_key,
    subscription_record,
    target_key,
    tenant_key,
)
from streamer.stores.names import BY_OWNER, BY_TARGET, BY_TENANT

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
        with translated("DeleteItem"):
            self._client().delete_item(TableName=self._table, Key=subscription_key(connection_id, target))

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
