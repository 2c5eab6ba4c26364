"""Who asks STS with what an identity provider says of them: a token of OpenID Connect, or an assertion of SAML. Pure.

Nobody here knows the providers' keys, so that what they say is taken for theirs. ``now`` is in Unix seconds.
[DOC] sts-docs:API_AssumeRoleWithWebIdentity, API_AssumeRoleWithSAML; iam-docs:reference_policies_iam-condition-keys, of
web identity federation and of SAML-based federation. [USR] aws/aws-sdk-java-v2 #5709 (a token that has expired)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from html import escape, unescape
from typing import Any, Final, NamedTuple

from ...foundation.json_bytes import parsed_json
from .assuming import RefusedError

WITH_TOKEN: Final = "AssumeRoleWithWebIdentity"  # noqa: S105 - the name of an operation
_INVALID: Final = "InvalidIdentityToken"
_NO_TOKEN: Final = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"  # noqa: S105
ASSERTION_LENGTH: Final = 100_000
"""[DOC] sts-api:API_AssumeRoleWithSAML; any page may send one, which nobody has signed."""
_CLAIMS: Final = ("amr", "aud", "azp", "sub")
_NAME: Final = "https://aws.amazon.com/SAML/Attributes/RoleSessionName"
_ATTRIBUTE: Final = (
    r"<(?:\w+:)?Attribute\b[^<>]*\bName=\"{}\"[^<>]*>\s*"
    r"<(?:\w+:)?AttributeValue\b[^<>]*>([^<]*)</(?:\w+:)?AttributeValue>"
)
_IN_SAML: Final = {
    "saml:aud": re.compile(r"<(?:\w+:)?SubjectConfirmationData\b[^<>]*\bRecipient=\"([^\"]*)\""),
    "saml:iss": re.compile(r"<(?:\w+:)?Issuer\b[^<>]*>([^<]*)<"),
    "saml:sub": re.compile(r"<(?:\w+:)?NameID\b[^<>]*>([^<]*)<"),
}


class Federated(NamedTuple):
    """What is known of who asks."""

    provider: str
    """As a trust policy names it: the ARN of a provider of SAML, or a name without the scheme."""
    facts: tuple[tuple[str, str], ...]
    """What conditions see, as `Need.about`."""
    parameters: Mapping[str, str]
    """What of the request stands in what the provider says."""
    told: str
    """What the answer says of it, as XML."""


def federated(operation: str, parameters: Mapping[str, Any], now: float) -> Federated:
    """Who asks.

    Raises:
        RefusedError: what they show is none, or has expired.
    """
    return _by_token(parameters, now) if operation == WITH_TOKEN else _by_assertion(parameters)


def _by_token(parameters: Mapping[str, Any], now: float) -> Federated:
    claims = _claims(str(parameters.get("WebIdentityToken", "")))
    if isinstance(expiry := claims.get("exp"), int | float) and expiry <= now:
        told = f"current date/time {now:.0f} must be before the expiration date/time {expiry:.0f}"
        raise RefusedError("ExpiredTokenException", f"Token expired: {told}")
    provider = str(claims.get("iss", "")).removeprefix("https://")
    facts = tuple((f"{provider}:{name}".lower(), value) for name in _CLAIMS for value in _texts(claims.get(name)))
    subject, audience = (next(_texts(claims.get(name)), "") for name in ("sub", "aud"))
    facts += (("aws:federatedprovider", provider),)
    told = _elements(SubjectFromWebIdentityToken=subject, Audience=audience, Provider=provider)
    return Federated(provider, facts, {}, told)


def _claims(token: str) -> Mapping[str, Any]:
    try:
        _, payload, _ = token.split(".")
        found = parsed_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError as error:
        raise RefusedError(_INVALID, _NO_TOKEN) from error
    if not isinstance(found, dict) or not isinstance(found.get("iss"), str):
        raise RefusedError(_INVALID, _NO_TOKEN)
    return found


def _by_assertion(parameters: Mapping[str, Any]) -> Federated:
    assertion = str(parameters.get("SAMLAssertion", ""))
    if len(assertion) > ASSERTION_LENGTH:
        raise RefusedError("ValidationError", f"SAMLAssertion must have at most {ASSERTION_LENGTH} characters")
    try:
        text = base64.b64decode(assertion, validate=True).decode()
    except ValueError as error:
        raise RefusedError(_INVALID, "Invalid base64 SAMLResponse") from error
    found = {key: pattern.search(text) for key, pattern in _IN_SAML.items()}
    facts = tuple((key, unescape(each[1]).strip()) for key, each in found.items() if each is not None)
    named = re.search(_ATTRIBUTE.format(re.escape(_NAME)), text)
    given = dict(facts)
    told = _elements(
        Subject=given.get("saml:sub", ""), Audience=given.get("saml:aud", ""), Issuer=given.get("saml:iss", "")
    )
    name = {} if named is None else {"RoleSessionName": unescape(named[1]).strip()}
    return Federated(str(parameters.get("PrincipalArn", "")), facts, name, told)


def _texts(value: Any) -> Iterator[str]:
    yield from (str(each) for each in (value if isinstance(value, list) else () if value is None else [value]))


def _elements(**named: str) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in named.items())
