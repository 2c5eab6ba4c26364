"""A chat room as plain Lambda handlers. Nothing here knows streamer: on AWS and in the emulator it is the same code."""

import hashlib
import hmac
import json
import os

import boto3

dynamodb = boto3.client("dynamodb")
TABLE = os.environ["TABLE"]
HISTORY = os.environ["HISTORY"]
BADGE_KEY = os.environ["BADGE_KEY"]  # a secret: on AWS it is in Secrets Manager, and here by the time this is imported


def connect(event, context):
    """$connect: who comes in needs a name; anything but 200 refuses the handshake with that status."""
    name = (event.get("queryStringParameters") or {}).get("name", "").strip()
    if not name:
        return {"statusCode": 400}
    item = {"connection_id": {"S": event["requestContext"]["connectionId"]}, "name": {"S": name}}
    dynamodb.put_item(TableName=TABLE, Item=item)
    return {"statusCode": 200}


def disconnect(event, context):
    """$disconnect: tell the others who left."""
    key = {"connection_id": {"S": event["requestContext"]["connectionId"]}}
    left = dynamodb.delete_item(TableName=TABLE, Key=key, ReturnValues="ALL_OLD").get("Attributes")
    if left:
        broadcast(event, {"left": left["name"]["S"]})
    return {"statusCode": 200}


def say(event, context):
    """Route "say": everybody hears it, and a queue takes it to the history."""
    own_id = event["requestContext"]["connectionId"]
    speaker = dynamodb.get_item(TableName=TABLE, Key={"connection_id": {"S": own_id}})["Item"]["name"]["S"]
    said = {"from": speaker, "badge": badge(event), "text": json.loads(event["body"])["text"]}
    broadcast(event, said)
    queue = boto3.client("sqs")
    queue.send_message(QueueUrl=os.environ["SAID_QUEUE_URL"], MessageBody=json.dumps(said))
    return {"statusCode": 200}


def keep(event, context):
    """Reads the queue: what was said is kept, once each, however often the queue delivers it."""
    for record in event["Records"]:
        item = {
            "message_id": {"S": record["messageId"]},
            "at": {"N": record["attributes"]["SentTimestamp"]},
            "said": {"S": record["body"]},
        }
        dynamodb.put_item(TableName=HISTORY, Item=item)


def history(event, context):
    """Route "history", which has a route response: what was said last."""
    items = dynamodb.scan(TableName=HISTORY)["Items"]
    items.sort(key=lambda item: int(item["at"]["N"]))
    return {"statusCode": 200, "body": json.dumps({"said": [json.loads(item["said"]["S"]) for item in items[-20:]]})}


def who(event, context):
    """Route "who", which has a route response: the body goes back to the client."""
    names = sorted(item["name"]["S"] for item in dynamodb.scan(TableName=TABLE)["Items"])
    return {"statusCode": 200, "body": json.dumps({"here": names})}


def default(event, context):
    """$default, with a route response: whatever no other route takes."""
    return {"statusCode": 200, "body": json.dumps({"try": ['{"action": "say", "text": "hello"}', '{"action": "who"}']})}


def broadcast(event, message):
    """Send to every connection by API Gateway's management API; forget those that are gone."""
    context = event["requestContext"]
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{context['domainName']}/{context['stage']}")
    for item in dynamodb.scan(TableName=TABLE)["Items"]:
        connection_id = item["connection_id"]["S"]
        try:
            api.post_to_connection(ConnectionId=connection_id, Data=json.dumps(message).encode())
        except api.exceptions.GoneException:
            dynamodb.delete_item(TableName=TABLE, Key={"connection_id": {"S": connection_id}})


def badge(event):
    """Four digits that tell two people of one name apart, and say nothing about their addresses."""
    address = event["requestContext"]["identity"]["sourceIp"]
    return hmac.new(BADGE_KEY.encode(), address.encode(), hashlib.sha256).hexdigest()[:4]
