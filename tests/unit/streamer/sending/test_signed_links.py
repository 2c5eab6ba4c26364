"""Links that are signed beforehand, against botocore's."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from streamer.sending.links import S3Object, put_link
from streamer.sending.signer import SigningKeys

KEYS = SigningKeys("AKIDEXAMPLE", "secret/key+of=aws", "a token/with+signs=")


def boto_link(s3_object: S3Object, headers: dict[str, str], keys: SigningKeys, seconds: int) -> str:
    asked = AWSRequest("PUT", s3_object.url, headers=headers)
    credentials = Credentials(keys.access_key_id, keys.secret_key, keys.token)
    S3SigV4QueryAuth(credentials, "s3", s3_object.region, expires=seconds).add_auth(asked)
    return str(asked.url)


@pytest.mark.parametrize("keys", [KEYS, SigningKeys("AKIDEXAMPLE", "secret")], ids=["temporary keys", "lasting keys"])
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:8787", "https://s3.example.com/"], ids=str)
@given(
    key=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20).filter(
        lambda key: not {"", ".", ".."} & {*key.split("/")}
    ),
    size=st.integers(0, 2**40),
    kind=st.sampled_from(["text/csv", "text/plain;  charset=utf-8"]),
)
def test_a_link_is_the_one_that_botocore_makes(
    keys: SigningKeys, endpoint: str | None, key: str, size: int, kind: str
) -> None:
    s3_object = S3Object(bucket="uploads", key=key, region="eu-west-1", endpoint=endpoint)
    headers = {"content-length": str(size), "content-type": kind}
    wanted = dict(parse_qsl(urlsplit(boto_link(s3_object, headers, keys, 300)).query))

    made = put_link(s3_object, headers, keys, timestamp=wanted["X-Amz-Date"], seconds=300)

    assert dict(parse_qsl(urlsplit(made).query)) == wanted
    assert made.partition("?")[0] == s3_object.url


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "uploads.s3.us-east-1.amazonaws.com"),
        ("eu-central-1", "uploads.s3.eu-central-1.amazonaws.com"),
        ("cn-north-1", "uploads.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_link_leads_to_the_region_itself(region: str, host: str) -> None:
    url = put_link(
        S3Object(bucket="uploads", key="a", region=region), {}, KEYS, timestamp="20260101T000000Z", seconds=60
    )

    assert url.startswith(f"https://{host}/a?")
