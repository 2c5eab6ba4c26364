from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules.signature import (
    MISMATCH,
    MISSING,
    Check,
    Flaw,
    Signature,
    parse,
    refusal,
)

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
            "'Credential' parameter",
            id="Bearer",
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


@pytest.mark.parametrize(
    ("check", "error_type"),
    [
        pytest.param(Check.VALID, None, id="valid"),
        pytest.param(Check.MISMATCH, MISMATCH.error_type, id="mismatch"),
        pytest.param(Check.ELSEWHERE, "InvalidSignatureException", id="another Region"),
        pytest.param(Check.EXPIRED, "InvalidSignatureException", id="expired"),
    ],
)
def test_the_shells_check_decides_about_a_well_formed_signature(check: Check, error_type: str | None) -> None:
    flaw = refusal(parse(headers()), check)

    assert (flaw.error_type if flaw else None) == error_type


def test_a_flaw_is_a_refusal_whatever_the_check_says() -> None:
    assert refusal(MISSING, Check.VALID) is MISSING


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
