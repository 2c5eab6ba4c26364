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
_FRAMEWORK: Final = "USER_ON_EVENT_FUNCTION_ARN"
"""The variable by which CDK's own provider function knows the project's, which it calls. [SRC] aws-cdk"""


def idle_functions(resources: Iterable[Resource]) -> frozenset[str]:
    """Names of the functions that have nothing to do here."""
    found = tuple(resources)
    functions = [each for each in found if each.type == _FUNCTION]
    frameworks = [each.name for each in functions if _is_framework(each)]

    def is_done(custom: Resource) -> bool:
        token = str(custom.properties.get(_TOKEN, ""))
        return custom.kind.meaning in (Meaning.IGNORED, Meaning.KNOWN) or any(name in token for name in frameworks)

    tokens = [str(each.properties[_TOKEN]) for each in found if _TOKEN in each.properties and is_done(each)]
    functions = [each for each in functions if any(each.name in token for token in tokens)]
    if not functions:
        return frozenset()
    said = [(each, _said(each, is_done(each))) for each in found if not each.type.startswith(_OF_FUNCTIONS)]
    return frozenset(
        function.name
        for function in functions
        if not any(function.name in text for other, text in said if other is not function)
    )


def _is_framework(function: Resource) -> bool:
    return _FRAMEWORK in ((function.properties.get("Environment") or {}).get("Variables") or {})


def _said(resource: Resource, is_done: bool) -> str:
    """Everything by which a resource may have a function do something."""
    left_out = (_TOKEN,) if is_done else ()
    return json.dumps({name: value for name, value in resource.properties.items() if name not in left_out}, default=str)
