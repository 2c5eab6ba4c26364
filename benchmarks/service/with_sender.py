"""The echo with the runtime's own sender."""

import os

from streamer.sending.sender import ManagementApi

api = ManagementApi.from_environ(os.environ)


def fast(event, context):
    where = event["requestContext"]
    api.at(f"https://{where['domainName']}/{where['stage']}").send(where["connectionId"], event["body"])
    return {"statusCode": 200}
