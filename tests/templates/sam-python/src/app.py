import boto3


def handler(event, context):
    c = event["requestContext"]
    if c["routeKey"] == "send":
        boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"https://{c['domainName']}/{c['stage']}"
        ).post_to_connection(ConnectionId=c["connectionId"], Data=b"hi")
    return {"statusCode": 200}
