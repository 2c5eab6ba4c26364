"""The echo with the runtime's own sender."""

import os
from typing import Any

from streamer.sending.sender import ManagementApi

api = ManagementApi.from_environ(os.environ)


def fast(event: dict[str, Any], context: object) -> dict[str, Any]:
    where = event["requestContext"]
    api.at(f"https://{where['domainName']}/{where['stage']}").send(where["connectionId"], event["body"])
    return {"statusCode": 200}
