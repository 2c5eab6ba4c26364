"""What CloudFormation answers to those who only look. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..intrinsics import is_true
from . import asked as asking
from . import told
from .asked import invalid
from .book import Book
from .query import ApiError
from .records import Proposed, StackRecord

Parameters = Mapping[str, Any]
Address = Callable[[str], str]


def answer(operation: str, parameters: Parameters, book: Book, address: Address) -> Mapping[str, Any] | None:
    """What an operation answers that changes nothing; None: it is not known; raises ApiError.

    Everything is one page: nothing here is long enough for a second.
    """
    match operation:
        case "DescribeStacks":
            return _stacks(parameters, book, address)
        case "DescribeStackEvents":
            stack = book.told(asking.stack_name(parameters))
            return {"StackEvents": [told.event(each, stack) for each in reversed(stack.events)]}
        case "DescribeStackResource" | "DescribeStackResources" | "ListStackResources":
            return _resources(operation, parameters, book)
        case "DescribeChangeSet":
            found, change_set = book.change_set(parameters)
            return told.change_set(change_set, found)
        case "ListChangeSets":
            stack = book.told(asking.stack_name(parameters))
            return {"Summaries": [told.change_set_summary(each, stack) for each in stack.change_sets.values()]}
        case "ListStacks":
            wanted = parameters.get("StackStatusFilter") or ()
            found_stacks = [each for each in book.everything() if not wanted or each.status in wanted]
            return {"StackSummaries": [told.summary(each) for each in found_stacks]}
        case "GetTemplate":
            return _template(parameters, book)
        case "GetStackPolicy":
            book.told(asking.stack_name(parameters))
            return {}
        case "ListExports" | "ListImports":
            return _shared(operation, parameters, book, address)
    return None


def _stacks(parameters: Parameters, book: Book, address: Address) -> Mapping[str, Any]:
    if parameters.get("StackName"):
        found = [book.told(asking.stack_name(parameters))]
    else:
        found = [each for each in book.everything() if not each.is_gone]
    return {"Stacks": [told.stack(each, address) for each in found]}


def _resources(operation: str, parameters: Parameters, book: Book) -> Mapping[str, Any]:
    if operation == "DescribeStackResources" and not parameters.get("StackName"):
        stack = _owner(str(parameters.get("PhysicalResourceId")), book)
    else:
        stack = book.told(asking.stack_name(parameters))
    found = list(stack.resources.values())
    if stack.current is not None and not stack.is_gone:
        found = [each for each in found if each.logical_id in stack.current.resources or "FAILED" in each.status]
    if operation == "ListStackResources":
        return {"StackResourceSummaries": [told.listed_resource(each) for each in found]}
    name = parameters.get("LogicalResourceId")
    if name is not None:
        found = [each for each in found if each.logical_id == name]
        if not found:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
    if operation == "DescribeStackResources":
        return {"StackResources": [told.resource(each, stack) for each in found]}
    if name is None:
        raise invalid(
            "1 validation error detected: Value null at 'logicalResourceId' failed to satisfy constraint: "
            "Member must not be null"
        )
    detail = told.resource(found[0], stack) | told.listed_resource(found[0])
    del detail["Timestamp"]
    return {"StackResourceDetail": detail}


def _owner(physical_id: str, book: Book) -> StackRecord:
    for stack in book.everything():
        if not stack.is_gone and any(each.physical_id == physical_id for each in stack.resources.values()):
            return stack
    raise invalid(f"Stack for {physical_id} does not exist")


def _template(parameters: Parameters, book: Book) -> Mapping[str, Any]:
    found: Proposed | None
    if parameters.get("ChangeSetName") is not None:
        found = book.change_set(parameters)[1].proposed
    else:
        found = book.told(asking.stack_name(parameters)).current
    if found is None:  # [INF] of a stack with change sets alone, as CDK asks it
        return {"TemplateBody": "", "StagesAvailable": ["Original", "Processed"]}
    is_processed = parameters.get("TemplateStage") == "Processed"
    body = told.processed(found) if is_processed else found.template
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


def _shared(operation: str, parameters: Parameters, book: Book, address: Address) -> Mapping[str, Any]:
    if operation == "ListExports":
        return {"Exports": _exports(book, address)}
    return {"Imports": _importers(str(parameters.get("ExportName")), book)}


def _exports(book: Book, address: Address) -> list[dict[str, Any]]:
    return [
        {"ExportingStackId": stack.stack_id, "Name": each.export, "Value": address(each.value)}
        for stack in book.everything()
        if stack.current is not None and not stack.is_gone
        for each in stack.current.outputs
        if each.export is not None
    ]


def _importers(export: str, book: Book) -> list[str]:
    current = [each for each in book.everything() if each.current is not None and not each.is_gone]
    found = [each.name for each in current if each.current is not None and export in each.current.imports]
    if not found:
        raise invalid(f"Export '{export}' is not imported by any stack.")
    return found


def template(text: str) -> Mapping[str, Any]:
    """What ``ValidateTemplate`` answers; raises ApiError."""
    source = asking.read(text)
    needed = asking.capabilities_needed(source.tree["Resources"])
    return {
        "Description": source.tree.get("Description"),
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": _plain(each.get("Default")),
                "NoEcho": is_true(each.get("NoEcho")),
                "Description": each.get("Description"),
            }
            for name, each in asking.declared(source).items()
        ],
        "Capabilities": needed,
        "CapabilitiesReason": _reason(source.tree["Resources"], needed),
        "DeclaredTransforms": asking.macros(source),
    }


def template_summary(text: str) -> Mapping[str, Any]:
    """What ``GetTemplateSummary`` answers; raises ApiError."""
    source = asking.read(text)
    resources = source.tree["Resources"]
    types = sorted({str(each.get("Type")) for each in resources.values() if isinstance(each, dict)})
    needed = asking.capabilities_needed(resources)
    return {
        "Description": source.tree.get("Description"),
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": _plain(each.get("Default")),
                "ParameterType": each.get("Type"),
                "NoEcho": is_true(each.get("NoEcho")),
                "Description": each.get("Description"),
                "ParameterConstraints": {"AllowedValues": [_plain(v) for v in each.get("AllowedValues") or ()]},
            }
            for name, each in asking.declared(source).items()
        ],
        "Capabilities": needed,
        "CapabilitiesReason": _reason(resources, needed),
        "ResourceTypes": types,
        "Version": source.tree.get("AWSTemplateFormatVersion"),
        "DeclaredTransforms": asking.macros(source),
    }


def _reason(resources: Mapping[str, Any], needed: list[str]) -> str | None:
    if not needed:
        return None
    kinds = sorted({str(each.get("Type")) for each in resources.values() if "::IAM::" in str(each.get("Type"))})
    return f"The following resource(s) require capabilities: [{', '.join(kinds)}]"


def _plain(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def unknown(operation: str) -> ApiError:
    """For an operation that is not emulated."""
    text = f"The action {operation} is not valid for this web service: it is not emulated"
    return ApiError("InvalidAction", text)
