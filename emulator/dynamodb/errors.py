"""Errors of the DynamoDB protocol: what a client gets instead of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DYNAMODB: Final = "com.amazonaws.dynamodb.v20120810"
"""Namespace of the service's own errors."""
VALIDATION: Final = "com.amazon.coral.validate"
"""Namespace of ``ValidationException``."""
SERVICE: Final = "com.amazon.coral.service"
"""Namespace of the errors of the protocol itself."""


class ApiError(Exception):
    """A request failed; the client gets ``code``, ``message`` and ``members`` as JSON."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        namespace: str = DYNAMODB,
        status: int = 400,
        members: Mapping[str, Any] | None = None,
        message_member: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.namespace = namespace
        self.status = status
        self.members = members or {}
        # [USR] dynalite: errors of the protocol itself have a capital
        self._message_member = message_member or ("Message" if namespace == SERVICE else "message")

    def content(self) -> dict[str, Any]:
        """The answer's JSON."""
        kind = f"{self.namespace}#{self.code}"
        return {"__type": kind, **self.members, self._message_member: self.message}


def validation_error(message: str) -> ApiError:
    """The request is malformed or breaks a rule of DynamoDB."""
    return ApiError("ValidationException", message, namespace=VALIDATION)


def serialization_error(message: str) -> ApiError:
    """The request's body is not what the service reads: no JSON, or a value of another type."""
    return ApiError("SerializationException", message, namespace=SERVICE)


def invalid_parameter(message: str) -> ApiError:
    """A value in the request breaks a rule; AWS starts the message with the same words each time."""
    return validation_error(f"One or more parameter values were invalid: {message}")


def condition_failed(item: Mapping[str, Any] | None = None) -> ApiError:
    """A condition was not met; ``item`` is sent along if the client asked for it.

    [REC] ls-snap test_return_values_on_conditions_check_failure: then the message's name has a capital.
    """
    members, name = ({}, None) if item is None else ({"Item": item}, "Message")
    return ApiError(
        "ConditionalCheckFailedException", "The conditional request failed", members=members, message_member=name
    )


def access_denied(message: str) -> ApiError:
    """The caller's role does not allow it. [USR] aws/aws-sdk-php #1292"""
    return ApiError("AccessDeniedException", message, namespace=SERVICE)


def not_found(message: str = "Requested resource not found") -> ApiError:
    """There is no such table, stream or shard."""
    return ApiError("ResourceNotFoundException", message)
