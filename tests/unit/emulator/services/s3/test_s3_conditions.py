"""What conditions see of requests to S3, so that a bucket's usual statements that deny are met by nobody they let."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emulator.iam.conditions import are_met
from emulator.iam.contexts import is_of_requests
from emulator.port.http import HttpRequest
from emulator.services.s3.conditions import Facts, Uploads, given_of, how_signed, of_put
from emulator.services.s3.needs import of_s3

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
FORM = {"content-type": "multipart/form-data; boundary=b"}
LINK = f"/made/a?X-Amz-Date={NOW - timedelta(seconds=2):%Y%m%dT%H%M%SZ}&X-Amz-Signature=0"
ENCRYPTED = {"StringNotEquals": {"s3:x-amz-server-side-encryption": ["aws:kms"]}}
ONCE = {"Null": {"s3:if-none-match": ["true"]}, "Bool": {"s3:ObjectCreationOperation": ["true"]}}


def request(target: str, body: str = "", **fields: str) -> HttpRequest:
    return HttpRequest("POST" if body else "GET", target, tuple(fields.items()), body.encode(), "", fields)


def form(**given: str) -> HttpRequest:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{each}\r\n' for name, each in given.items()]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="C:\\a.txt"\r\n\r\nx\r\n--b--'
    return request("/made", "".join(parts) + file, **FORM)


@pytest.mark.parametrize(
    ("asked", "facts"),
    [
        (request("/", authorization="AWS4-HMAC-SHA256 Credential=A"), ("REST-HEADER", "AWS4-HMAC-SHA256")),
        (request("/", authorization="AWS A:b"), ("REST-HEADER", "AWS")),
        (request(LINK), ("REST-QUERY-STRING", "AWS4-HMAC-SHA256", "2000")),
        (request("/made/a?AWSAccessKeyId=A&Signature=b&Expires=1"), ("REST-QUERY-STRING", "AWS")),
        (form(policy="p", AWSAccessKeyId="A"), ("POST", "AWS")),
        (form(policy="p"), ("POST", "AWS4-HMAC-SHA256")),
        (request("/"), ()),
    ],
    ids=["header", "old-header", "link", "old-link", "old-form", "form", "nobody"],
)
def test_conditions_see_how_a_request_is_signed(asked: HttpRequest, facts: tuple[str, ...]) -> None:
    found = how_signed(asked, NOW)

    assert tuple(value for _, value in found) == facts
    assert all(is_of_requests(key) for key, _ in found)


@pytest.mark.parametrize(
    ("condition", "given", "creates", "is_met"),
    [
        (ENCRYPTED, {}, True, True),
        (ENCRYPTED, {"x-amz-server-side-encryption": "AES256"}, True, True),
        (ENCRYPTED, {"x-amz-server-side-encryption": "aws:kms"}, True, False),
        (ONCE, {}, True, True),
        (ONCE, {"if-none-match": "*"}, True, False),
        (ONCE, {}, False, False),
        ({"StringEquals": {"s3:RequestObjectTag/Team": ["red"]}}, {"x-amz-tagging": "team=red&a="}, True, True),
        ({"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["a"]}}, {"x-amz-tagging": "a=1&b=2"}, True, False),
        ({"StringEquals": {"s3:object-lock-mode": ["GOVERNANCE"]}}, {"x-amz-object-lock-mode": "GOVERNANCE"}, 1, True),
    ],
)
def test_conditions_see_what_goes_with_an_object(
    condition: dict[str, dict[str, list[str]]], given: dict[str, str], creates: bool, is_met: bool
) -> None:
    found: Facts = of_put(given, creates=creates)
    context: dict[str, list[str]] = {}
    for key, value in found:
        context.setdefault(key, []).append(value)

    assert are_met(condition, context) is is_met
    assert all(map(is_of_requests, context))


def test_the_fields_of_a_form_are_the_headers_of_what_it_puts() -> None:
    found = given_of(form(key="in/${filename}", acl="public-read", **{"X-Amz-Storage-Class": "GLACIER"}))

    assert found == {"key": "in/a.txt", "x-amz-acl": "public-read", "x-amz-storage-class": "GLACIER"}


def test_a_part_of_an_upload_is_judged_by_what_began_it() -> None:
    begins = request("/made/a?uploads=", body=" ", **{"x-amz-server-side-encryption": "aws:kms", "if-none-match": "*"})
    uploads = Uploads(most=1)

    def told(number: str) -> bytes:
        return f"<InitiateMultipartUploadResult><Key>a</Key><UploadId>{number}</UploadId></InitiateMultip..>".encode()

    def of_part(number: str) -> tuple[str, ...]:
        part = request(f"/made/a?partNumber=1&uploadId={number}")
        (need,) = of_s3("PUT", f"https://s3.amazonaws.com{part.target}", {}, uploads.of(part))
        return tuple(key for key, _ in need.about)

    uploads.note(begins, told("1"))
    assert of_part("1") == ("s3:objectcreationoperation", "s3:x-amz-server-side-encryption")
    assert of_part("other") == ("s3:objectcreationoperation",)
    uploads.note(begins, b"<Error/>")
    uploads.note(begins, told("2"))
    assert of_part("1") == ("s3:objectcreationoperation",)
    assert uploads.of(request("/made/a")) == ()
