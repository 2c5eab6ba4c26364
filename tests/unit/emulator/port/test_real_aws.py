"""Requests that are passed on to AWS: for which services, and how they are signed."""

from __future__ import annotations

import pytest
from botocore.credentials import Credentials

from emulator.port.http import HttpRequest
from emulator.port.real_aws import RealAws, endpoint_variables, real_services, signed_request
from streamer.errors import ConfigurationError

MINE = Credentials("AKIAMINE", "secret", "token")
LOCAL = "AWS4-HMAC-SHA256 Credential=AKIALOCAL/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"


def request(authorization: str | None = LOCAL) -> HttpRequest:
    headers = [("Host", HOST), ("Content-Type", "application/json"), ("X-Amz-Security-Token", "local")]
    headers += [] if authorization is None else [("Authorization", authorization)]
    fields = {name.lower(): value for name, value in headers}
    return HttpRequest("POST", "/model/m/invoke", tuple(headers), b"{}", "127.0.0.1", fields)


def test_a_service_is_found_under_awss_name_for_it() -> None:
    services = real_services(["bedrock-runtime", "cognito-idp"], "us-east-1")

    assert endpoint_variables(services) == {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"https://{HOST}",
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "https://cognito-idp.us-east-1.amazonaws.com",
    }
    real = RealAws(services, "us-east-1")
    assert real.wants(f"{HOST}:443")
    assert not real.wants("s3.us-east-1.amazonaws.com")


@pytest.mark.parametrize(("name", "words"), [("dynamodb", "it is emulated"), ("nonsense", "AWS has no such service")])
def test_what_is_no_such_service_is_refused(name: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        real_services([name], "us-east-1")


def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(ConfigurationError, match=r"your AWS configuration cannot be used: .*nobody"):
        real_services(["bedrock-runtime"], "us-east-1")


def test_a_request_is_signed_anew_with_the_users_credentials_alone() -> None:
    (service,) = real_services(["bedrock-runtime"], "us-east-1")

    headers = signed_request(request(), service, MINE, "us-east-1")

    assert "Credential=AKIAMINE/" in headers["Authorization"]
    assert "/us-east-1/bedrock/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "token"
    assert not [value for value in headers.values() if "LOCAL" in value]


def test_a_request_without_a_signature_stays_without() -> None:
    (service,) = real_services(["bedrock-runtime"], "us-east-1")

    assert set(signed_request(request(None), service, MINE, "us-east-1")) == {"Content-Type"}


def test_without_credentials_nothing_is_signed() -> None:
    (service,) = real_services(["bedrock-runtime"], "us-east-1")

    with pytest.raises(ConfigurationError, match="no credentials of yours"):
        signed_request(request(), service, None, "us-east-1")
