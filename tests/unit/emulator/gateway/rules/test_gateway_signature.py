from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules.signature import Flaw, Signature, mismatch, parse, untimely

SCOPE = "AKIDEXAMPLE/20260101/eu-west-1/execute-api/aws4_request"
VALUE = "a1" * 32
DATE = "20260101T120000Z"


def headers(
    *, credential: str = SCOPE, signed: str = "host;x-amz-date", value: str = VALUE, date: str | None = DATE
) -> dict[str, str]:
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={value}"
    dated = {} if date is None else {"x-amz-date": date}
    return {"host": "x", "authorization": authorization, **dated}


def query(**changes: str | None) -> list[tuple[str, str]]:
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": SCOPE,
        "X-Amz-Date": DATE,
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": VALUE,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return [(name, value) for name, value in parameters.items() if value is not None]


def hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize(
    ("found", "in_query"),
    [
        pytest.param(parse(headers()), False, id="header"),
        pytest.param(parse({}, query()), True, id="presigned URL"),
        pytest.param(parse({}, query(X_Amz_Expires="604800")), True, id="presigned URL for a week"),
    ],
)
def test_a_well_formed_signature_is_read(found: Signature | Flaw, in_query: bool) -> None:
    assert isinstance(found, Signature)
    assert (found.access_key_id, found.date, found.region) == ("AKIDEXAMPLE", "20260101", "eu-west-1")
    assert (found.service, found.value, found.timestamp) == ("execute-api", VALUE, DATE)
    assert "host" in found.signed_headers
    assert found.in_query is in_query


def test_blanks_between_the_parts_do_not_matter() -> None:
    tight = headers()["authorization"].replace(", ", ",")

    assert isinstance(parse({"authorization": tight, "x-amz-date": DATE}), Signature)


@pytest.mark.parametrize(
    ("found", "error_type", "text"),
    [
        pytest.param(parse({}), "MissingAuthenticationTokenException", "Missing Authentication Token", id="nothing"),
        pytest.param(
            parse({"authorization": "Bearer abc"}),
            "IncompleteSignatureException",
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
            f"Base64): '{hashed('Bearer abc')}'.",
            id="Bearer",
        ),
        pytest.param(
            parse({"authorization": "Basic YQ=="}),
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
            "existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) "
            f"Authorization={hashed('Basic YQ==')}",
            id="Basic",
        ),
        pytest.param(parse({"authorization": ""}), "IncompleteSignatureException", "'Signature'", id="empty header"),
        pytest.param(parse(headers(date=None)), "IncompleteSignatureException", "'X-Amz-Date'", id="no date"),
        pytest.param(
            parse(headers(signed="")), "IncompleteSignatureException", "'SignedHeaders'", id="no headers signed"
        ),
        pytest.param(parse(headers(credential="a/b")), "IncompleteSignatureException", "5 slash-delimited", id="scope"),
        pytest.param(
            parse(headers(credential=SCOPE.replace("execute-api", "s3"))),
            "InvalidSignatureException",
            "correct service: 'execute-api'",
            id="another service",
        ),
        pytest.param(
            parse(headers(date="20260102T120000Z")), "InvalidSignatureException", "Date in Credential scope", id="date"
        ),
        pytest.param(parse(headers(signed="x-amz-date")), "InvalidSignatureException", "'Host'", id="host not signed"),
        pytest.param(parse(headers(value="zz")), "InvalidSignatureException", "does not match", id="no hex"),
        pytest.param(
            parse({}, query(X_Amz_Signature=None)), "IncompleteSignatureException", "X-Amz-", id="incomplete query"
        ),
        pytest.param(
            parse({}, query(X_Amz_Expires="604801")), "InvalidSignatureException", "604800", id="for more than a week"
        ),
    ],
)
def test_what_is_wrong_with_a_signature_is_told_as_aws_does(
    found: Signature | Flaw, error_type: str, text: str
) -> None:
    assert isinstance(found, Flaw)
    assert found.error_type == error_type
    assert text in found.message


def test_a_wrong_signature_is_told_what_should_have_been_signed() -> None:
    flaw = mismatch("GET\n/prod/\n\nhost:x\n\nhost\ne3b0", "AWS4-HMAC-SHA256\n20260101T120000Z\nscope\n1a2b")

    assert flaw.error_type == "InvalidSignatureException"
    assert flaw.message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.\n\n"
        "The Canonical String for this request should have been\n'GET\n/prod/\n\nhost:x\n\nhost\ne3b0'\n\n"
        "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260101T120000Z\nscope\n1a2b'\n"
    )


@pytest.mark.parametrize(
    ("expires", "now", "text"),
    [
        pytest.param(None, "20260101T120500Z", None, id="made five minutes ago"),
        pytest.param(
            None,
            "20260101T120501Z",
            "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T120501Z - 5 min.)",
            id="made more than five minutes ago",
        ),
        pytest.param(None, "20260101T115500Z", None, id="five minutes ahead"),
        pytest.param(
            None,
            "20260101T115459Z",
            "Signature not yet current: 20260101T120000Z is still later than 20260101T115959Z "
            "(20260101T115459Z + 5 min.)",
            id="more than five minutes ahead",
        ),
        pytest.param("3600", "20260101T130000Z", None, id="a presigned URL within its hour"),
        pytest.param(
            "3600",
            "20260101T130001Z",
            "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T130001Z - 60 min.)",
            id="a presigned URL after its hour",
        ),
    ],
)
def test_a_signature_is_good_for_five_minutes_or_as_long_as_a_url_says(
    expires: str | None, now: str, text: str | None
) -> None:
    found = parse({}, query(X_Amz_Expires=expires))
    assert isinstance(found, Signature)

    flaw = untimely(found, datetime.strptime(now, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))

    assert (None if flaw is None else (flaw.error_type, flaw.message)) == (
        None if text is None else ("InvalidSignatureException", text)
    )


@given(
    authorization=st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"AWS4-HMAC-SHA256 {text}"),
    date=st.text(max_size=20),
    credential=st.text(max_size=40),
)
def test_any_header_is_a_signature_or_a_flaw(authorization: str, date: str, credential: str) -> None:
    found = [
        parse({"authorization": authorization, "x-amz-date": date}),
        parse(headers(credential=credential, date=date)),
        parse({}, query(X_Amz_Credential=credential, X_Amz_Date=date)),
    ]

    assert all(isinstance(each, Signature | Flaw) for each in found)


@given(
    key=st.from_regex(r"[A-Z0-9]{4,20}", fullmatch=True),
    region=st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
    value=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)
@settings(max_examples=50)
def test_every_well_formed_signature_is_read_back(key: str, region: str, value: str) -> None:
    found = parse(headers(credential=f"{key}/20260101/{region}/execute-api/aws4_request", value=value))

    assert isinstance(found, Signature)
    assert (found.access_key_id, found.region, found.value) == (key, region, value)
