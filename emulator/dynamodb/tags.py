"""Tags of tables: TagResource, UntagResource, ListTagsOfResource. [DOC] ddb-docs:Tagging"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..foundation.place import iam_arn
from .backend import EmbeddedBackend
from .errors import SERVICE, ApiError, not_found, validation_error
from .table import Table
from .values import Parameters

TAGS: Final = 50
"""Of one table. [DOC] ddb-docs:ServiceQuotas"""
_TEXT: Final = re.compile(r"[\w\s.:/=+\-@]*")
_ARN: Final = re.compile(r"(?:[^:]++:){5}[^/]++/.+")
_TABLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:dynamodb:[^:]+:\d+:table/[A-Za-z0-9_.-]{3,255}")


def read_tags(raw: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """``Tags`` by key.

    Raises:
        ApiError: a key comes twice, or has characters or a prefix that no tag may have.
    """
    tags: dict[str, str] = {}
    for tag in raw:
        key, value = tag["Key"], tag["Value"]
        if key in tags:
            raise validation_error(f"One or more parameter values were invalid: Duplicate tag key: {key}")
        if key.lower().startswith("aws:"):
            raise validation_error(f"One or more parameter values were invalid: tag key {key} starts with aws:")
        if not _TEXT.fullmatch(key) or not _TEXT.fullmatch(value):
            raise validation_error(
                "One or more parameter values were invalid: a tag has characters other than letters, digits, spaces "
                f"and + - = . _ : / @. Key: {key}, Value: {value}"
            )
        tags[key] = value
    _check_count(tags)
    return tags


def _check_count(tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS:
        raise validation_error(f"One or more parameter values were invalid: Too many tags: over the limit of {TAGS}")


OPERATIONS: Final = ("TagResource", "UntagResource", "ListTagsOfResource")


def check_arn(backend: EmbeddedBackend, operation: str, parameters: Parameters) -> None:
    """Raise ApiError unless there is an ARN: these three look at that before anything else. [USR] dynalite"""
    arn = parameters.get("ResourceArn")
    if arn is None:
        raise validation_error("Invalid TableArn")
    if isinstance(arn, str) and not _ARN.fullmatch(arn):
        raise ApiError(
            "AccessDeniedException",
            f"User: {iam_arn(backend.region_name, backend.account_id, 'user/local')} is not authorized to perform: "
            f"dynamodb:{operation} on resource: {arn}",
            namespace=SERVICE,
        )


def _tagged(backend: EmbeddedBackend, parameters: Parameters) -> Table:
    arn = parameters["ResourceArn"]
    if not _TABLE_ARN.fullmatch(arn):
        raise validation_error(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    table = backend.find_table(arn)
    if table is None:
        raise not_found(f"Requested resource not found: ResourcArn: {arn} not found")
    return table


def tag_resource(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """TagResource: adds tags, or gives new values to those that are there."""
    table = _tagged(backend, parameters)
    if not parameters["Tags"]:
        raise validation_error("Atleast one Tag needs to be provided as Input.")
    tags = {**table.settings.tags, **read_tags(parameters["Tags"])}
    _check_count(tags)
    table.settings.tags = tags
    return {}


def untag_resource(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """UntagResource; keys that are not there are no fault."""
    table = _tagged(backend, parameters)
    if not parameters["TagKeys"]:
        raise validation_error("Atleast one Tag Key needs to be provided as Input.")
    gone = set(parameters["TagKeys"])
    table.settings.tags = {key: value for key, value in table.settings.tags.items() if key not in gone}
    return {}


def list_tags(backend: EmbeddedBackend, parameters: Parameters) -> dict[str, Any]:
    """ListTagsOfResource; all of them, as there are few."""
    table = _tagged(backend, parameters)
    return {"Tags": [{"Key": key, "Value": value} for key, value in table.settings.tags.items()]}
