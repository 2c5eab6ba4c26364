"""An embedded DynamoDB with a clock of its own, called without a socket."""

from __future__ import annotations

import itertools
import json
from typing import Any

from emulator.dynamodb.engine import DYNAMODB, STREAMS, EmbeddedDynamoDB
from emulator.port.http import HttpRequest, HttpResponse

START = 1_700_000_000.0


def s(text: str) -> dict[str, str]:
    return {"S": text}


def n(number: object) -> dict[str, str]:
    return {"N": str(number)}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class World:
    """The engine, its clock, and short ways to call it."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        ids = itertools.count(1)
        self.database = EmbeddedDynamoDB(clock=self.clock, new_id=lambda: f"{next(ids):032x}", **options)

    def send(self, target: str, parameters: Any, **fields: str) -> HttpResponse:
        body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
        return self.database.handle(HttpRequest("POST", "/", (), body, "127.0.0.1", {"x-amz-target": target, **fields}))

    def call(self, action: str, **parameters: Any) -> Any:
        return self._content(self.send(f"{DYNAMODB}.{action}", parameters))

    def streams(self, action: str, **parameters: Any) -> Any:
        return self._content(self.send(f"{STREAMS}.{action}", parameters))

    @staticmethod
    def _content(response: HttpResponse) -> Any:
        content = json.loads(response.body)
        assert response.status == 200, content
        return content

    def error(self, target: str, parameters: Any) -> tuple[int, str, str]:
        """Status, code without namespace, and message."""
        response = self.send(target, parameters)
        content = json.loads(response.body)
        return response.status, content["__type"].partition("#")[2], content.get("message", content.get("Message"))

    def refused(self, action: str, **parameters: Any) -> str:
        """The code of a refusal, and its message."""
        status, code, message = self.error(f"{DYNAMODB}.{action}", parameters)
        assert status == 400
        return f"{code}: {message}"

    def create(self, name: str = "things", view: str | None = "NEW_AND_OLD_IMAGES", **more: Any) -> None:
        request: dict[str, Any] = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        }
        if view is not None:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        self.call("CreateTable", **{**request, **more})

    def put(self, pk: str, table: str = "things", **attributes: Any) -> None:
        self.call("PutItem", TableName=table, Item={"pk": {"S": pk}, **attributes})

    def get(self, pk: str, table: str = "things") -> Any:
        return self.call("GetItem", TableName=table, Key={"pk": {"S": pk}}).get("Item")

    def keys(self, table: str = "things") -> list[str]:
        return sorted(item["pk"]["S"] for item in self.call("Scan", TableName=table)["Items"])

    def iterator(self, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        arn = self.streams("ListStreams", TableName="things")["Streams"][-1]["StreamArn"]
        shard = self.streams("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        answer = self.streams("GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)
        return str(answer["ShardIterator"])

    def changes(self) -> list[tuple[str, str]]:
        """Event name and partition key of every record."""
        records = self.streams("GetRecords", ShardIterator=self.iterator())["Records"]
        return [(record["eventName"], record["dynamodb"]["Keys"]["pk"]["S"]) for record in records]
