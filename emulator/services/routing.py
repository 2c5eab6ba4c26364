"""Which services the process has, and which address of AWS's a request stands for. Pure."""

from __future__ import annotations

import re
from typing import Final

from ..port.aws_names import is_aws
from ..port.http import HttpRequest
from ..port.signed import scope_of

HOSTED: Final = frozenset(
    {*("cognito-idp", "events", "kinesis", "kms", "s3", "scheduler", "secretsmanager", "sns", "ssm", "states", "sts")}
)
"""Services that are answered here, as hosts and signatures name them; some of them without the process."""
_BUCKET_OF: Final = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]*?)\.(?:s3\.)?localhost(?::\d+)?", re.IGNORECASE)
"""A bucket in a name of this machine, as SDKs make it of an endpoint that is a name."""


def aws_url(request: HttpRequest, service: str, region: str) -> str:
    """The address of AWS's that a request stands for."""
    host = request.fields.get("host", "")
    if is_aws(host):
        return f"https://{host.partition(':')[0].lower()}{request.target}"
    scope = scope_of(request)
    at = region if scope is None or scope.service != service else scope.region
    bucket = _BUCKET_OF.fullmatch(host) if service == "s3" else None
    if bucket is not None and bucket["bucket"] != "s3":
        return f"https://{bucket['bucket']}.s3.{at}.amazonaws.com{request.target}"
    return f"https://{service}.{at}.amazonaws.com{request.target}"
