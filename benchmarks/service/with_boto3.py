"""Handlers that answer through boto3, the client kept at module level as one should."""

import json
import time
from typing import Any

import boto3

# The emulator says by AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI where it is.
api = boto3.client("apigatewaymanagementapi")


def echo(event: dict[str, Any], context: object) -> dict[str, Any]:
    api.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data=event["body"].encode())
    return {"statusCode": 200}


def sleep(event: dict[str, Any], context: object) -> dict[str, Any]:
    time.sleep(json.loads(event["body"])["ms"] / 1000)
    return echo(event, context)


def who(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Tell the client its connection id, which a note has to name."""
    connection_id = event["requestContext"]["connectionId"]
    text = json.dumps({"id": json.loads(event["body"])["id"], "connectionId": connection_id})
    api.post_to_connection(ConnectionId=connection_id, Data=text.encode())
    return {"statusCode": 200}


def relay(event: dict[str, Any], context: object) -> None:
    """Send every new note to the connection that it names, and when this function began."""
    began = time.time()
    for record in event["Records"]:
        note = record["dynamodb"]["NewImage"]
        text = json.dumps({"id": note["id"]["S"], "began": began})
        api.post_to_connection(ConnectionId=note["connection_id"]["S"], Data=text.encode())
