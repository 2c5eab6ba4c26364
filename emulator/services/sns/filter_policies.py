"""Filter policies of subscriptions to topics: what they let through. Pure.

They are written in the language of event patterns, of a message's attributes or of its body.
[DOC] sns-docs:sns-subscription-filter-policies, string-value-matching, subscription-filter-policy-scope
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...event_sources.streams.filters import Filter
from ...foundation.json_bytes import parsed_json
from ..eventbridge.patterns import compile_event_pattern

BODY: Final = "MessageBody"
LONGEST: Final = 256 * 1024
"""Characters of a policy. [DOC] sns-docs:subscription-filter-policy-constraints"""
_NUMBER, _ARRAY, _BINARY = "Number", "String.Array", "Binary"


def compile_policy(policy: Mapping[str, Any]) -> Filter:
    """Compile a policy.

    Raises:
        InvalidFilterPatternError: SNS would refuse it; its ``problem`` says why.
    """
    return compile_event_pattern(policy, longest=LONGEST)


def lets_through(
    policy: Mapping[str, Any], scope: str | None, attributes: Mapping[str, Mapping[str, Any]], body: str
) -> bool:
    """Whether a subscriber gets a message; ``attributes`` have a ``Type`` and a ``Value``."""
    if not policy:
        return True
    if scope != BODY:
        return compile_policy(policy).matches(_of_attributes(attributes))
    try:
        content = parsed_json(body)
    except ValueError:
        return False
    return isinstance(content, dict) and compile_policy(policy).matches(content)


def _of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes as an event; binary ones are compared with nothing."""
    found: dict[str, Any] = {}
    for name, each in attributes.items():
        kind, value = str(each["Type"]), each["Value"]
        if kind in (_NUMBER, _ARRAY):
            try:
                found[name] = parsed_json(str(value))
            except ValueError:
                found[name] = {}  # it is there, and equals nothing
        elif not kind.startswith(_BINARY):
            found[name] = str(value)
    return found


def without_newer(policy: Any) -> Any:
    """A policy in which comparisons that moto does not know are texts, so that it counts them."""
    if isinstance(policy, dict):
        if len(policy) == 1 and (newer := policy.get("wildcard", policy.get("cidr"))) is not None:
            return newer if isinstance(newer, list | dict) else str(newer)
        return {name: without_newer(each) for name, each in policy.items()}
    return [without_newer(each) for each in policy] if isinstance(policy, list) else policy
