"""Operations of AWS's API that make what a project's templates describe. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from streamer.errors import ConfigurationError, StreamerError

KEY_ID_TAG: Final = "streamer:key-id"
"""The tag with which a template's key of KMS says its id; nobody sees it."""

EMPTY_BUCKET: Final = "empty_bucket"
"""An operation of S3 that is ours: delete all versions of all objects of a bucket."""

UNSUBSCRIBE: Final = "unsubscribe_endpoint"
"""An operation of SNS that is ours: end the subscription of an endpoint to a topic."""


class Call(Struct, frozen=True, kw_only=True):
    """One operation, as boto3 has it."""

    service: str
    """``s3``, ``sns``, ..."""
    operation: str
    """``create_bucket``, ..."""
    parameters: Mapping[str, Any]
    resource: str
    """Whose it is, as the user knows it: its logical id."""
    is_retained: bool = False
    """Whether what it makes goes on when it is described no more: its ``DeletionPolicy`` says so."""


class NotMadeError(ConfigurationError):
    """Some of what is described cannot be made; the message says why."""

    def __init__(self, reason: str, made: frozenset[str]) -> None:
        super().__init__(reason)
        self.made = made
        """Logical ids of what was made nevertheless, and was not there before."""


class CallRefusedError(StreamerError):
    """The service refuses what a template says, as AWS would."""
