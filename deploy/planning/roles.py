"""What a role may do on AWS and not by the template of its stack, and the other way round. Pure.

A template names what else the stack has by reference. A reference is the physical id of what it names; an ARN that only
CloudFormation knows is one with that id in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..cloud import Resource
from .differences import Right, of_document

_MOST: Final = 3
"""Most rights that are told one by one."""
_HEAD, _TAIL, _ANY, _SUFFIX = "\ue000", "\ue001", "\ue002", "\ue003"
"""In a text, what comes before and after an id in an ARN, what CloudFormation alone knows, and how a secret's ends."""
_MEANT: Final[Mapping[str, str]] = {
    _HEAD: r"(?:[^*?]*[/:])?",
    # The ARN of a log group ends with all its streams. [DOC] cfn-docs:AWS::Logs::LogGroup, Fn::GetAtt
    _TAIL: r"(?:[/:][^*?]*)?(?:(?<![/:]):\*)?",
    _ANY: ".*",
    _SUFFIX: r"(?:-\w{6})?",
}
_TRUST: Final = "AssumeRolePolicyDocument"
_POLICIES: Final[Mapping[str, str]] = {
    "AWS::IAM::Policy": "Roles",
    "AWS::IAM::ManagedPolicy": "Roles",
    "AWS::IAM::RolePolicy": "RoleName",
}
"""Type that gives a policy to roles from outside to the property that names them."""
_OF_THEIR_OWN: Final = ("AWS::CloudFormation::CustomResource", "Custom::")
"""How types begin of which everything that is referred to is whatever somebody wrote."""
_ARNS: Final = frozenset({"Arn", "Id", "StreamArn"})
"""Attributes that are ARNs with the physical id in them."""
_ACCOUNT: Final = re.compile("[0-9]{12}")
_PSEUDO: Final = re.compile(r"arn:(?P<Partition>[^:]+):cloudformation:(?P<Region>[^:]+):(?P<AccountId>[^:]+):stack/")


def names_of(resources: Sequence[Resource], stack_id: str) -> dict[str, str]:
    """What ``Ref`` is of all that a stack has, as far as that is known."""
    known = (each for each in resources if each.physical_id and not each.resource_type.startswith(_OF_THEIR_OWN))
    found = {each.logical_id: each.physical_id for each in known}
    place = _PSEUDO.match(stack_id)
    if place is not None:
        found |= {f"AWS::{name}": value for name, value in place.groupdict().items()}
        found |= {"AWS::StackName": stack_id[place.end() :].partition("/")[0], "AWS::StackId": stack_id}
    return found


def changed(
    template: Mapping[str, Any], names: Mapping[str, str], role: Resource, real: Mapping[str, Any]
) -> Iterator[str]:
    """What is not as the stack says of a role, as the rest of a sentence that begins with its logical id.

    Args:
        template: The stack's.
        names: What ``Ref`` is of all that the stack has.
        role: The role.
        real: The role on AWS, in the words of templates.
    """
    properties = template["Resources"][role.logical_id].get("Properties", {})
    policies = _policies(template, names, role)
    there = {each["PolicyName"]: each.get("PolicyDocument") for each in real.get("Policies", ())}
    if policies is not None and "Policies" in real:
        strangers = sorted({*there, *real.get("ManagedPolicyArns", ())} - policies.keys())
        if strangers:
            yield f"has policies of which the stack does not know: {', '.join(strangers)}"
        documents = {name: document for name, document in policies.items() if document is not None}
        more, less = _compared([*documents.values()], [there.get(name, {}) for name in documents], names)
        if more:
            yield f"has rights of which the stack does not know: {told(more)}"
        if less:
            yield f"lacks rights that the stack gives it: {told(less)}"
    more, less = _compared([properties.get(_TRUST)], [real.get(_TRUST)], names)
    if more:
        yield f"trusts whom the stack does not: {told(more)}"
    if less:
        yield f"does not trust whom the stack does: {told(less)}"


def is_named(value: Any, real: str, names: Mapping[str, str]) -> bool:
    """Whether a text of AWS's is what a value of a template becomes, or may become."""
    filled = _filled(value, names)
    return isinstance(filled, str) and _matches(filled, real)


def _policies(template: Mapping[str, Any], names: Mapping[str, str], role: Resource) -> dict[str, Any] | None:
    """Name, or ARN, of each policy that a role should have to its document, None where that is another's.

    None: nobody here can tell which they are.
    """
    properties = template["Resources"][role.logical_id].get("Properties", {})
    described: list[tuple[Any, Any]] = []
    for each in _listed(properties.get("Policies", ())):
        if not isinstance(each, Mapping):
            return None
        described.append((each.get("PolicyName"), each.get("PolicyDocument")))
    described += [(each, None) for each in _listed(properties.get("ManagedPolicyArns", ()))]
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] not in _POLICIES:
            continue
        own = resource.get("Properties", {})
        holders = [_filled(each, names) for each in _listed(own.get(_POLICIES[resource["Type"]], ()))]
        if role.physical_id in holders:
            is_managed = resource["Type"] == "AWS::IAM::ManagedPolicy"
            named = {"Ref": logical_id} if is_managed else own.get("PolicyName")
            described.append((named, None if is_managed else own.get("PolicyDocument")))
        elif any(_is_unsure(each) for each in holders):
            return None
    found = {_filled(name, names): document for name, document in described}
    return None if any(not isinstance(name, str) or _is_unsure(name) for name in found) else found


