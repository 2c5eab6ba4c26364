import json
import os

import boto3


def ask(event, context):
    context_of = event["requestContext"]
    if context_of["routeKey"] == "send":
        reply_to = {
            "id": context_of["connectionId"],
            "url": f"https://{context_of['domainName']}/{context_of['stage']}",
        }
        queue = boto3.client("sqs").get_queue_url(QueueName=os.environ["QUEUE"])["QueueUrl"]
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(reply_to))
    return {"statusCode": 200}


def answer(event, context):
    for record in event["Records"]:
        reply_to = json.loads(record["body"])
        client = boto3.client("apigatewaymanagementapi", endpoint_url=reply_to["url"])
        client.post_to_connection(ConnectionId=reply_to["id"], Data=b"through a queue")
