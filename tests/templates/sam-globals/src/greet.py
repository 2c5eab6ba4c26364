import os

from words import joined


def handler(event, context):
    assert "TOPIC" not in os.environ
    return {"statusCode": 200, "body": joined(os.environ["GREETING"], event["requestContext"]["stage"])}
