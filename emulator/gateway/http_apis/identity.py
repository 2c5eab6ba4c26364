"""Identity sources and verdicts of authorizers of HTTP and REST APIs. Pure.

[DOC] apigw-docs:http-api-lambda-authorizer, http-api-jwt-authorizer, apigateway-use-lambda-authorizer
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from streamer.topology.http_kinds import HttpKind

from ...foundation.json_bytes import parsed_json
from ...functions.outcome import error_message
from ..rules import policy
from ..rules.effects import Raised, Replied, Result
from ..rules.signature import DENIED
from .events import Asked

if TYPE_CHECKING:
    from streamer.topology.http_apis import HttpAuthorizer

_SOURCE: Final = re.compile(
    r"(?:\$request|method\.request|\$?context|\$?stageVariables)\.(?:(header|querystring)\.)?(.+)"
)


class Allowed(Struct, frozen=True):
    """The request goes on."""

    context: Mapping[str, Any]
    """What ``requestContext.authorizer`` says."""
    usage_identifier_key: str | None = None
    signer: Mapping[str, str] = field(default_factory=dict)
    """Who signed the request, and with which API key, as ``identity`` of a REST API's events says it."""


class Refused(Struct, frozen=True):
    """It does not."""

    status: int
    message: str | None
    error_type: str | None = None
    reason: str = ""
    """For the developer; empty: the status says all."""
    challenge: str | None = None
    """What ``www-authenticate`` says to the client; None: there is no such header."""


Verdict = Allowed | Refused
EXPIRED: Final = "the token has expired"
"""What the client of a token hears that is too old."""
FORBIDDEN: Final = Refused(403, "Forbidden")


def identities(authorizer: HttpAuthorizer, asked: Asked) -> list[str] | None:
    """The values of all identity sources; None: one is missing or empty, which refuses the request. [DOC]"""
    found = [_identity(source, asked) for source in authorizer.identity_sources]
    return [each for each in found if each] if all(found) else None


def _identity(source: str, asked: Asked) -> str | None:
    parsed = _SOURCE.fullmatch(source)
    if parsed is None:
        return None
    if parsed[1] == "header":
        return asked.fields.get(parsed[2].lower())
    if parsed[1] == "querystring":
        return (asked.grouped_query.get(parsed[2]) or [""])[-1]
    if "stageVariables" in source:
        return asked.api.stage_variables.get(parsed[2])
    return _context(asked).get(parsed[2])


def _context(asked: Asked) -> dict[str, str]:
    """What can be an identity source of ``$context``."""
    return {
        "httpMethod": asked.method,
        "path": asked.shown_path,
        "stage": asked.api.stage,
        "routeKey": asked.match.route.key,
        "identity.sourceIp": asked.peer,
        "identity.userAgent": asked.fields.get("user-agent", ""),
        "domainName": asked.domain_name,
        "accountId": asked.account_id,
        "apiId": asked.api.api_id,
    }


def is_valid_token(authorizer: HttpAuthorizer, token: str) -> bool:
    """Whether a TOKEN authorizer is asked about a token at all."""
    if authorizer.validation is None:
        return True
    try:
        return re.fullmatch(authorizer.validation, token) is not None
    except re.error:
        return False


def judge(authorizer: HttpAuthorizer, asked: Asked, result: Result, latency_ms: int) -> Verdict:
    """What an authorizer's answer means for a request."""
    if isinstance(result, Replied):
        try:
            reply = parsed_json(result.payload)
        except ValueError:
            reply = None
        return _judge_reply(authorizer, asked, reply, latency_ms)
    said = error_message(result.payload) if isinstance(result, Raised) else ""
    if asked.api.kind is HttpKind.REST and said == "Unauthorized":
        return Refused(401, "Unauthorized", "UnauthorizedException")  # [DOC] apigateway-use-lambda-authorizer
    return broken(asked, "the authorizer failed, or did not answer in time")


def broken(asked: Asked, reason: str) -> Refused:
    """The authorizer is at fault, not the client. A REST API says ``{"message": null}``. [USR] AWS re:Post"""
    if asked.api.kind is HttpKind.REST:
        return Refused(500, None, "AuthorizerConfigurationException", reason)
    return Refused(500, "Internal Server Error", None, reason)


def is_broken(verdict: Verdict) -> bool:
    """Whether a verdict says that the authorizer is at fault, and nothing of the client."""
    return isinstance(verdict, Refused) and verdict.status == 500


def _judge_reply(authorizer: HttpAuthorizer, asked: Asked, reply: Any, latency_ms: int) -> Verdict:
    if not isinstance(reply, dict):
        return broken(asked, "the authorizer's result is no object")
    context = reply.get("context") or {}
    if not isinstance(context, dict):
        return broken(asked, "the authorizer's context is no object")
    if asked.api.kind is HttpKind.REST and any(isinstance(each, dict | list) for each in context.values()):
        # [REC] serverless-offline PR #1376, [REC] DefinitelyTyped PR #69823 that null may be
        return broken(asked, "the authorizer's context may hold strings, numbers, booleans and null only")
    if authorizer.simple and "isAuthorized" in reply:
        if reply["isAuthorized"] is not True:
            return FORBIDDEN
        return Allowed(_told(asked, context, None, latency_ms))
    principal = reply.get("principalId")
    if not isinstance(principal, str | int | float):
        needs = "isAuthorized" if authorizer.simple else "principalId"
        return broken(asked, f"the authorizer's result has no {needs}")
    try:
        effect = policy.evaluate(reply.get("policyDocument"), policy.INVOKE, asked.arn)
    except policy.PolicyError as error:
        return broken(asked, f"the authorizer's policy is malformed: {error}")
    if effect is not policy.Effect.ALLOW:
        return _denied(asked, effect)
    key = reply.get("usageIdentifierKey")
    told = _told(asked, context, str(principal), latency_ms)
    return Allowed(told, key if isinstance(key, str) else None)


