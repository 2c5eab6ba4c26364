"""Let everyone in."""

from typing import Any


def connect(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200}


def disconnect(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200}
