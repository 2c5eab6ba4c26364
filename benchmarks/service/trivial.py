"""Let everyone in."""


def connect(event, context):
    return {"statusCode": 200}


def disconnect(event, context):
    return {"statusCode": 200}