def _denied(asked: Asked, effect: policy.Effect) -> Refused:
    reason = f"the authorizer's policy does not allow {policy.INVOKE} on {asked.arn}"
    if asked.api.kind is HttpKind.HTTP:
        return Refused(403, "Forbidden", None, reason)
    return Refused(403, policy.refusal(effect), DENIED, reason)


def _told(asked: Asked, context: Mapping[str, Any], principal: str | None, latency_ms: int) -> dict[str, Any]:
    """What the function sees: below ``lambda`` in payload 2.0, flat and as strings elsewhere. [DOC]

    Payload 1.0 of an HTTP API has the members of a token's verdict, too. [USR] an event of such an authorizer, logged
    """
    is_http = asked.api.kind is HttpKind.HTTP
    if is_http and asked.match.route.payload == "2.0":
        return {"lambda": dict(context) or None}
    texts = {name: value if isinstance(value, str | None) else json.dumps(value) for name, value in context.items()}
    named = {} if principal is None else {"principalId": principal}
    if is_http:
        return {"claims": None, "scopes": None, **texts, **named}
    return {**texts, **named, "integrationLatency": latency_ms}


# tokens


def judge_claims(authorizer: HttpAuthorizer, asked: Asked, claims: Mapping[str, Any], now: float) -> Verdict:
    """Whether verified claims let a request pass. [DOC] apigw-docs:http-api-jwt-authorizer, "validation"."""
    problem = _claims_problem(authorizer, claims, now)
    if problem is not None:
        return untrusted(asked, *problem)
    wanted = asked.match.route.scopes
    if (refusal := _other_kind(authorizer, asked, claims)) is not None:
        return refusal
    has = _scopes(claims)
    if wanted and not set(wanted) & set(has):
        return Refused(403, "Forbidden", None, f"the token has none of the scopes {', '.join(wanted)}")
    texts = {name: _claim_text(value) for name, value in claims.items()}
    if asked.api.kind is HttpKind.REST:
        return Allowed({"claims": texts})
    told = {"claims": texts, "scopes": [each for each in has if each in wanted] if wanted else None}
    return Allowed(told if asked.match.route.payload == "1.0" else {"jwt": told})


def _other_kind(authorizer: HttpAuthorizer, asked: Asked, claims: Mapping[str, Any]) -> Refused | None:
    """A user pool's token that is not for such a method of a REST API: access tokens are for methods with scopes alone.

    [DOC] apigw-docs:apigateway-enable-cognito-user-pool, re:Post api-gateway-cognito-401-unauthorized
    """
    used, scopes = claims.get("token_use"), asked.match.route.scopes
    if authorizer.kind != "COGNITO_USER_POOLS" or used != ("id" if scopes else "access"):
        return None
    if scopes:
        return untrusted(asked, "the method has scopes, which access tokens have: it is an ID token")
    return untrusted(asked, "the method has no scopes, so that it takes ID tokens alone: it is an access token")


def untrusted(asked: Asked, reason: str, told: str = "") -> Refused:
    """A token that is not accepted; ``told`` is what its client hears of the reason.

    [DOC] apigw-docs:http-api-troubleshooting-jwt, [USR] the header of expired tokens and of those in other than three
    parts; [?] what is told of other reasons: nothing here
    """
    if asked.api.kind is HttpKind.REST:
        # [USR] clients of Cognito's tokens
        message = "The incoming token has expired" if told == EXPIRED else "Unauthorized"
        return Refused(401, message, "UnauthorizedException", reason)
    description = f' error_description="{told}"' if told else ""
    challenge = f'Bearer scope="{" ".join(asked.match.route.scopes)}" error="invalid_token"{description}'
    return Refused(401, "Unauthorized", None, reason, challenge)


def _claims_problem(authorizer: HttpAuthorizer, claims: Mapping[str, Any], now: float) -> tuple[str, str] | None:
    """Why a token is refused, for the developer and for the client; None: it is not."""
    if claims.get("iss") not in authorizer.issuers:
        return f"the token's issuer is {claims.get('iss')!r}, not {' or '.join(map(repr, authorizer.issuers))}", ""
    said = claims["aud"] if "aud" in claims else claims.get("client_id")
    audiences = said if isinstance(said, list) else [said]
    if authorizer.audience and not any(each in audiences for each in authorizer.audience):
        return f"the token is for {said!r}", "the token does not have a valid audience"
    for name in ("exp", "nbf", "iat"):
        at = claims.get(name)
        if name != "exp" and at is None:
            continue
        if isinstance(at, bool) or not isinstance(at, int | float) or (at <= now if name == "exp" else at > now):
            return f"the token's {name} is {at!r}", EXPIRED if name == "exp" and at is not None else ""
    return None


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    said = claims.get("scope", claims.get("scp", []))
    return said.split() if isinstance(said, str) else [str(each) for each in said] if isinstance(said, list) else []


def _claim_text(value: Any) -> str:
    """Claims are strings in events, lists in brackets. [USR] aws-lambda-web-adapter, amplify: ``[admin users]``"""
    if isinstance(value, list):
        return f"[{' '.join(str(each) for each in value)}]"
    return value if isinstance(value, str) else json.dumps(value)
