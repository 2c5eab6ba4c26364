"""Tags as conditions see them: those of a resource, ``aws:ResourceTag/...``, and those that a request has. Pure.

[DOC] service-authorization: the resource types of each service, with their condition keys; dynamodb-docs:
attribute-based-access-control (an index has the tags of its table), lambda-docs:attribute-based-access-control (an
alias and a version have those of their function). Buckets have none for conditions unless they are told to.
[DOC] s3-docs:buckets-tagging-enable-abac
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .conditions import Context

_GENERAL: Final = "aws:resourcetag/"
_OWN: Final = {"iam": "iam:resourcetag/", "secretsmanager": "secretsmanager:resourcetag/", "ssm": "ssm:resourcetag/"}
"""What begins a service's own name of the key, by the service in the ARN."""
OF_RESOURCES: Final = (_GENERAL, *_OWN.values())
"""What begins condition keys that are tags of resources."""
REQUESTED: Final = "aws:requesttag/"
"""Begins keys that a request with tags has a value for."""
TAG_KEYS: Final = "aws:tagkeys"
_PARAMETERS: Final = ("Tags", "tags", "UserPoolTags")
"""What requests call the tags that they give."""
_WITHOUT_QUALIFIER: Final = 7
"""Parts of the ARN of a function or a state machine; that of its version or alias has one more."""

Tags = Mapping[str, Mapping[str, str]]
"""Of resources, by their ARNs."""


def tags_of(arn: str, tags: Tags) -> Context:
    """What conditions see of a resource's tags."""
    service = arn.split(":", 3)[2] if arn.startswith("arn:") else ""
    if service in ("lambda", "states"):
        arn = ":".join(arn.split(":")[:_WITHOUT_QUALIFIER])
    found = tags.get(arn.partition("/index/")[0] if service == "dynamodb" else arn, {})
    keys = [_GENERAL] if service not in _OWN else [_GENERAL, _OWN[service]]
    return {f"{key}{name.lower()}": (value,) for key in keys for name, value in found.items()}


def requested(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What conditions see of the tags that a request gives or takes away, as `Need.about` has it.

    [DOC] iam-docs:reference_policies_condition-keys, aws:RequestTag and aws:TagKeys
    """
    return tuple(_requested(parameters))


def _requested(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in _given(parameters):
        yield f"{REQUESTED}{key.lower()}", value
        yield TAG_KEYS, key
    removed = parameters.get("TagKeys") or parameters.get("tagKeys")
    for key in removed if isinstance(removed, list) else ():
        yield TAG_KEYS, str(key)


def _given(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    written = next((parameters[name] for name in _PARAMETERS if name in parameters), None)
    if isinstance(written, Mapping):
        yield from ((str(key), str(value)) for key, value in written.items())
    for each in written if isinstance(written, list) else ():
        if isinstance(each, Mapping):
            plain = {str(name).lower().removeprefix("tag"): str(value) for name, value in each.items()}
            yield plain.get("key", ""), plain.get("value", "")
    number = 1
    while (key := parameters.get(f"Tags.member.{number}.Key")) is not None:  # a query's
        yield str(key), str(parameters.get(f"Tags.member.{number}.Value", ""))
        number += 1
