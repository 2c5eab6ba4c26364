"""Answers with what is changed while it runs."""

import json
import os
from typing import Any

VERSION = "v0-"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    asked = json.loads(event["body"])
    return {"statusCode": 200, "body": json.dumps({**asked, "says": VERSION + os.environ["VERSION"]})}
