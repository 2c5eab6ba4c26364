"""What IAM would refuse in a function's permissions. Pure: no I/O."""

from __future__ import annotations

import re
from typing import Final

from streamer.errors import TopologyError
from streamer.topology import Function, Permission

_ACTION: Final = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN: Final = re.compile(r"\*|arn:[^:\s]+:[^:\s]*:[^:\s]*:[^:\s]*:\S+")
_OPERATOR: Final = re.compile(
    r"(?:(?:ForAllValues|ForAnyValue):)?(?:(?:String(?:Not)?Equals(?:IgnoreCase)?|String(?:Not)?Like"
    r"|(?:Numeric|Date)(?:(?:Not)?Equals|(?:Less|Greater)Than(?:Equals)?)"
    r"|Bool|BinaryEquals|(?:Not)?IpAddress|Arn(?:Not)?(?:Equals|Like))(?:IfExists)?|Null)",
    re.IGNORECASE,
)
"""[DOC] iam-docs:reference_policies_elements_condition_operators"""


def validate_permission(function: Function, permission: Permission) -> None:
    """Check what IAM would refuse of a permission.

    [DOC] iam-docs:reference_policies_elements_action, reference_policies_elements_resource

    Raises:
        TopologyError: it would.
    """
    where = f"function {function.name!r}: a permission's"
    for name, values, pattern, example in (
        ("actions", permission.actions, _ACTION, "s3:GetObject"),
        ("resources", permission.resources, _ARN, "arn:aws:s3:::reports/*"),
    ):
        if isinstance(values, str) or not values:
            raise TopologyError(f"{where} {name} are {values!r}; write a list, such as [{example!r}]")
        for value in values:
            # CloudFormation's names have colons, which would be taken for those of the ARN.
            if pattern.fullmatch(value.replace("${AWS::", "${AWS")) is None:
                raise TopologyError(f"{where} {name} have {value!r}, which is not of the form {example}")
    for operator in permission.conditions:
        if _OPERATOR.fullmatch(operator) is None:
            raise TopologyError(
                f"{where} conditions have {operator!r}, which is no operator of IAM; it has StringEquals, ArnLike, "
                "Bool, NumericLessThan, DateGreaterThan, IpAddress, Null and others, and ...IfExists"
            )
