"""AWS's host names, and what each stands for."""

from __future__ import annotations

import pytest

from emulator.port.aws_names import (
    api_id,
    api_names,
    certificate_names,
    domain_name,
    is_aws,
    region_of,
    service_of,
    url_name,
)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("sqs.eu-west-1.amazonaws.com", "sqs"),
        ("SQS.EU-WEST-1.AMAZONAWS.COM:443", "sqs"),
        ("eu-west-1.queue.amazonaws.com", "sqs"),
        ("sts.amazonaws.com", "sts"),
        ("sts.amazonaws.com.", "sts"),
        ("dynamodb.us-east-1.amazonaws.com", "dynamodb"),
        ("123456789012.ddb.us-east-1.amazonaws.com", "dynamodb"),
        ("streams.dynamodb.us-east-1.amazonaws.com", "dynamodb"),
        ("my.bucket.s3.us-gov-west-1.amazonaws.com", "s3"),
        ("bucket.s3.amazonaws.com", "s3"),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3"),
        ("abc123.execute-api.us-east-1.amazonaws.com", "execute-api"),
        ("kms-fips.us-east-1.amazonaws.com", "kms"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock-runtime"),
        ("lambda.us-east-1.api.aws", "lambda"),
        ("sqs.cn-north-1.amazonaws.com.cn", "sqs"),
        ("sqs.eusc-de-east-1.amazonaws.eu", "sqs"),
        ("us-east-1.amazonaws.com", "aws"),
        ("example.com", None),
        ("amazonaws.com.example.com", None),
        ("notamazonaws.com", None),
        ("127.0.0.1:8787", None),
        ("", None),
    ],
)
def test_the_service_of_a_name(host: str, service: str | None) -> None:
    assert service_of(host) == service
    assert is_aws(host) is (service is not None)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eu-west-1.amazonaws.com:443", "eu-west-1"),
        ("abc123.execute-api.US-GOV-WEST-1.amazonaws.com", "us-gov-west-1"),
        ("abc123.lambda-url.eu-west-1.on.aws", "eu-west-1"),
        ("uploads-dev-1.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("eu-files-1.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sqs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("sts.amazonaws.com", None),
        ("sqs.eu-west-1.example.com", None),
    ],
)
def test_the_region_of_a_name(host: str, region: str | None) -> None:
    assert region_of(host) == region


def test_the_api_of_a_name() -> None:
    assert api_id("abc123.execute-api.us-east-1.amazonaws.com:443") == "abc123"
    assert api_id("sqs.us-east-1.amazonaws.com") is None
    assert api_id("abc123.execute-api.example.com") is None
    assert api_id("abc123.lambda-url.us-east-1.on.aws") == "abc123"


@pytest.mark.parametrize("is_url", [False, True])
def test_an_api_has_a_name_on_this_machine(is_url: bool) -> None:
    assert api_id(f"{api_names('abc123', is_url)}:8787") == "abc123"


def test_the_name_of_an_api() -> None:
    assert domain_name("abc", "eu-west-1") == "abc.execute-api.eu-west-1.amazonaws.com"
    assert domain_name("abc", "cn-north-1") == "abc.execute-api.cn-north-1.amazonaws.com.cn"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_a_certificate_has_the_name_of_every_api(region: str) -> None:
    assert f"*.{domain_name('x', region).partition('.')[2]}" in certificate_names(region)
    assert f"*.{url_name('x', region).partition('.')[2]}" in certificate_names(region)
