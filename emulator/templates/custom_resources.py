"""Functions of tools that serve nothing but custom resources which are ignored, or done, here. Pure.

CDK and Serverless put functions of their own into templates, which CloudFormation calls and nobody else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from .resources.kind import Meaning
from .stack import Resource

_FUNCTION: Final = "AWS::Lambda::Function"
_TOKEN: Final = "ServiceToken"  # noqa: S105 - the name of a property
_OF_FUNCTIONS: Final = ("AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::IAM::", "Custom::LogRetention")
"""Types that name a function without having it do something."""


def idle_functions(resources: Iterable[Resource]) -> frozenset[str]:
    """Names of the functions that have nothing to do here."""
    found = tuple(resources)
    tokens = [str(each.properties[_TOKEN]) for each in found if _TOKEN in each.properties and _is_done(each)]
    if not tokens:
        return frozenset()
    functions = [each for each in found if each.type == _FUNCTION and any(each.name in token for token in tokens)]
    said = [(each, _said(each)) for each in found if not each.type.startswith(_OF_FUNCTIONS)]
    return frozenset(
        function.name
        for function in functions
        if not any(function.name in text for other, text in said if other is not function)
    )


def _is_done(custom: Resource) -> bool:
    return custom.kind.meaning in (Meaning.IGNORED, Meaning.KNOWN)


def _said(resource: Resource) -> str:
    """Everything by which a resource may have a function do something."""
    left_out = (_TOKEN,) if _is_done(resource) else ()
    return json.dumps({name: value for name, value in resource.properties.items() if name not in left_out}, default=str)
