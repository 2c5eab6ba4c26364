"""The signer makes the signatures that botocore's own makes, for whatever may be signed."""

from __future__ import annotations

from typing import Any, Final

import pytest
from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from streamer.sending.signer import Signer, SigningKeys

TIMESTAMP: Final = "20150830T123600Z"
SEGMENTS = st.text("aZ09-._~%@:+=&;,!$'()* \u00e4", max_size=8) | st.sampled_from(["%40connections", "a%3D", "..", "."])
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda segments: "/" + "/".join(segments))
QUERIES = st.lists(
    st.tuples(st.text("abXY-%2F ", min_size=1, max_size=4), st.text("abXY-=%2F+ ", max_size=4)), max_size=4
)
VALUES = st.text('aB1 ,;=/"\t-', max_size=20).map(str.strip)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["content-type", "x-a", "x-b-c", "x-amz-meta", "accept", "x-amz-content-sha256", *SIGNED_HEADERS_BLACKLIST]
    ),
    VALUES,
    max_size=6,
)
HOSTS = st.sampled_from(
    ["h", "h:8787", "h:443", "h:80", "127.0.0.1:1", "[::1]:8787", "a1b2.execute-api.us-east-1.amazonaws.com"]
)


@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    scheme=st.sampled_from(["http", "https"]),
    host=HOSTS,
    path=PATHS,
    query=QUERIES,
    headers=HEADERS,
    body=st.binary(max_size=20),
    token=st.none() | st.text("aB1/+=", min_size=1, max_size=20),
    region=st.sampled_from(["us-east-1", "eu-west-1"]),
)
def test_a_signed_request_is_botocores(
    *,
    method: str,
    scheme: str,
    host: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    token: str | None,
    region: str,
) -> None:
    url = f"{scheme}://{host}{path}" + ("?" + "&".join("=".join(pair) for pair in query) if query else "")
    credentials = Credentials("AKIDEXAMPLE", "secret/+", token)
    signer = Signer(SigningKeys("AKIDEXAMPLE", "secret/+", token), "execute-api", region)
    ours = signer.sign(method, url, body, {"host": host, **headers}, timestamp=TIMESTAMP)

    theirs = AWSRequest(method, url, data=body, headers={"Host": host, **headers})
    botocores(theirs, SigV4Auth(credentials, "execute-api", region), TIMESTAMP)
    assert ours == {name.lower(): value for name, value in theirs.headers.items()}


def botocores(request: AWSRequest, signer: Any, timestamp: str) -> None:
    """What `SigV4Auth.add_auth` does, at a given time."""
    request.context["timestamp"] = timestamp
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))


KEYS: Final = SigningKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    ("service", "method", "url", "headers", "signature"),
    [
        pytest.param(
            "iam",
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            {"content-type": FORM},
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            id="the example of the documentation",
        ),
        pytest.param(
            "service",
            "GET",
            "https://example.amazonaws.com/",
            {},
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            id="get-vanilla",
        ),
        pytest.param(
            "service",
            "POST",
            "https://example.amazonaws.com/",
            {},
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            id="post-vanilla",
        ),
        pytest.param(
            "service",
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            {},
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            id="get-vanilla-query-order-key-case",
        ),
    ],
)
def test_aws_s_own_examples(service: str, method: str, url: str, headers: dict[str, str], signature: str) -> None:
    host = url.split("/", 3)[2]
    signed = Signer(KEYS, service, "us-east-1").sign(method, url, b"", {"host": host, **headers}, timestamp=TIMESTAMP)

    assert signed["authorization"].rpartition("Signature=")[2] == signature


def test_a_request_that_was_signed_before_is_signed_afresh() -> None:
    signer = Signer(KEYS, "execute-api", "us-east-1")
    once = signer.sign("POST", "http://h/a", b"x", {"host": "h"}, timestamp="20260101T000000Z")

    again = signer.sign("POST", "http://h/a", b"x", once, timestamp=TIMESTAMP)
    assert again == signer.sign("POST", "http://h/a", b"x", {"host": "h"}, timestamp=TIMESTAMP)


def test_the_key_of_another_day_is_another_key() -> None:
    signer = Signer(KEYS, "execute-api", "us-east-1")
    for timestamp in ("20260101T000000Z", "20260102T000000Z", "20260102T000001Z", "20260101T000000Z"):
        fresh = Signer(KEYS, "execute-api", "us-east-1")
        given = ("GET", "/", "", {"host": "h"}, b"")
        assert signer.signature(*given, timestamp=timestamp) == fresh.signature(*given, timestamp=timestamp)
