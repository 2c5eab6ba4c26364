"""AWS's host names, all of which lead to the emulator: which those are, and what each stands for. Pure."""

from __future__ import annotations

import functools
import re
from typing import Final

from streamer.aws_limits import REGION_NAME, url_suffix

SUFFIXES: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".on.aws")
"""Ends of the names of AWS's services, and of function URLs. [DOC] the SDKs' ``endpoints.json``, lambda-docs:urls-*"""
LOCAL: Final = ".localhost"
"""End of the names that lead to this machine wherever they are asked for (RFC 6761, 6.3)."""
_NO_SERVICE: Final = frozenset({"dualstack", "fips", "www"})
_API: Final = re.compile(r"(?P<id>[a-z0-9]+)\.(execute-api|lambda-url)\.")
_SAME: Final = {"ddb": "dynamodb", "queue": "sqs", "sync-states": "states"}
"""Older, account-based and operations' own names."""
SYNC: Final = "sync-"
"""What SDKs put before any host's name to start an execution and wait. [DOC] botocore's model of states"""


@functools.lru_cache(maxsize=256)
def is_aws(host: str) -> bool:
    """Whether a name, with or without a port, is one of AWS's services."""
    return _name(host).endswith(SUFFIXES)


@functools.lru_cache(maxsize=256)
def api_id(host: str) -> str | None:
    """The id of the API or function URL that a name is for, AWS's or this machine's; None: it is for something else.

    Kept, since every request asks, and most clients go by one name.
    """
    found = _API.match(_name(host)) if is_aws(host) or _name(host).endswith(LOCAL) else None
    return None if found is None else found["id"]


def api_names(api: str, is_url: bool) -> str:
    """The name of an API or function URL on this machine."""
    return f"{api}.{'lambda-url' if is_url else 'execute-api'}{LOCAL}"


def url_name(url_id: str, region: str) -> str:
    """The name of a function URL. [DOC] lambda-docs:urls-configuration"""
    return f"{url_id}.lambda-url.{region}.on.aws"


def domain_name(api: str, region: str) -> str:
    """The name of an API. [DOC] apigw-docs:apigateway-how-to-call-websocket-api"""
    return f"{api}.execute-api.{region}.{url_suffix(region)}"


def service_url(service: str, region: str) -> str:
    """Where a service is in a Region: how its queues' URLs begin, and those of who issues its user pools' tokens.

    [DOC] sqs-docs:sqs-queue-message-identifiers, cognito-docs:verifying-a-json-web-token
    """
    return f"https://{service}.{region}.{url_suffix(region)}"


def service_of(host: str) -> str | None:
    """The service that a name stands for, such as ``s3``; None: it is not AWS's.

    The label before the region, or before the end: ``bucket.s3.eu-west-1``, ``sqs.us-east-1``, ``sts``.
    """
    name = _name(host)
    suffix = next((each for each in SUFFIXES if name.endswith(each)), None)
    if suffix is None:
        return None
    labels = [each for each in name.removesuffix(suffix).split(".") if each and each not in _NO_SERVICE]
    known = [each for each in labels if REGION_NAME.fullmatch(each) is None]
    found = known[-1].removesuffix("-fips") if known else "aws"
    return _SAME.get(found, found)


def region_of(host: str) -> str | None:
    """The Region that a name of AWS's is in; None: it names none, or is not AWS's."""
    labels = _name(host).split(".") if is_aws(host) else []
    return next((each for each in reversed(labels) if REGION_NAME.fullmatch(each)), None)


def certificate_names(region: str) -> tuple[str, ...]:
    """What a certificate for all services of a region names."""
    end = url_suffix(region)
    parts = ("execute-api", "s3", "ddb", "ecr")
    starts = ("", f"{region}.", *(f"{part}.{region}." for part in parts), "s3.")
    return (*(f"*.{start}{end}" for start in starts), f"*.{region}.api.aws", f"*.lambda-url.{region}.on.aws")


def _name(host: str) -> str:
    """Without a port, in lower case, without the root's dot."""
    return host.rpartition(":")[0].lower().rstrip(".") if ":" in host else host.lower().rstrip(".")
