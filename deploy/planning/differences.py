"""What differs between two templates, value by value, and what somebody may do in the one and not in the other. Pure.

Templates hold references and no secrets (`deploy.stack`), so what is told here may stand in the log of a pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_DOCUMENTS: Final = ("PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy", "ResourcePolicy")
"""Properties that are one policy document."""
_ABOUT_PERMISSIONS: Final = frozenset({*_DOCUMENTS, "Policies", "ManagedPolicyArns"})
_PERMISSION: Final = "AWS::Lambda::Permission"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is another one."""

    path: str
    """Names and numbers with dots between, such as ``Environment.Variables.LOG_LEVEL``."""
    before: str | None
    """As text; None: it was not there."""
    after: str | None
    """None: it is not there any more."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """Something that somebody may do, or must not."""

    holder: str
    """The logical id of a role, or of what else has the policy."""
    effect: str
    """``Allow`` or ``Deny``."""
    principal: str
    """Who, where the policy says; empty: the holder."""
    resource: str
    condition: str
    action: str


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Difference, ...]]:
    """Logical id to what differs in its properties, of the resources that both templates have.

    What belongs to permissions is left to `rights`.
    """
    before, after = old.get("Resources", {}), new.get("Resources", {})
    found = {}
    for logical_id in sorted(before.keys() & after.keys()):
        was, will = (_described(each[logical_id]) for each in (before, after))
        differing = tuple(_compared("", was, will))
        if differing:
            found[logical_id] = differing
    return found


def _described(resource: Mapping[str, Any]) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    kept = {name: value for name, value in properties.items() if name not in _ABOUT_PERMISSIONS}
    policies = {name: resource[name] for name in ("DeletionPolicy", "UpdateReplacePolicy") if name in resource}
    return kept | policies


def _compared(path: str, was: Any, will: Any) -> Iterator[Difference]:
    if was == will:
        return
    if _is_plain(was) and _is_plain(will):
        for name in sorted({*was, *will}):
            yield from _compared(f"{path}.{name}" if path else name, was.get(name, _NOTHING), will.get(name, _NOTHING))
        return
    if isinstance(was, list) and isinstance(will, list) and len(was) == len(will):
        for number, (one, other) in enumerate(zip(was, will, strict=True)):
            yield from _compared(f"{path}.{number}", one, other)
        return
    yield Difference(path, *(None if each is _NOTHING else text(each) for each in (was, will)))


_NOTHING: Final = object()


def _is_plain(value: Any) -> bool:
    """Whether a value is a table of values, and no function of CloudFormation."""
    return isinstance(value, dict) and not (len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")))


def text(value: Any) -> str:
    """A value of a template as somebody would write it into ``Fn::Sub``."""
    match value:
        case str():
            return value
        case {"Ref": str(name), **rest} if not rest:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)], **rest} if not rest:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(template) | [str(template), _], **rest} if not rest:
            return template
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def rights(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[tuple[Right, ...], tuple[Right, ...]]:
    """What is allowed or forbidden in the new template and not in the old one; and the other way round."""
    was, will = (set(_rights(each)) for each in (old, new))
    return tuple(sorted(will - was)), tuple(sorted(was - will))


def _rights(template: Mapping[str, Any]) -> Iterator[Right]:
    for logical_id, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        if resource["Type"] == _PERMISSION:
            yield Right(
                holder=text(properties.get("FunctionName", "")),
                effect="Allow",
                principal=text(properties.get("Principal", "")),
                resource="",
                condition=text(properties.get("SourceArn", "")),
                action=text(properties.get("Action", "")),
            )
        for name in _DOCUMENTS:
            yield from of_document(logical_id, properties.get(name))
        for policy in _listed(properties.get("Policies")):
            if isinstance(policy, Mapping):
                yield from of_document(logical_id, policy.get("PolicyDocument"))
        for arn in _listed(properties.get("ManagedPolicyArns")):
            yield Right(logical_id, "Allow", "", "", "", f"whatever {text(arn)} allows")


def of_document(holder: str, document: Any) -> Iterator[Right]:
    """What a policy document says; nothing of what is none."""
    if not isinstance(document, Mapping):
        return
    for statement in _listed(document.get("Statement")):
        if not isinstance(statement, Mapping):
            continue
        actions = [text(each) for each in _listed(statement.get("Action"))]
        actions += [f"everything but {text(each)}" for each in _listed(statement.get("NotAction"))]
        resources = [text(each) for each in _listed(statement.get("Resource"))]
        resources += [f"everything but {text(each)}" for each in _listed(statement.get("NotResource"))]
        principal, condition = statement.get("Principal"), statement.get("Condition")
        for action in actions:
            for resource in resources or [""]:
                yield Right(
                    holder=holder,
                    effect=text(statement.get("Effect", "Allow")),
                    principal="" if principal is None else _principal(principal),
                    resource=resource,
                    condition="" if condition is None else text(condition),
                    action=action,
                )


def _principal(principal: Any) -> str:
    if not isinstance(principal, Mapping):
        return text(principal)
    return ", ".join(text(each) for name in sorted(principal) for each in _listed(principal[name]))


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)
