"""What calls gave a function, and what becomes of it when there is no such function any more. Pure.

[DOC] lambda-api:DeleteFunction; [REC] ls-snap test_lambda_api.py, test_event_source_mapping_lifecycle_delete_function:
event source mappings stay
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..described.lambda_functions import function_name
from ..stack import Stack
from .strangers import SOURCE

_PARTS: Final = {
    "AWS::Lambda::Alias": "FunctionName",
    "AWS::Lambda::EventInvokeConfig": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::Lambda::Url": "TargetFunctionArn",
    "AWS::Lambda::Version": "FunctionName",
}
"""Types of what goes with a function, and the property that names it."""


def without(stacks: Iterable[Stack], calls: str) -> Mapping[str, Any] | None:
    """The template of what calls made, without what is of no function that there is; None: it is as it was.

    ``calls`` is the name of its stack. An event source mapping stays, switched off.
    """
    tops = tuple(stacks)
    mine = next((each for each in tops if each.name == calls), None)
    if mine is None:
        return None
    there = {
        each.name
        for top in tops
        for stack in top.all()
        for each in stack.resources.values()
        if each.type == "AWS::Lambda::Function"
    }
    tree, kept = mine.source.tree, dict[str, Any]()
    for name, each in tree["Resources"].items():
        properties = mine.resources[name].properties
        if each["Type"] in _PARTS and function_name(properties.get(_PARTS[each["Type"]])) not in there:
            continue
        is_idle = each["Type"] == SOURCE and function_name(properties.get("FunctionName")) not in there
        kept[name] = {**each, "Properties": {**each["Properties"], "Enabled": False}} if is_idle else each
    return None if kept == tree["Resources"] else {**tree, "Resources": kept}
