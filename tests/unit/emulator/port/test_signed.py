"""For which service a request is, by its host, its signature, its query or its form."""

from __future__ import annotations

import pytest

from emulator.port.http import HttpRequest
from emulator.port.signed import Scope, scope_of, service_wanted

QUERY = "application/x-www-form-urlencoded; charset=utf-8"
SCOPE = "AKIA/20261127/eu-west-1/sns/aws4_request"
FORM = b'--b\r\nContent-Disposition: form-data; name="X-Amz-Credential"\r\n\r\nAKIA/20261127/eu-west-1/s3/aws4_request'


def request(method: str = "GET", target: str = "/", body: bytes = b"", **headers: str) -> HttpRequest:
    named = {"host": "127.0.0.1:8787", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return HttpRequest(method, target, tuple(named.items()), body, "127.0.0.1", named)


@pytest.mark.parametrize(
    ("asked", "service"),
    [
        (request(authorization=f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0"), "sns"),
        (request(target=f"/?X-Amz-Credential={SCOPE.replace('/', '%2F')}&X-Amz-Signature=0"), "sns"),
        (request(target="/made/key?AWSAccessKeyId=AKIA&Signature=a%3D&Expires=1"), "s3"),
        (request(authorization="AWS AKIA:abc="), "s3"),
        (request(authorization="AWS4-HMAC-SHA256 Credential=AKIA/us-east-1"), None),
        (request("POST", "/made", FORM, content_type="multipart/form-data; boundary=b"), "s3"),
        (request(host="made.s3.eu-west-1.amazonaws.com"), "s3"),
        (request("POST", x_amz_target="AWSCognitoIdentityProviderService.InitiateAuth"), "cognito-idp"),
        (request("OPTIONS", access_control_request_headers="content-type,x-amz-target"), "cognito-idp"),
        (request(target="/eu-west-1_aB3/.well-known/jwks.json"), "cognito-idp"),
        (request(target="/other/.well-known/jwks.json"), None),
        (request("POST", x_amz_target="DynamoDB_20120810.Scan"), None),
        (request("POST", body=b"Action=AssumeRoleWithSAML&Version=1", content_type=QUERY), "sts"),
        (request("POST", body=b"Action=GetCallerIdentity&a=AssumeRoleWithSAML", content_type=QUERY), None),
        (request(), None),
        (request(target="/?Signature=what"), None),
        (request(authorization="Bearer token"), None),
        (request(authorization=f"Bearer {'a' * 60_000}"), None),  # one whose time grew with its square took a minute
        (request("POST", "/made", b"--b", content_type="multipart/form-data; boundary=b"), None),
    ],
    ids=[
        *("header", "link", "old-link", "old-header", "half-header", "form", "host", "users", "page", "keys"),
        *("other-keys", "tables", "token-of-others", "query", "nothing", "half", "token", "long-token", "other-form"),
    ],
)
def test_a_request_says_for_which_service_it_is(asked: HttpRequest, service: str | None) -> None:
    assert service_wanted(asked) == service


def test_a_scope_names_key_region_and_service() -> None:
    assert scope_of(request(target=f"/?X-Amz-Credential={SCOPE}")) == Scope("AKIA", "eu-west-1", "sns")
    assert scope_of(request(target="/?X-Amz-Credential=AKIA/what")) is None
