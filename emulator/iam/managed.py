"""AWS's own policies, as moto has them from IAM."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Final

from .policy import Statement, statement_of

_PREFIX: Final = ":aws:policy"
"""Ends what stands before a policy's path and name in its ARN, whatever the partition."""


def managed(arn: str) -> tuple[Statement, ...] | None:
    """The statements of one of AWS's policies; None: there is none of that ARN."""
    begin, prefix, rest = arn.partition(_PREFIX)
    path, _, name = rest.rpartition("/")
    found = _all().get(name)
    if not begin.endswith(":iam:") or not prefix or found is None or found["Path"] != f"{path}/":
        return None
    written = found["Document"]["Statement"]
    return tuple(statement_of(each) for each in ([written] if isinstance(written, dict) else written))


@functools.cache
def _all() -> Mapping[str, Any]:
    # Five megabytes, which nobody needs whose roles name none of them.
    from moto.iam.aws_managed_policies import aws_managed_policies_data  # noqa: PLC0415

    policies: Mapping[str, Any] = json.loads(aws_managed_policies_data)
    return policies