def _compared(wanted: Sequence[Any], there: Sequence[Any], names: Mapping[str, str]) -> tuple[list[Right], list[Right]]:
    """What documents on AWS say and those of a template do not, and the other way round."""
    filled = [_filled(each, names) for each in wanted]
    if not all(isinstance(each, Mapping) and _is_plain(each) for each in (*filled, *there)):
        return [], []
    said = [right for each in filled for right in of_document("", each)]
    real = [right for each in there for right in of_document("", _filled(each, {}))]
    more = [each for each in real if not any(_is_same(one, each) for one in said)]
    less = [each for each in said if not any(_is_same(each, one) for one in real)]
    return more, less


def _is_plain(document: Mapping[str, Any]) -> bool:
    """Whether nothing but values is left to CloudFormation: of statements that it chooses nobody here can tell."""
    return all(isinstance(each, Mapping) for each in _listed(document.get("Statement", ())))


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """A value as IAM has it, in one form where several mean the same; unsure where CloudFormation fills it in."""
    match value:
        case {"Ref": str(name), **rest} if not rest:
            return names.get(name, _ANY)
        case {"Fn::GetAtt": [str(name), str(attribute)], **rest} if not rest:
            return _attribute(name, attribute, names)
        case {"Fn::Sub": str(text) | [str(text), _], **rest} if not rest:
            return re.sub(r"\$\{(!?)([^}]*)\}", lambda found: _replaced(found, names), text)
        case Mapping() if len(value) == 1 and str(next(iter(value))).startswith("Fn::"):
            return _ANY
        case Mapping():
            return {key: _filled(value[key], names) for key in sorted(value)}
        case [one]:
            return _filled(one, names)
        case list():
            filled = [_filled(each, names) for each in value]
            return sorted(filled) if all(isinstance(each, str) for each in filled) else filled
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return value


def _replaced(found: re.Match[str], names: Mapping[str, str]) -> str:
    is_literal, name = found.groups()
    if is_literal:
        return f"${{{name}}}"
    logical_id, _, attribute = name.partition(".")
    return _attribute(logical_id, attribute, names) if attribute else names.get(name, _ANY)


def _attribute(name: str, attribute: str, names: Mapping[str, str]) -> str:
    """An ARN by the end of its physical id: that of a queue is a URL, that of a rule begins with its bus.

    That of a secret is its ARN; not everybody who is asked like AWS keeps it so.
    """
    if attribute not in _ARNS or name not in names:
        return _ANY
    suffix = _SUFFIX if attribute == "Id" else ""
    return f"{_HEAD}{re.sub(r'^https?://.*/|^.*[|]', '', names[name])}{suffix}{_TAIL}"


def _is_unsure(value: Any) -> bool:
    return isinstance(value, str) and any(each in value for each in _MEANT)


def _is_same(said: Right, real: Right) -> bool:
    """Whether IAM has what a template says. Actions are the same in capital letters. [DOC] iam-docs:elements_action"""
    pairs = (
        (said.effect, real.effect),
        (said.action.lower(), real.action.lower()),
        (_principal(said.principal), real.principal),
        (said.resource, real.resource),
        (said.condition, real.condition),
    )
    return all(one == other or (_is_unsure(one) and _matches(one, other)) for one, other in pairs)


def _principal(said: str) -> str:
    """As IAM keeps it: an account by its id is its root. [DOC] iam-docs:reference_policies_elements_principal"""
    return f"arn:{_ANY}:iam::{said}:root" if _ACCOUNT.fullmatch(said) else said


def _matches(said: str, real: str) -> bool:
    pattern = "".join(_MEANT.get(each, re.escape(each)) for each in said)
    return re.fullmatch(pattern, real, re.DOTALL) is not None


def told(rights: Sequence[Right]) -> str:
    """Rights in a few words, the first of many."""
    said = sorted({_sentence(each) for each in rights})
    more = [f"{len(said) - _MOST} more"] if len(said) > _MOST else []
    return ", ".join([*said[:_MOST], *more])


def _sentence(right: Right) -> str:
    denied = "" if right.effect == "Allow" else "denied "
    by = f" by {right.principal}" if right.principal else ""
    on = f" on {right.resource}" if right.resource else ""
    condition = f" if {right.condition}" if right.condition else ""
    said = f"{denied}{right.action}{by}{on}{condition}"
    return re.sub(f"[{_HEAD}{_TAIL}{_SUFFIX}]", "", said).replace(_ANY, "...")


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)
