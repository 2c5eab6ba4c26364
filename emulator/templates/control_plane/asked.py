"""What is asked of a stack: names, template, parameters, tags; checked as CloudFormation checks them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from streamer.aws_limits import INLINE_TEMPLATE_BYTES, TEMPLATE_BYTES, TEMPLATE_PARTS

from ..errors import TemplateError
from ..language import transforms
from ..parameters import flaw_of
from ..source import Source, load
from .query import ApiError
from .records import Proposed, StackRecord

_STACK: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_CHANGE_SET: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_NAMED_IAM: Final = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}
"""Types whose names make their template need ``CAPABILITY_NAMED_IAM``. [DOC] cfn-docs:using-iam-template"""
_IAM: Final = (*_NAMED_IAM, "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey")
_CONSTRAINT: Final = "1 validation error detected: Value {} at '{}' failed to satisfy constraint: Member must {}"
LEFT: Final = ("CREATE_FAILED", "UPDATE_FAILED")
"""Statuses of a stack that failed and was left as it was then."""
ON_FAILURE: Final = ("ROLLBACK", "DO_NOTHING", "DELETE")


class Asked(Struct, frozen=True, kw_only=True):
    """A stack that somebody wants."""

    name: str
    template: str
    """As it was sent, or as it is already."""
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]
    on_failure: str
    token: str | None


def wanted(asked: Mapping[str, Any], name: str, template: str, before: Proposed | None) -> Asked:
    """The stack of an operation's parameters, whose template is there already.

    Raises:
        ApiError: AWS would refuse it.
    """
    on_failure = "DO_NOTHING" if asked.get("DisableRollback") == "true" else str(asked.get("OnFailure") or "ROLLBACK")
    on_failure = on_failure if asked.get("OnStackFailure") is None else str(asked["OnStackFailure"])
    if on_failure not in ON_FAILURE:
        raise invalid(f"Value '{on_failure}' at 'onFailure' failed to satisfy constraint: one of {list(ON_FAILURE)}")
    tags = asked.get("Tags")
    kept = {} if before is None else before.tags
    return Asked(
        name=name,
        template=template,
        parameters=_parameters(asked, template, before),
        tags=kept if tags is None else {str(each.get("Key")): str(each.get("Value")) for each in listed(asked, "Tags")},
        capabilities=tuple(map(str, _strings(asked, "Capabilities"))),
        on_failure=on_failure,
        token=asked.get("ClientToken") or asked.get("ClientRequestToken"),
    )


def read(template: str) -> Source:
    """A template's text; raises ApiError where it is none."""
    try:
        return load(template, "template")
    except TemplateError as error:
        raise invalid(f"Template format error: {str(error).removeprefix('template:')}") from error


def refuse_length(template: str, *, is_inline: bool) -> None:
    """Refuse a template that is too long, in a request or in S3; raises ApiError.

    [USR] cfn-sphere #54, aws-security-benchmark #2: the words
    """
    length = len(template.encode("utf-8", "replace"))
    if is_inline and length > INLINE_TEMPLATE_BYTES:
        must = f"have length less than or equal to {INLINE_TEMPLATE_BYTES}"
        raise invalid(_CONSTRAINT.format(f"'{template[:200]}'", "templateBody", must))
    if length > TEMPLATE_BYTES:
        raise invalid(f"Template may not exceed {TEMPLATE_BYTES} bytes in size.")


def refuse_count(processed: Mapping[str, Any]) -> None:
    """Refuse a template that has too much of something after its transforms; raises ApiError.

    [USR] serverless #2387: the words
    """
    for section, most in TEMPLATE_PARTS.items():
        count = len(processed.get(section) or ())
        if count > most:
            text = f"Number of {section.lower()}, {count}, is greater than maximum allowed, {most}"
            raise invalid(f"Template format error: {text}")


def declared(source: Source) -> Mapping[str, Mapping[str, Any]]:
    """A template's parameters."""
    found = source.tree.get("Parameters") or {}
    return {str(name): each for name, each in found.items() if isinstance(each, dict)}


def _parameters(asked: Mapping[str, Any], template: str, before: Proposed | None) -> dict[str, str]:
    known = declared(read(template))
    given: dict[str, str] = {}
    for each in listed(asked, "Parameters"):
        key = str(each.get("ParameterKey"))
        if each.get("UsePreviousValue") == "true":
            if before is None or key not in before.parameters:
                # [USR] CloudFormation's words
                raise invalid(
                    f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a "
                    "parameter key not in the previous template"
                )
            given[key] = before.parameters[key]
        elif "ParameterValue" in each:
            given[key] = str(each["ParameterValue"])
    unknown = [name for name in given if name not in known]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, each in known.items() if name not in given and "Default" not in each]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, each in known.items():
        _refuse_value(name, each, given.get(name))
    return given


def _refuse_value(name: str, declaration: Mapping[str, Any], value: str | None) -> None:
    """Refuse a value that a parameter cannot have. [USR] aws-cli #7750: a description stands for the reason"""
    flaw = None if value is None or not isinstance(declaration.get("Type"), str) else flaw_of(declaration, value)
    if flaw is None:
        return
    said = declaration.get("ConstraintDescription")
    if said:
        raise invalid(f"Parameter {name} failed to satisfy constraint: {said}")
    raise invalid(f"Parameter '{name}' {flaw.of_aws}")


