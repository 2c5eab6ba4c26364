"""Facts of AWS that several of runtime, emulator and deployer need: sizes, names, how DynamoDB counts bytes. Pure."""

from __future__ import annotations

import binascii
import functools
import re
from collections.abc import Mapping
from typing import Any, Final

FRAME_BYTES: Final = 32 * 1024
"""Largest payload of one WebSocket frame, either way; a larger one closes the connection with 1009.
[DOC] apigw-docs:limits"""
MESSAGE_BYTES: Final = 128 * 1024
"""Largest message in bytes of UTF-8, either way, and largest POST to ``@connections``. [DOC] apigw-docs:limits"""
ITEM_BYTES: Final = 400 * 1024
"""Largest item of DynamoDB, names of attributes included. [DOC] ddb-docs:ServiceQuotas"""
PARTITION_KEY_BYTES: Final = 2048
SORT_KEY_BYTES: Final = 1024
"""Longest keys of a table or an index of DynamoDB. [DOC] ddb-docs:ServiceQuotas"""
BATCH_ITEMS: Final = 25
"""Most items of one BatchWriteItem. [DOC] ddb-api:BatchWriteItem"""
BATCH_KEYS: Final = 100
"""Most keys of one BatchGetItem. [DOC] ddb-api:BatchGetItem"""
LOCAL_INDEXES: Final = 5
GLOBAL_INDEXES: Final = 20
PROJECTED_ATTRIBUTES: Final = 100
"""Most of one table; of attributes, those that all its indexes project by name. [DOC] ddb-docs:ServiceQuotas"""
STAGE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What a stage may be called. [DOC] API Gateway API, CreateStage"""
REGION_NAME: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
"""What a Region's name looks like: those that exist become more. [INF]"""
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Hosts that are this machine under any settings; the rest of 127.0.0.0/8 is as well. [DOC] RFC 6761, RFC 4291"""
INTEGRATION_SECONDS: Final = 29.0
"""API Gateway waits no longer for a function. [DOC] apigw-docs quotas"""
LEAST_INTEGRATION_SECONDS: Final = 0.05
"""The least that API Gateway can be told to wait. [DOC] apigw-docs quotas"""
FUNCTION_SECONDS: Final = 900.0
"""Lambda lets no function run longer. [DOC] lambda-docs:configuration-timeout"""
VARIABLES_BYTES: Final = 4096
"""All variables of a function together. [DOC] lambda-docs:gettingstarted-limits"""
INLINE_TEMPLATE_BYTES: Final = 51_200
"""Largest template that a request to CloudFormation can carry; a larger one must be in S3.
[DOC] cfn-docs:cloudformation-limits"""
TEMPLATE_BYTES: Final = 1_000_000
"""Largest template. [DOC] cfn-docs:cloudformation-limits (1 MB); [USR] the service counts 1,000,000 bytes"""
TEMPLATE_PARTS: Final = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
"""Most of a template's sections. [DOC] cfn-docs:cloudformation-limits"""

_PARTITIONS: Final = {
    "cn-": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-": ("aws-us-gov", "amazonaws.com"),
    "eusc-": ("aws-eusc", "amazonaws.eu"),
    "us-iso-": ("aws-iso", "c2s.ic.gov"),
    "us-isob-": ("aws-iso-b", "sc2s.sgov.gov"),
    "us-isof-": ("aws-iso-f", "csp.hci.ic.gov"),
    "eu-isoe-": ("aws-iso-e", "cloud.adc-e.uk"),
}
"""How the names of Regions begin that are in another partition than ``aws``: that, and how names of hosts end there.
[DOC] the SDKs' ``partitions.json``"""
_COLLECTION_BYTES: Final = 3
"""Overhead of a list or map, besides one byte per element. [DOC] ddb-docs:CapacityUnitCalculations"""


def partition_of(region: str) -> str:
    """The part of AWS that a Region is in, as ARNs name it."""
    return _place(region)[0]


def url_suffix(region: str) -> str:
    """How the names of hosts end in a Region."""
    return _place(region)[1]


@functools.lru_cache(maxsize=16)
def _place(region: str) -> tuple[str, str]:
    """Kept: every request to an API asks."""
    return next((each for start, each in _PARTITIONS.items() if region.startswith(start)), ("aws", "amazonaws.com"))


def attributes_bytes(attributes: Mapping[str, Any]) -> int:
    """Size of an item, a key or a map as DynamoDB counts it: names in UTF-8 plus values, as `value_bytes` takes them.

    [DOC] ddb-docs:CapacityUnitCalculations; [REC] recorded stream records I6
    """
    total = 0
    for name, value in attributes.items():
        total += (len(name) if name.isascii() else text_bytes(name)) + value_bytes(value)
    return total


def value_bytes(value: Any) -> int:
    """Size of an attribute value as DynamoDB counts it.

    ``value`` is in wire form, ``{"S": "text"}`` with binary in base64, or a pair of type and content, ``("S", "text")``
    with binary as bytes; so are the elements of lists and maps.

    [DOC] ddb-docs:CapacityUnitCalculations; [REC] recorded stream records I6
    """
    kind, content = value if isinstance(value, tuple) else next(iter(value.items()))
    if kind == "S":
        return len(content) if content.isascii() else text_bytes(content)
    if kind == "N":
        return number_bytes(content)
    if kind == "L":
        return _COLLECTION_BYTES + sum([1 + value_bytes(element) for element in content])
    if kind == "M":
        return _COLLECTION_BYTES + len(content) + attributes_bytes(content)
    if kind == "B":
        return len(content) if isinstance(content, bytes) else _base64_bytes(content)
    if kind in ("BOOL", "NULL"):
        return 1
    return sum([value_bytes((kind[0], member)) for member in content])


def number_bytes(text: str) -> int:
    """Size of a number: a byte for each two significant digits, one more, and one more if it is negative.

    Digits before and after the point are counted apart. Zeros at either end do not count, nor does the exponent.
    [REC] recorded stream records I6; [USR] dynamodb-conformance, to the byte; [DOC] ddb-docs:CapacityUnitCalculations
    says it approximately.
    """
    if text.isdigit():
        return (len(text.strip("0")) + 1) // 2 + 1
    whole, _, fraction = text.partition(".")
    if whole.isdigit() and fraction.isdigit() and whole[0] != "0" and fraction[-1] != "0":
        return (len(whole) + 1) // 2 + (len(fraction) + 1) // 2 + 1
    mantissa, _, exponent = text.lower().lstrip("+-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    kept = digits.rstrip("0")
    start = len(digits) - len(digits.lstrip("0"))
    if not kept:
        return 1
    before = max(0, min(point, len(kept)) - start)
    after = len(kept) - max(start, point) if point < len(kept) else 0
    return (before + 1) // 2 + (after + 1) // 2 + (2 if text.startswith("-") else 1)


def text_bytes(text: str) -> int:
    """Length of text in UTF-8; a lone surrogate counts 3 bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _base64_bytes(text: str) -> int:
    try:
        return len(binascii.a2b_base64(text))
    except ValueError:
        return text_bytes(text)
