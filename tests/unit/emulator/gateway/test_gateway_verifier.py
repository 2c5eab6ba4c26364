"""What clients sign is accepted, and nothing that was changed on the way."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from emulator.gateway import verifier
from emulator.gateway.rules.signature import NO_TOKEN, Flaw
from emulator.gateway.verifier import Verifier
from emulator.port.http import HttpRequest

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "eu-west-1"
NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
STAMP = NOW.strftime("%Y%m%dT%H%M%SZ")
HOST = "127.0.0.1:8787"
POST_TARGET = "/dev/%40connections/WgQ2HdS5oAMCKkw%3D"

VERIFIER = Verifier(secrets={KEY: SECRET}, region=REGION, clock=NOW.timestamp)


class SignsNow:
    """botocore reads the machine's clock before it signs; what it signs here is dated ``NOW``."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = STAMP
        super()._modify_request_before_signing(request)  # type: ignore[misc]


class HeaderAuth(SignsNow, SigV4Auth):  # type: ignore[misc] # botocore publishes no types
    """SigV4 in the ``Authorization`` header."""


class QueryAuth(SignsNow, SigV4QueryAuth):  # type: ignore[misc] # botocore publishes no types
    """SigV4 in the query string."""


def received(method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> HttpRequest:
    """The request as the emulator's parser makes it."""
    return HttpRequest(
        method=method,
        target=target,
        headers=tuple(headers),
        body=body,
        peer="127.0.0.1",
        fields={name.lower(): value for name, value in headers},
    )


def signed_by_botocore(target: str = POST_TARGET, body: bytes = b"hello", method: str = "POST") -> HttpRequest:
    request = AWSRequest(method, f"http://{HOST}{target}", data=body, headers={"Host": HOST, "User-Agent": "Boto3"})
    HeaderAuth(Credentials(KEY, SECRET, "token"), "execute-api", REGION).add_auth(request)
    return received(method, target, list(request.headers.items()), body)


def presigned(target: str = "/dev?x=1", token: str | None = "token/+") -> HttpRequest:
    request = AWSRequest("GET", f"http://{HOST}{target}", headers={"Host": HOST})
    QueryAuth(Credentials(KEY, SECRET, token), "execute-api", REGION, expires=300).add_auth(request)
    return received("GET", request.url.removeprefix(f"http://{HOST}"), [("Host", HOST), ("Origin", "http://page")])


def signed_by_the_book(
    headers: Sequence[tuple[str, str]],
    signed: Sequence[str],
    *,
    target: str = POST_TARGET,
    body: bytes = b"hello",
    payload: str | None = None,
) -> HttpRequest:
    """As the documentation of SigV4 says it, whichever headers the client chose to sign; targets have no query."""
    sent = [("Host", HOST), ("X-Amz-Date", STAMP), *headers]
    values = {name: ",".join(" ".join(v.split()) for n, v in sent if n.lower() == name) for name in sorted(signed)}
    lines = [f"{name}:{value}" for name, value in values.items()]
    hashed = payload or hashlib.sha256(body).hexdigest()
    canonical = "\n".join(["POST", quote(target, safe="/-_.~"), "", *lines, "", ";".join(values), hashed])
    scope = f"{STAMP[:8]}/{REGION}/execute-api/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", STAMP, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={';'.join(values)}, Signature={key.hex()}"
    )
    return received("POST", target, [*sent, ("Authorization", authorization)], body)


