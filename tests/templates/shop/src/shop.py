import json
import logging
import os

import boto3


def order(event, context):
    about = event["requestContext"]
    wanted = json.loads(event["body"])
    item = {"id": {"S": wanted["id"]}, "what": {"S": wanted["what"]}, "state": {"S": "placed"}}
    boto3.client("dynamodb").put_item(TableName=os.environ["ORDERS"], Item=item)
    job = {**wanted, "to": about["connectionId"]}
    boto3.client("sqs").send_message(QueueUrl=os.environ["JOBS"], MessageBody=json.dumps(job))
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{about['domainName']}/{about['stage']}")
    api.post_to_connection(ConnectionId=about["connectionId"], Data=json.dumps({"placed": wanted["id"]}))
    return {"statusCode": 200}


def pack(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])
        weight = {"tea": 100, "coffee": 250}[job["what"]]
        boto3.client("s3").put_object(Bucket=os.environ["RECEIPTS"], Key=f"{job['id']}.txt", Body=f"{weight} g")
        boto3.client("sns").publish(TopicArn=os.environ["NEWS"], Subject="packed", Message=job["id"])
        boto3.client("dynamodb").update_item(
            TableName=os.environ["ORDERS"],
            Key={"id": {"S": job["id"]}},
            UpdateExpression="SET #s = :s, grams = :g",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={":s": {"S": "packed"}, ":g": {"N": str(weight)}},
        )


def changed(event, context):
    for record in event["Records"]:
        new = record["dynamodb"].get("NewImage", {})
        if new.get("what", {}).get("S") == "cocoa":
            raise ValueError("there is no cocoa")
        logging.getLogger().warning("%s %s", record["eventName"], new["id"]["S"])
