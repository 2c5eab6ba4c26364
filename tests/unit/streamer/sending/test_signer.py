"""The signer makes the signatures that botocore's own makes, for whatever may be signed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.sending.signer import Headers, Signer, Unsigned

SEGMENTS = st.text("aZ09-._~%@:+=&;,!$'()* \u00e4", max_size=8) | st.sampled_from(["%40connections", "a%3D", "..", "."])
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda segments: "/" + "/".join(segments))
QUERIES = st.lists(
    st.tuples(st.text("abXY-%2F ", min_size=1, max_size=4), st.text("abXY-=%2F+ ", max_size=4)), max_size=4
)
VALUES = st.text('aB1 ,;=/"\t-', max_size=20).map(str.strip)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "x-a", "x-b-c", "x-amz-meta", "accept", *SIGNED_HEADERS_BLACKLIST]),
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
@settings(max_examples=300, deadline=None)
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
    ours = Unsigned(method, url, body, {"host": host, **headers})
    Signer(credentials, "execute-api", region).add_auth(ours)

    theirs = AWSRequest(method, url, data=body, headers={"Host": host, **headers})
    botocores(theirs, SigV4Auth(credentials, "execute-api", region), ours.context["timestamp"])
    assert dict(ours.headers) == {name.lower(): value for name, value in theirs.headers.items()}


def botocores(request: AWSRequest, signer: Any, timestamp: str) -> None:
    """What `SigV4Auth.add_auth` does, at a given time."""
    request.context["timestamp"] = timestamp
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))


def test_a_request_can_be_signed_again() -> None:
    signer = Signer(Credentials("AKIDEXAMPLE", "secret", "token"), "execute-api", "us-east-1")
    request = Unsigned("POST", "http://h/a", b"x", {"host": "h", "date": "then"})
    signer.add_auth(request)
    names = sorted(request.headers)
    signer.add_auth(request)

    assert sorted(request.headers) == names == ["authorization", "date", "host", "x-amz-security-token"]


def test_the_key_of_another_day_is_another_key() -> None:
    signer = Signer(Credentials("AKIDEXAMPLE", "secret"), "execute-api", "us-east-1")
    plain = SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "execute-api", "us-east-1")
    request = Unsigned("GET", "http://h/", b"", {"host": "h"})
    for timestamp in ("20260101T000000Z", "20260102T000000Z", "20260102T000001Z", "20260101T000000Z"):
        request.context["timestamp"] = timestamp
        assert signer.signature("text", request) == plain.signature("text", request)


@pytest.mark.parametrize("name", ["x-amz-date", "X-Amz-Date", "X-AMZ-DATE"])
def test_headers_are_found_set_and_deleted_under_any_casing(name: str) -> None:
    headers = Headers({"x-amz-date": "then"})

    assert name in headers
    assert 5 not in headers
    assert (headers[name], headers.get(name), headers.get("x"), headers.get("X", "none")) == (
        "then",
        "then",
        None,
        "none",
    )
    headers[name] = "now"
    assert dict(headers) == {"x-amz-date": "now"}
    del headers[name]
    assert not headers
