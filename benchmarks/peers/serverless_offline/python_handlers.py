"""The echo service in Python, for peers: one boto3 client per process, kept at module level as one should."""

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


def connect(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200}


def disconnect(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200}


def echo(event: dict[str, Any], context: object) -> dict[str, Any]:
    api.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data=event["body"].encode())
    return {"statusCode": 200}


def sleep(event: dict[str, Any], context: object) -> dict[str, Any]:
    time.sleep(json.loads(event["body"])["ms"] / 1000)
    return echo(event, context)