JAVASCRIPT = (
    ("x-amz-user-agent", "aws-sdk-js/3.1000.0"),
    ("user-agent", "aws-sdk-js/3.1000.0 ua/2.1 os/linux lang/js"),
    ("content-type", "application/octet-stream"),
    ("content-length", "5"),
    ("amz-sdk-invocation-id", "7a1c"),
    ("amz-sdk-request", "attempt=1; max=3"),
    ("x-amz-security-token", "token"),
    ("x-amz-content-sha256", hashlib.sha256(b"hello").hexdigest()),
)
UNSIGNED_BY_JAVASCRIPT = {"user-agent"}


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(signed_by_botocore(), id="boto3"),
        pytest.param(signed_by_botocore(body=b"", method="GET"), id="boto3, without a body"),
        pytest.param(signed_by_botocore("/dev/@connections/a="), id="a raw path"),
        pytest.param(
            signed_by_botocore("/dev//x/../@connections/a%20b?b=2&a=1&b=1&c"), id="a path and a query of any form"
        ),
        pytest.param(presigned(), id="a presigned URL"),
        pytest.param(presigned("/dev", None), id="a presigned URL without a token"),
        pytest.param(
            signed_by_the_book(
                JAVASCRIPT, ["host", "x-amz-date", *({name for name, _ in JAVASCRIPT} - UNSIGNED_BY_JAVASCRIPT)]
            ),
            id="the SDK for JavaScript",
        ),
        pytest.param(signed_by_the_book([], ["host", "x-amz-date"]), id="no more than needed"),
        pytest.param(signed_by_the_book([], ["host"]), id="not even the date"),
        pytest.param(
            signed_by_the_book(
                [("User-Agent", "curl/8"), ("Traceparent", "00-1"), ("Connection", "close")],
                ["host", "x-amz-date", "user-agent", "traceparent", "connection"],
            ),
            id="headers that the SDKs do not sign",
        ),
        pytest.param(
            signed_by_the_book([("X-A", "a   b"), ("x-b", "1"), ("X-a", " c ")], ["host", "x-a", "x-b"]),
            id="repeated headers, blanks",
        ),
        pytest.param(
            signed_by_the_book(
                [("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")],
                ["host", "x-amz-content-sha256"],
                payload="UNSIGNED-PAYLOAD",
            ),
            id="an unsigned body",
        ),
    ],
)
def test_what_clients_sign_is_accepted(request_: HttpRequest) -> None:
    assert VERIFIER.flaw(request_) is None


def with_header(request: HttpRequest, name: str, value: str) -> HttpRequest:
    headers = [(each, value if each.lower() == name else kept) for each, kept in request.headers]
    return received(request.method, request.target, headers, request.body)


def header(request: HttpRequest, name: str) -> str:
    return request.fields[name]


BOTO3 = signed_by_botocore("/dev/%40connections/WgQ2?a=1&b=2")
REPEATED = signed_by_the_book([("X-A", "1"), ("X-A", "2")], ["host", "x-a"])
OTHER_BYTES = st.characters(min_codepoint=0x21, max_codepoint=0x7E)


def changed(text: str, position: int, byte: str) -> str:
    """Another byte at a place; a text like the one before where it is the same."""
    position %= len(text)
    return text[:position] + byte + text[position + 1 :]


@given(
    position=st.integers(0, 200),
    byte=OTHER_BYTES,
    where=st.sampled_from(["target", "body", "host", "x-amz-date", "token"]),
)
@example(position=24, byte="#", where="target")
@example(position=0, byte="[", where="target")
def test_no_byte_can_be_changed_on_the_way(position: int, byte: str, where: str) -> None:
    if where == "target":
        request = received("POST", changed(BOTO3.target, position, byte), BOTO3.headers, BOTO3.body)
    elif where == "body":
        request = structs.replace(BOTO3, body=changed("hello", position, byte).encode())
    else:
        name = "x-amz-security-token" if where == "token" else where
        request = with_header(BOTO3, name, changed(header(BOTO3, name), position, byte))
    if request == BOTO3:
        return

    assert VERIFIER.flaw(request) is not None


