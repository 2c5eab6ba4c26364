"""How each service refuses credentials that are no longer valid."""

from __future__ import annotations

import pytest

from emulator.iam.expiry import expired
from emulator.port.http import HttpRequest

MESSAGE = b"The security token included in the request is expired"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("service", "fields", "status", "code"),
    [
        (None, {"x-amz-target": "DynamoDB_20120810.GetItem"}, 400, "ExpiredTokenException"),
        (None, {"x-amz-target": "AmazonSQS.SendMessage"}, 403, "ExpiredTokenException"),
        (None, FORM, 403, "<Code>ExpiredToken</Code>"),
        (None, {}, 403, "ExpiredTokenException"),
        ("kms", {"x-amz-target": "TrentService.Decrypt"}, 400, "ExpiredTokenException"),
        ("sts", FORM, 403, "<Code>ExpiredToken</Code>"),
    ],
)
def test_it_is_told_in_the_protocol_of_the_service(
    service: str | None, fields: dict[str, str], status: int, code: str
) -> None:
    answer = expired(HttpRequest("POST", "/", (), b"", "", fields), service)

    assert answer.status == status
    assert MESSAGE in answer.body
    assert code in f"{answer.body.decode()}{dict(answer.headers)}"
    assert ("x-amzn-query-error" in dict(answer.headers)) is ("AmazonSQS" in fields.get("x-amz-target", ""))


def test_s3_has_words_of_its_own() -> None:
    answer = expired(HttpRequest("GET", "/", (), b"", "", {}), "s3")

    assert answer.status == 400
    assert b"<Code>ExpiredToken</Code><Message>The provided token has expired.</Message>" in answer.body
