"""IAM policies as authorizers return them: does one allow an action on a resource? Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from ...iam.patterns import is_action, is_like

INVOKE = "execute-api:Invoke"
"""The action a client performs by connecting. [DOC] apigw-docs:apigateway-websocket-control-access-iam"""


def refusal(effect: Effect) -> str:
    """What a client hears whom an authorizer's policy does not allow in.

    [USR] what curl shows of REST APIs, and who connects to Husqvarna's WebSocket API; of a few years ago it ended with
    "explicit deny"
    """
    explicit = " with an explicit deny in an identity-based policy" if effect is Effect.DENY else ""
    return f"User is not authorized to access this resource{explicit}"


class PolicyError(ValueError):
    """What was returned is no policy."""


class Effect(enum.Enum):
    """What a policy says; an explicit Deny wins, and silence denies."""

    ALLOW = enum.auto()
    DENY = enum.auto()
    SILENT = enum.auto()


def evaluate(policy: Any, action: str, resource: str) -> Effect:
    """What a policy document says about an action on a resource.

    Conditions are not evaluated: a statement that has some never allows and always denies, the safe reading.

    Raises:
        PolicyError: it is no policy document.
    """
    if not isinstance(policy, dict):
        raise PolicyError("policyDocument must be an object")
    statements = policy.get("Statement")
    effects = [_statement(each, action, resource) for each in _listed(statements, "Statement")]
    if Effect.DENY in effects:
        return Effect.DENY
    return Effect.ALLOW if Effect.ALLOW in effects else Effect.SILENT


def has_conditions(policy: Any) -> bool:
    """Whether a policy that `evaluate` accepted has conditions, which it cannot evaluate."""
    return any(each.get("Condition") for each in _listed(policy["Statement"], "Statement"))


def _statement(statement: Any, action: str, resource: str) -> Effect:
    if not isinstance(statement, dict):
        raise PolicyError("each Statement must be an object")
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError('Effect must be "Allow" or "Deny"')
    applies = _applies(statement, "Action", lambda pattern: is_action(action, pattern))
    applies = _applies(statement, "Resource", lambda pattern: is_like(resource, pattern)) and applies
    if not applies or (statement.get("Condition") and effect == "Allow"):
        return Effect.SILENT
    return Effect.ALLOW if effect == "Allow" else Effect.DENY


def _applies(statement: dict[str, Any], element: str, matching: Callable[[str], bool]) -> bool:
    negated = f"Not{element}"
    if (element in statement) == (negated in statement):
        raise PolicyError(f"each Statement must have either {element} or {negated}")
    name = element if element in statement else negated
    patterns = _listed(statement[name], name)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise PolicyError(f"{name} must be a string or a list of strings")
    return any(matching(pattern) for pattern in patterns) == (name == element)


def _listed(value: Any, name: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict | str):
        return [value]
    raise PolicyError(f"{name} is missing or no list")
