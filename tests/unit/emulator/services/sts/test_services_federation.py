"""Who asks STS with what an identity provider says of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from emulator.services.sts.assuming import RefusedError
from emulator.services.sts.federation import WITH_TOKEN, federated

NOW = 1_795_910_400.0
ISSUER = "https://token.actions.githubusercontent.com"
SAML = "arn:aws:iam::123456789012:saml-provider/office"
ASSERTION = """<samlp:Response><saml:Assertion><saml:Issuer>https://office.example</saml:Issuer><saml:Subject>
<saml:NameID Format="x">ada&amp;co</saml:NameID><saml:SubjectConfirmation>
<saml:SubjectConfirmationData Recipient="https://signin.aws.amazon.com/saml"/></saml:SubjectConfirmation></saml:Subject>
<saml:AttributeStatement><saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName">
<saml:AttributeValue>ada</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"""


def token(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{payload}.signature"


def test_a_token_says_its_issuer_and_what_conditions_see_of_it() -> None:
    shown = token(iss=ISSUER, aud=["sts.amazonaws.com"], sub="repo:shop:main", exp=NOW + 1)

    found = federated(WITH_TOKEN, {"WebIdentityToken": shown}, NOW)

    assert found.provider == "token.actions.githubusercontent.com"
    assert found.facts == (
        ("token.actions.githubusercontent.com:aud", "sts.amazonaws.com"),
        ("token.actions.githubusercontent.com:sub", "repo:shop:main"),
        ("aws:federatedprovider", "token.actions.githubusercontent.com"),
    )
    assert "<SubjectFromWebIdentityToken>repo:shop:main</SubjectFromWebIdentityToken>" in found.told


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ("opaque", "InvalidIdentityToken"),
        ("a.b.c", "InvalidIdentityToken"),
        (token(sub="nobody's"), "InvalidIdentityToken"),
        (token(iss=ISSUER, exp=NOW), "ExpiredTokenException"),
    ],
    ids=["opaque", "no-json", "of-nobody", "expired"],
)
def test_a_token_that_is_none_or_has_expired_is_refused(shown: str, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        federated(WITH_TOKEN, {"WebIdentityToken": shown}, NOW)

    assert refused.value.code == code


def test_an_assertion_says_whom_the_session_is_named_after() -> None:
    given = {"SAMLAssertion": base64.b64encode(ASSERTION.encode()).decode(), "PrincipalArn": SAML}

    found = federated("AssumeRoleWithSAML", given, NOW)

    assert (found.provider, found.parameters) == (SAML, {"RoleSessionName": "ada"})
    assert dict(found.facts) == {
        "saml:aud": "https://signin.aws.amazon.com/saml",
        "saml:iss": "https://office.example",
        "saml:sub": "ada&co",
    }


def test_an_assertion_that_is_longer_than_sts_takes_is_refused() -> None:
    with pytest.raises(RefusedError, match="at most 100000 characters") as refused:
        federated("AssumeRoleWithSAML", {"SAMLAssertion": "A" * 100_004, "PrincipalArn": SAML}, NOW)

    assert refused.value.code == "ValidationError"


def test_what_is_no_assertion_is_refused() -> None:
    with pytest.raises(RefusedError, match="Invalid base64"):
        federated("AssumeRoleWithSAML", {"SAMLAssertion": "?"}, NOW)
