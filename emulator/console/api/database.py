"""Asks the tables, streams and queues of the service in the owner's name, wherever they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from ...dynamodb.endpoints.protocol import Database
from ...foundation.json_bytes import parsed_json
from ..reading.asked import Asked, BadRequestError

DYNAMODB: Final = "DynamoDB_20120810"
STREAMS: Final = "DynamoDBStreams_20120810"
SQS: Final = "AmazonSQS"
CONDITION: Final = "ConditionalCheckFailedException"
PAGES: Final = 40
"""Most pages of a shard that are read."""

OPERATIONS: Final = frozenset(
    {
        *("BatchGetItem", "BatchWriteItem", "DeleteItem", "DescribeTable", "DescribeTimeToLive", "GetItem"),
        *("ListTables", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"),
    }
)
"""What the console passes on: what concerns items. Tables are the topology's."""

Json = dict[str, Any]


class DatabaseError(BadRequestError):
    """What was asked is refused; ``code`` is AWS's name of the error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(409 if code == CONDITION else max(status, 400), f"{code}: {message}" if code else message)
        self.code = code


async def ask(database: Database, service: str, operation: str, parameters: Json) -> Json:
    """The answer to one operation; parameters and answer as in the API's JSON.

    Raises:
        DatabaseError: it is refused, or nothing answers.
    """
    answer = await database.ask(f"{service}.{operation}", json.dumps(parameters).encode("utf-8", "surrogatepass"))
    try:
        found: Json = parsed_json(answer.body or b"{}")
    except ValueError as error:
        raise DatabaseError(502, "", f"{operation} was answered with {answer.status} and no JSON") from error
    if answer.status >= 400:
        code = str(found.get("__type", "")).rpartition("#")[2]
        raise DatabaseError(answer.status, code, str(found.get("message") or found.get("Message") or ""))
    return found


async def pages(database: Database, wanted: Json) -> AsyncIterator[list[Json]]:
    """The records of a shard from an iterator on, page by page, until there are none now; `PAGES` at most."""
    iterator = (await ask(database, STREAMS, "GetShardIterator", wanted)).get("ShardIterator")
    for _ in range(PAGES):
        page = await ask(database, STREAMS, "GetRecords", {"ShardIterator": iterator})
        yield page["Records"]
        iterator = page.get("NextShardIterator")
        if not page["Records"] or iterator is None:
            return


class Items:
    """Passes operations on items to the tables, as the owner, and as they are: nothing in them is hidden."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def perform(self, asked: Asked, operation: str) -> Json:
        """Perform one of `OPERATIONS`; the body holds its parameters."""
        if operation not in OPERATIONS:
            known = ", ".join(sorted(OPERATIONS))
            raise BadRequestError(404, f"the console does not do {operation[:60]}; it does {known}")
        return await ask(self._database, DYNAMODB, operation, asked.body_of())
