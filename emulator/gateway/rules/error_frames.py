"""The text frames API Gateway itself sends to a client, byte for byte. Pure.

The blanks are AWS's: recorded texts have one after the first colon only.
"""

from __future__ import annotations

from typing import Final

FORBIDDEN: Final = "Forbidden"
"""No route matches and there is no ``$default``. [REC] serverless-offline issues"""
INTERNAL_SERVER_ERROR: Final = "Internal server error"
"""The function raised, was not run, or returned what is no proxy response. [REC]"""
ENDPOINT_TIMED_OUT: Final = "Endpoint request timed out"
"""The integration's timeout passed. [REC] Mangum #128"""


def error_frame(message: str, connection_id: str, request_id: str) -> str:
    """The frame that tells a client that its message came to nothing; no trailing newline. [REC]"""
    return f'{{"message": "{message}", "connectionId":"{connection_id}", "requestId":"{request_id}"}}'


def bad_request_frame(connection_id: str, message_id: str) -> str:
    """The frame that answers a message its route's model refuses. [DOC] apigw-docs:websocket-api-request-validation"""
    return f'{{"message" : "Bad request body", "connectionId": "{connection_id}", "messageId": "{message_id}"}}'
