"""Links and forms of S3, compared with the signatures in AWS's documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from emulator.port.http import HttpRequest
from emulator.services.s3.links import EXPIRED, EXPIRED_FORM, MISMATCH, UNSIGNED, Link, link_of

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRETS = {KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
# [DOC] s3-docs:sigv4-query-string-auth
SIGNED = datetime(2013, 5, 24, tzinfo=UTC)
TARGET = (
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)
# [DOC] s3-docs:RESTAuthentication
OLD_EXPIRES = datetime.fromtimestamp(1175139620, UTC)
OLD_TARGET = (
    "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE"
    "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
)


def request(target: str, host: str = "examplebucket.s3.amazonaws.com", method: str = "GET", **more: str) -> HttpRequest:
    fields = {"host": host, **{name.replace("_", "-"): value for name, value in more.items()}}
    return HttpRequest(method, target, tuple(fields.items()), b"", "127.0.0.1", fields)


@pytest.mark.parametrize(
    ("asked", "now", "link"),
    [
        (request(TARGET), SIGNED + timedelta(hours=23), Link(KEY, None, is_verified=True)),
        (
            request(TARGET, method="OPTIONS", access_control_request_method="GET"),
            SIGNED,
            Link(KEY, None, is_verified=True),
        ),
        (
            # of a link that signs headers, which a browser that asks beforehand does not send
            request(
                TARGET.replace("=host", "=content-type%3Bhost"), method="OPTIONS", access_control_request_method="PUT"
            ),
            SIGNED,
            Link(KEY, None, is_verified=True),
        ),
        (request(TARGET), SIGNED + timedelta(hours=25), Link(KEY, EXPIRED, is_verified=True)),
        (request(TARGET), SIGNED - timedelta(hours=1), Link(KEY, EXPIRED, is_verified=True)),
        (request(TARGET, x_amz_acl="public-read"), SIGNED, Link(KEY, UNSIGNED, is_verified=True)),
        (request(TARGET, x_amz_content_sha256="UNSIGNED-PAYLOAD"), SIGNED, Link(KEY, None, is_verified=True)),
        (request(TARGET, x_amzn_trace_id="Root=1"), SIGNED, Link(KEY, None, is_verified=True)),
        (request(TARGET, method="PUT"), SIGNED, Link(KEY, MISMATCH, is_verified=False)),
        (request(TARGET, "other.s3.amazonaws.com"), SIGNED, Link(KEY, MISMATCH, is_verified=False)),
        (request(TARGET.replace("86400", "tomorrow")), SIGNED, Link(KEY, MISMATCH, is_verified=False)),
        (request(TARGET.replace("20130524T", "yesterday")), SIGNED, Link(KEY, MISMATCH, is_verified=False)),
        (request(TARGET.replace(KEY, "AKIAOTHER")), SIGNED, Link("AKIAOTHER", None, is_verified=False)),
        (request("/test.txt?versionId=1"), SIGNED, None),
    ],
    ids=[
        "good",
        "asked-beforehand",
        "asked-for-headers",
        "expired",
        "early",
        "header-that-is-not-signed",
        "hash-that-is-not",
        "header-of-a-proxy",
        "method",
        "host",
        "no-number",
        "no-date",
        "key-of-others",
        "no-link",
    ],
)
def test_a_link_is_good_as_it_was_signed_and_for_as_long(asked: HttpRequest, now: datetime, link: Link | None) -> None:
    assert link_of(asked, SECRETS, now) == link


def form(said: str = "b", **fields: str) -> HttpRequest:
    """A form whose boundary is ``b``; ``said`` is how its type names it."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    headers = {"content-type": f"multipart/form-data; boundary={said}", "host": "127.0.0.1:8787"}
    return HttpRequest("POST", "/made", tuple(headers.items()), ("".join(parts) + "--b--").encode(), "", headers)


def test_a_form_is_good_until_its_policy_expires() -> None:
    policy = base64.b64encode(json.dumps({"expiration": "2013-05-24T01:00:00Z", "conditions": []}).encode()).decode()
    unknown = {"X-Amz-Credential": "AKIAOTHER/20130524/us-east-1/s3/aws4_request", "X-Amz-Signature": "0"}
    known = {**unknown, "X-Amz-Credential": f"{KEY}/20130524/us-east-1/s3/aws4_request"}

    assert link_of(form(policy=policy, **unknown), SECRETS, SIGNED) == Link("AKIAOTHER", None, is_verified=False)
    assert link_of(form(policy=policy, **known), SECRETS, SIGNED) == Link(KEY, MISMATCH, is_verified=False)
    later = link_of(form(policy=policy, **unknown), SECRETS, SIGNED + timedelta(hours=2))
    assert later == Link("AKIAOTHER", EXPIRED_FORM, is_verified=False)
    assert link_of(form('"b"; charset=utf-8', policy=policy, **unknown), SECRETS, SIGNED) is not None
    assert link_of(form(key="a"), SECRETS, SIGNED) is None


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b"{}", id="without an end"),
        pytest.param(b'{"expiration": "tomorrow"}', id="no instant"),
        pytest.param(b"[" * 200_000, id="nested deeply"),
        pytest.param(b"", id="no text"),
    ],
)
def test_a_policy_that_is_none_lets_nothing_in(policy: bytes) -> None:
    text = base64.b64encode(policy).decode() or "no base64!"
    fields = {"X-Amz-Credential": "AKIAOTHER/20130524/us-east-1/s3/aws4_request", "X-Amz-Signature": "0"}

    assert link_of(form(policy=text, **fields), SECRETS, SIGNED) == Link("AKIAOTHER", EXPIRED_FORM, is_verified=False)


def test_a_form_may_be_signed_in_the_second_version_and_with_a_token() -> None:
    policy = base64.b64encode(json.dumps({"expiration": "2013-05-24T01:00:00Z", "conditions": []}).encode()).decode()
    made = base64.b64encode(hmac.new(SECRETS[KEY].encode(), policy.encode(), hashlib.sha1).digest()).decode()
    fields = {"key": "a", "AWSAccessKeyId": KEY, "policy": policy, "x-amz-security-token": "token"}

    assert link_of(form(**fields, signature=made), SECRETS, SIGNED) == Link(KEY, None, is_verified=True, token="token")
    assert link_of(form(**fields, signature="b"), SECRETS, SIGNED) == Link(
        KEY, MISMATCH, is_verified=False, token="token"
    )


def test_a_form_that_is_made_to_take_long_does_not() -> None:
    """A megabyte of what took minutes: the time of a search that begins anew at each of the names."""
    headers = {"content-type": "multipart/form-data; boundary=b"}
    begin = b'--b\r\nContent-Disposition: form-data; name="x-amz-credential"\r\n\r\n'
    body = begin + b'name="policy"\r\n\r\n' * 60_000

    assert link_of(HttpRequest("POST", "/made", tuple(headers.items()), body, "", headers), SECRETS, SIGNED) is None


def test_a_link_of_the_second_version_expires_and_is_for_one_object() -> None:
    host = "johnsmith.s3.us-west-1.amazonaws.com"
    later = OLD_EXPIRES + timedelta(seconds=1)

    assert link_of(request(OLD_TARGET, host), SECRETS, OLD_EXPIRES) == Link(KEY, None, is_verified=True)
    assert link_of(request(OLD_TARGET, host), SECRETS, later) == Link(KEY, EXPIRED, is_verified=True)
    assert link_of(request(OLD_TARGET), SECRETS, OLD_EXPIRES) == Link(KEY, MISMATCH, is_verified=False)