def refuse_capabilities(resources: Mapping[str, Any], capabilities: tuple[str, ...]) -> None:
    """Refuse what makes roles, and whose sender did not say to know it; ``resources`` are those of the template.

    Raises:
        ApiError: capabilities are missing.
    """
    of_iam = [each for each in resources.values() if isinstance(each, dict) and each.get("Type") in _IAM]
    named = [each for each in of_iam if _NAMED_IAM.get(each["Type"], "") in (each.get("Properties") or {})]
    enough = ("CAPABILITY_NAMED_IAM",) if named else ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
    if of_iam and not any(each in capabilities for each in enough):
        raise ApiError("InsufficientCapabilitiesException", f"Requires capabilities : [{enough[0]}]")


def passed_over(asked: Mapping[str, Any]) -> list[str]:
    """What is asked of a stack beside its template and is not done here, by the names of CloudFormation's API."""
    names = ("NotificationARNs", "RollbackConfiguration", "StackPolicyBody", "StackPolicyURL", "TimeoutInMinutes")
    return [name for name in names if asked.get(name)]


def refuse_macros(wanted: Asked) -> None:
    """Refuse macros in what is made without a change set, if its sender did not say to know it; raises ApiError.

    [DOC] cfn-api:CreateStack, CAPABILITY_AUTO_EXPAND: SAM's and AWS's other transforms included
    """
    if "CAPABILITY_AUTO_EXPAND" not in wanted.capabilities and macros(read(wanted.template)):
        raise ApiError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")


def capabilities_needed(resources: Mapping[str, Any]) -> list[str]:
    """Which capabilities a template's sender has to name."""
    try:
        refuse_capabilities(resources, ())
    except ApiError as refused:
        return [str(refused).rpartition("[")[2].rstrip("]")]
    return []


def macros(source: Source) -> list[str]:
    """The transforms that a template names."""
    return list(transforms(source.tree))


# names


def stack_name(asked: Mapping[str, Any]) -> str:
    """The name, or the id, of the stack that an operation names; raises ApiError."""
    name = asked.get("StackName")
    if not isinstance(name, str) or not name:
        raise invalid(_CONSTRAINT.format("null", "stackName", "not be null"))
    return name


def new_name(name: str) -> str:
    """A name for a stack that is to be made; raises ApiError."""
    return _checked(name, "stackName", _STACK)


def change_set_name(asked: Mapping[str, Any]) -> str:
    """The name of a change set that is to be made; raises ApiError."""
    return _checked(str(asked.get("ChangeSetName") or ""), "changeSetName", _CHANGE_SET)


def _checked(name: str, what: str, pattern: re.Pattern[str]) -> str:
    if pattern.fullmatch(name) is None:
        must = "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        raise invalid(_CONSTRAINT.format(f"'{name[:200]}'", what, must))
    return name


def listed(asked: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of structures; raises ApiError where it is something else."""
    found = asked.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ApiError("MalformedInput", f"{name} is a list of structures")
    return found


def _strings(asked: Mapping[str, Any], name: str) -> list[str]:
    found = asked.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ApiError("MalformedInput", f"{name} is a list of names")
    return found


def is_asked_again(parameters: Mapping[str, Any], stack: StackRecord) -> bool:
    """Whether it is the creation of a stack once more, whose answer was lost.

    [DOC] cfn-api:CreateStack, ClientRequestToken
    """
    token = parameters.get("ClientRequestToken")
    return token is not None and [each.token for each in stack.events[:1]] == [token]


def refuse_state(stack: StackRecord, operation: str) -> None:
    """Refuse a change of a stack that cannot be changed as it is now; raises ApiError. [USR] in these words."""
    is_failed = stack.status in ("ROLLBACK_COMPLETE", "DELETE_FAILED", "ROLLBACK_FAILED")
    if stack.is_busy or (is_failed and operation == "updated"):
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be {operation}.")


def refuse_rollback(stack: StackRecord, asked: Mapping[str, Any]) -> None:
    """Refuse an update, of a stack that failed and was left so, that could be rolled back; raises ApiError.

    [DOC] cfn-docs:stack-failure-options; [USR] code-dot-org #68524, aws-cdk #30546: the words
    """
    if stack.status not in LEFT:
        return
    if not stack.disable_rollback:
        raise invalid(
            f"This stack cannot be updated from [{stack.status}] state because it contains [on-failure: DO_NOTHING]. "
            "Please use disable-rollback option instead during stack creation."
        )
    if asked.get("DisableRollback") != "true":
        raise invalid(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from this state, "
            "please use the disable-rollback parameter with update-stack API. To rollback to the last known good "
            "state, use the rollback-stack API"
        )


def retained(stack: StackRecord, asked: Mapping[str, Any]) -> frozenset[str]:
    """Logical ids of what a deletion is to leave; raises ApiError where it cannot leave it.

    [DOC] cfn-api:DeleteStack; [USR] aws-nuke #270, the second text; eks-perf-tests #517, the first of another parameter
    """
    names = frozenset(_strings(asked, "RetainResources"))
    is_forced = asked.get("DeletionMode") == "FORCE_DELETE_STACK"
    if (names or is_forced) and stack.status != "DELETE_FAILED":
        what = "activate DeletionMode FORCE_DELETE_STACK" if is_forced else "specify RetainResources"
        raise invalid(
            f"Invalid operation on stack [{stack.stack_id}]. You can {what} in a delete stack operation only when the "
            "stack is in the DELETE_FAILED state."
        )
    if not names <= stack.standing.keys():
        raise invalid(
            "The specified resources to retain must be in a valid state. Do not specify resources that are in the "
            "DELETE_COMPLETE state."
        )
    return names


def invalid(text: str) -> ApiError:
    """A ``ValidationError``."""
    return ApiError("ValidationError", text)
