"""Which address of AWS's a request stands for."""

from __future__ import annotations

import pytest

from emulator.port.http import HttpRequest
from emulator.services.routing import aws_url

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261127/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def request(host: str, target: str = "/made/key?versions", authorization: str = SIGNED) -> HttpRequest:
    headers = (("Host", host), ("Authorization", authorization))
    return HttpRequest("GET", target, headers, b"", "127.0.0.1", {name.lower(): value for name, value in headers})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:8787", "https://s3.eu-west-1.amazonaws.com/made/key?versions"),
        ("localhost:8787", "https://s3.eu-west-1.amazonaws.com/made/key?versions"),
        ("made.localhost:8787", "https://made.s3.eu-west-1.amazonaws.com/made/key?versions"),
        ("made.s3.localhost", "https://made.s3.eu-west-1.amazonaws.com/made/key?versions"),
        ("s3.localhost", "https://s3.eu-west-1.amazonaws.com/made/key?versions"),
        ("Made.s3.us-west-2.amazonaws.com:443", "https://made.s3.us-west-2.amazonaws.com/made/key?versions"),
    ],
    ids=["address", "name", "bucket-in-name", "bucket-and-s3-in-name", "s3-in-name", "aws"],
)
def test_the_bucket_is_in_the_name_or_in_the_path(host: str, url: str) -> None:
    assert aws_url(request(host), "s3", "us-east-1") == url


def test_the_region_is_the_one_that_is_signed_for_else_the_emulators() -> None:
    assert aws_url(request("127.0.0.1:1", "/", "AWS AKIA:abc="), "s3", "us-east-1") == (
        "https://s3.us-east-1.amazonaws.com/"
    )