@given(position=st.integers(0, 600), byte=OTHER_BYTES)
def test_no_byte_of_a_presigned_url_can_be_changed(position: int, byte: str) -> None:
    request = presigned()
    target = changed(request.target, position, byte)
    # Credentials of another key, such as "KEY%2", are only AWS's to check, and %2f is %2F.
    if target.lower() == request.target.lower() or not re.search(rf"{KEY}%2[Ff]", target):
        return

    assert VERIFIER.flaw(structs.replace(request, target=target)) is not None


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(structs.replace(BOTO3, method="PUT"), id="method"),
        pytest.param(structs.replace(BOTO3, target=BOTO3.target + "#"), id="a fragment"),
        pytest.param(structs.replace(BOTO3, target=BOTO3.target + "#c"), id="a longer fragment"),
        pytest.param(structs.replace(BOTO3, target=BOTO3.target.replace("?", "#c?")), id="a fragment before the query"),
        pytest.param(structs.replace(BOTO3, target=BOTO3.target + "&c"), id="one parameter more"),
        pytest.param(structs.replace(BOTO3, target=BOTO3.target + "&X-Amz-Signature=c"), id="a second signature"),
        pytest.param(structs.replace(BOTO3, target=f"http://{HOST}{BOTO3.target}"), id="a whole URL"),
        pytest.param(structs.replace(BOTO3, target="[" + BOTO3.target), id="no path"),
        pytest.param(structs.replace(BOTO3, body=b""), id="no body"),
        pytest.param(
            with_header(BOTO3, "authorization", header(BOTO3, "authorization").replace("host;", "host;origin;")),
            id="a signed header more, which is not there",
        ),
        pytest.param(
            received("POST", POST_TARGET, [*REPEATED.headers, ("x-a", "2")], b"hello"), id="a header once more"
        ),
        pytest.param(
            received("POST", POST_TARGET, REPEATED.headers[:2] + REPEATED.headers[3:], b"hello"), id="once less"
        ),
        pytest.param(
            received("POST", POST_TARGET, [("X-A", "0"), *signed_by_the_book([("X-A", "1")], ["host", "x-a"]).headers]),
            id="an unsigned value before a signed one",
        ),
    ],
)
def test_what_was_changed_is_refused(request_: HttpRequest) -> None:
    flaw = VERIFIER.flaw(request_)

    assert flaw is not None
    assert flaw.error_type == "InvalidSignatureException"


@pytest.mark.parametrize("make", [signed_by_botocore, presigned, lambda: signed_by_the_book([], ["host"])])
@pytest.mark.parametrize("position", [0, 10, len(SECRET) - 1])
def test_another_secret_is_refused(make: Callable[[], HttpRequest], position: int) -> None:
    other = Verifier(secrets={KEY: changed(SECRET, position, "#")}, region=REGION, clock=VERIFIER.clock)

    assert other.flaw(make()) is not None


def test_what_is_signed_with_credentials_that_are_no_longer_valid_is_refused_in_awss_words() -> None:
    over = Verifier(secrets={KEY: SECRET}, region=REGION, clock=VERIFIER.clock, is_expired=lambda _: True)

    assert over.flaw(signed_by_botocore()) == Flaw(
        "ExpiredTokenException", "The security token included in the request is expired"
    )


def test_temporary_credentials_come_with_their_token() -> None:
    known = Verifier(secrets={"ASIAEXAMPLE": SECRET}, region=REGION, clock=VERIFIER.clock)
    signed = signed_by_botocore()
    authorization = signed.fields["authorization"].replace(KEY, "ASIAEXAMPLE")  # the key's id is not signed
    fields = {**signed.fields, "authorization": authorization}
    without = {name: value for name, value in fields.items() if name != "x-amz-security-token"}

    assert known.flaw(structs.replace(signed, fields=fields)) is None
    assert known.flaw(structs.replace(signed, fields=without)) == NO_TOKEN


def test_what_another_key_signed_is_only_for_aws_to_check() -> None:
    assert Verifier(secrets={"OTHER": ""}, region="us-west-2", clock=VERIFIER.clock).flaw(signed_by_botocore()) is None


@pytest.mark.parametrize("make", [signed_by_botocore, presigned])
def test_what_is_signed_for_another_region_is_refused_by_its_name(make: Callable[[], HttpRequest]) -> None:
    flaw = Verifier(secrets={KEY: SECRET}, region="us-east-1", clock=VERIFIER.clock).flaw(make())

    assert flaw is not None
    assert (flaw.error_type, flaw.message) == (
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'eu-west-1'. ",
    )


def test_signers_of_many_keys_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "SIGNERS", 1)
    several = Verifier(secrets={KEY: SECRET, "AKIAOTHER": SECRET}, region=REGION, clock=VERIFIER.clock)
    for key in (KEY, "AKIAOTHER", KEY):
        signed = signed_by_botocore()
        fields = {**signed.fields, "authorization": signed.fields["authorization"].replace(KEY, key)}
        assert several.flaw(structs.replace(signed, fields=fields)) is None  # the key's id is not signed
        assert len(several._signers) == 1
