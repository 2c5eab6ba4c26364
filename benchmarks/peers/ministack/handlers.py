"""The echo service as MiniStack runs it: one boto3 client per process, kept at module level as one should."""

import json
import os
import time
from typing import Any

import boto3

api = boto3.client(
    "apigatewaymanagementapi",
    endpoint_url=os.environ["BENCH_MANAGEMENT_URL"],
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)


def _post(connection_id: str, text: str) -> None:
    # A function that writes nothing is answered some 50 ms later there, so this one writes a line, as most do.
    print("posting")
    api.post_to_connection(ConnectionId=connection_id, Data=text.encode())


def connect(event: dict[str, Any], context: object) -> dict[str, Any]:
    print("connect")
    return {"statusCode": 200}


def disconnect(event: dict[str, Any], context: object) -> dict[str, Any]:
    print("disconnect")
    return {"statusCode": 200}


def echo(event: dict[str, Any], context: object) -> dict[str, Any]:
    _post(event["requestContext"]["connectionId"], event["body"])
    return {"statusCode": 200}


def sleep(event: dict[str, Any], context: object) -> dict[str, Any]:
    time.sleep(json.loads(event["body"])["ms"] / 1000)
    return echo(event, context)


def who(event: dict[str, Any], context: object) -> dict[str, Any]:
    connection_id = event["requestContext"]["connectionId"]
    _post(connection_id, json.dumps({"id": json.loads(event["body"])["id"], "connectionId": connection_id}))
    return {"statusCode": 200}


def relay(event: dict[str, Any], context: object) -> None:
    began = time.time()
    for record in event["Records"]:
        note = record["dynamodb"]["NewImage"]
        _post(note["connection_id"]["S"], json.dumps({"id": note["id"]["S"], "began": began}))
