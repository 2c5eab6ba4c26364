"""Lambda REQUEST authorizers: their identity sources and what their answers mean. Pure.

[DOC] apigw-docs:apigateway-websocket-api-lambda-auth
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ...foundation.json_bytes import parsed_json
from ...functions.outcome import error_message
from . import policy
from .effects import NotInvoked, Raised, Replied, Result, TimedOut
from .limits import AUTHORIZER_RESULT_BYTES


class Authorized(Struct, frozen=True):
    """The client may connect."""

    context: Mapping[str, str | None]
    """What ``requestContext.authorizer`` says in all events: the context as strings, then ``principalId``."""
    usage_identifier_key: str | None = None
    """The client's API key, where the authorizer names it."""


class Denied(Struct, frozen=True):
    """The policy does not allow the connection: 403."""

    reason: str
    message: str
    """What the client hears."""


class Unauthorized(Struct, frozen=True):
    """The authorizer failed with exactly ``Unauthorized``: 401."""


class Broken(Struct, frozen=True):
    """The authorizer failed, or its answer is not usable: 500."""

    reason: str


Verdict = Authorized | Denied | Unauthorized | Broken


def has_identity(source: str, event: Mapping[str, Any]) -> bool:
    """Whether an identity source has a value in the authorizer's event; empty counts as missing. [DOC]"""
    return bool(_identity(source, event))


def _identity(source: str, event: Mapping[str, Any]) -> Any:
    source = source.replace("route.request.multivalue", "route.request.", 1)  # a value is there, or several
    if (name := source.removeprefix("route.request.header.")) != source:
        return next((value for key, value in event["headers"].items() if key.lower() == name.lower()), None)
    if (name := source.removeprefix("route.request.querystring.")) != source:
        return (event.get("queryStringParameters") or {}).get(name)
    if (name := source.removeprefix("stageVariables.")) != source:
        return (event.get("stageVariables") or {}).get(name)
    found: Any = event["requestContext"] if source.startswith("context.") else None
    for step in source.split(".")[1:]:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def judge(result: Result, method_arn: str) -> Verdict:
    """What the outcome of an authorizer's invocation means for the handshake."""
    match result:
        case Replied(payload):
            return _judge_reply(payload, method_arn)
        case Raised(payload):
            return _judge_failure(payload)
        case NotInvoked(reason):
            return Broken(reason)
        case TimedOut():
            return Broken("the authorizer did not answer in time")


def _judge_failure(payload: bytes) -> Verdict:
    message = error_message(payload)
    if message == "Unauthorized":
        return Unauthorized()
    return Broken(f"the authorizer failed: {message}" if message else "the authorizer failed")


def _judge_reply(payload: bytes, method_arn: str) -> Verdict:
    if len(payload) > AUTHORIZER_RESULT_BYTES:
        return Broken(
            f"the authorizer's result has {len(payload)} bytes; at most {AUTHORIZER_RESULT_BYTES} are allowed"
        )
    try:
        reply = parsed_json(payload)
    except ValueError:
        return Broken("the authorizer's result is not JSON")
    if not isinstance(reply, dict):
        return Broken("the authorizer's result is no object with principalId and policyDocument")
    principal = _as_text(reply.get("principalId"))
    if principal is None:
        return Broken("the authorizer's result has no principalId")
    context = _as_texts(reply.get("context"))
    if context is None:
        return Broken("the authorizer's context may hold strings, numbers, booleans and null only")
    return _judge_policy(reply, method_arn, {**context, "principalId": principal})


def _judge_policy(reply: dict[str, Any], method_arn: str, context: dict[str, str | None]) -> Verdict:
    document = reply.get("policyDocument")
    try:
        effect = policy.evaluate(document, policy.INVOKE, method_arn)
    except policy.PolicyError as error:
        return Broken(f"the authorizer's policy is malformed: {error}")
    if effect is policy.Effect.ALLOW:
        return Authorized(context, _as_text(reply.get("usageIdentifierKey")))
    told = policy.refusal(effect)
    if effect is policy.Effect.DENY:
        return Denied(f"the policy denies {policy.INVOKE} on {method_arn}", told)
    hint = "; conditions are not evaluated here" if policy.has_conditions(document) else ""
    return Denied(f"the policy does not allow {policy.INVOKE} on {method_arn}{hint}", told)


def _as_texts(context: Any) -> dict[str, str | None] | None:
    """Every value as a string, as events show them, null as it is; None: a nested one, which AWS does not allow. [DOC]

    [REC] DefinitelyTyped PR #69823, null in the context of a REST API's authorizer, [INF] for WebSocket APIs
    """
    if context is None:
        return {}
    if not isinstance(context, dict):
        return None
    texts = {name: _as_text(value) for name, value in context.items()}
    return texts if all(texts[name] is not None or value is None for name, value in context.items()) else None


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, int | float) else None
