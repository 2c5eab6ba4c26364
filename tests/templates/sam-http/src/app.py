import json
import os

import boto3


def connect(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    table.put_item(Item={"id": event["requestContext"]["connectionId"]})
    return {"statusCode": 200}


def notify(event, context):
    """Sends what was posted to every connection, and answers with the event."""
    if event.get("body"):
        management = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["URL"])
        for item in boto3.resource("dynamodb").Table(os.environ["TABLE"]).scan()["Items"]:
            management.post_to_connection(ConnectionId=item["id"], Data=event["body"])
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}


def door(event, context):
    return {"isAuthorized": event["identitySource"] == ["open"], "context": {"who": "me", "age": 7}}
