"""What S3 refuses of the names, numbers and headers of a request, before it looks at what they are for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .needs import bucket_and_key

BAD_NAME: Final = ("InvalidBucketName", "The specified bucket is not valid.")
BAD_PART_NUMBER: Final = "Part number must be an integer between 1 and 10000, inclusive"
"""[USR] versitygw #1065"""
LONG_KEY: Final = ("KeyTooLongError", "Your key is too long")
MUCH_METADATA: Final = ("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
"""[DOC] s3-api:ErrorResponses, s3-docs:object-keys, UsingMetadata"""
NO_KEY: Final = "Invalid copy source object key"
"""[USR] versitygw #1389"""
_NAME: Final = re.compile(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)(?<!\.mrap)(?<!--x-s3)(?<!--table-s3)"
)
"""[DOC] s3-docs:bucketnamingrules"""
_ACLS: Final = frozenset(
    {
        *("private", "public-read", "public-read-write", "aws-exec-read", "authenticated-read"),
        *("bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"),
    }
)
"""[DOC] s3-docs:acl-overview"""
_NUMBERS: Final = {"max-keys": "maxKeys", "max-uploads": "max-uploads"}
"""How many a page of a list has at most, by what S3 calls it where it is negative."""
_KEY_BYTES, _METADATA_BYTES = 1_024, 2_048
_METADATA: Final = "x-amz-meta-"
_MOST: Final = 2**31 - 1
_PARTS: Final = range(1, 10_001)


def misused(method: str, url: str, given: Mapping[str, str]) -> tuple[str, str] | None:
    """Error code and message for a request to one of S3's addresses; None: it may be asked. ``given`` are its headers.

    Where nothing is said of a message, it is as recorded: [USR] brekkylab/backlot #192, versitygw #1379, #1794, #1809.
    """
    bucket, key = bucket_and_key(url)
    asked = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if method == "PUT" and not key and not asked and _NAME.fullmatch(bucket) is None:
        return BAD_NAME
    if method in ("POST", "PUT") and len(key.encode()) > _KEY_BYTES:
        return LONG_KEY
    if sum(_size(*each) for each in given.items()) > _METADATA_BYTES:
        return MUCH_METADATA
    why = _miscounted(asked) if method == "GET" and not key else None
    if why is None and key and "partNumber" in asked and _number(asked["partNumber"]) not in _PARTS:
        why = BAD_PART_NUMBER
    source = given.get("x-amz-copy-source")
    if why is None and source is not None and "/" not in unquote(source).lstrip("/").rstrip("/"):
        why = NO_KEY
    if why is None and given.get("x-amz-acl", "private") not in _ACLS:
        why = ""
    return None if why is None else ("InvalidArgument", why)


def _size(name: str, value: str) -> int:
    return len(name) - len(_METADATA) + len(value.encode()) if name.startswith(_METADATA) else 0


def _miscounted(asked: Mapping[str, str]) -> str | None:
    for name, called in _NUMBERS.items():
        number = _number(asked[name]) if asked.get(name) else 0
        if number is None or not -_MOST - 1 <= number <= _MOST:
            return f"Provided {name} not an integer or within integer range"
        if number < 0:
            negative = f"Argument {called} must be an integer between 0 and {_MOST}"
            return f"{name} cannot be negative" if "versions" in asked else negative
    return None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,20}", text, re.ASCII) else None
