"""What S3 refuses of names, numbers and headers, whoever asks."""

from __future__ import annotations

import pytest

from emulator.services.s3.arguments import BAD_NAME, BAD_PART_NUMBER, LONG_KEY, MUCH_METADATA, NO_KEY, misused

S3 = "https://s3.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "A_B",
            "My-Bucket",
            "under_score",
            "ab",
            "a" * 64,
            "-a-",
            "a-",
            "x.y..z",
            "192.168.1.1",
            "xn--abc",
            "sthree-a",
        ),
        *("amzn-s3-demo-bucket", "abc-s3alias", "abc--ol-s3", "abc.mrap", "abc--x-s3"),
    ],
)
def test_a_bucket_is_made_of_no_name_that_s3_does_not_take(name: str) -> None:
    assert misused("PUT", f"{S3}/{name}", {}) == BAD_NAME
    assert misused("GET", f"{S3}/{name}", {}) is None, "of a template, or from before"


@pytest.mark.parametrize("name", ["abc", "a.b-c", "1a2", "a" * 63, "1.2.3.4.5", "cdk-hnb659fds-assets-123456789012"])
def test_any_other_is_taken(name: str) -> None:
    assert misused("PUT", f"{S3}/{name}", {}) is None


@pytest.mark.parametrize(
    ("method", "target", "headers", "message"),
    [
        ("GET", "/b?list-type=2&max-keys=abc", {}, "Provided max-keys not an integer or within integer range"),
        ("GET", "/b?max-keys=2147483648", {}, "Provided max-keys not an integer or within integer range"),
        ("GET", "/b?max-keys=-1", {}, "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("GET", "/b?versions&max-keys=-1", {}, "max-keys cannot be negative"),
        ("GET", "/b?uploads&max-uploads=x", {}, "Provided max-uploads not an integer or within integer range"),
        ("GET", "/b?uploads&max-uploads=-1", {}, "Argument max-uploads must be an integer between 0 and 2147483647"),
        ("GET", "/b?max-keys=0", {}, None),
        ("GET", "/b?max-keys=2147483647", {}, None),
        ("GET", "/b?max-keys=", {}, None),
        ("GET", "/b/max-keys?x=max-keys", {}, None),
        ("GET", "/b/k?partNumber=abc", {}, BAD_PART_NUMBER),
        ("PUT", "/b/k?uploadId=u&partNumber=0", {}, BAD_PART_NUMBER),
        ("PUT", "/b/k?uploadId=u&partNumber=10000", {}, None),
        ("PUT", "/b/k", {"x-amz-copy-source": "bucket"}, NO_KEY),
        ("PUT", "/b/k", {"x-amz-copy-source": "/bucket/"}, NO_KEY),
        ("PUT", "/b/k", {"x-amz-copy-source": "bucket%2Fkey"}, None),
        ("PUT", "/b/k", {"x-amz-acl": "privatee"}, ""),
        ("PUT", "/b/k", {"x-amz-acl": "public-read"}, None),
    ],
)
def test_numbers_and_headers_are_what_they_have_to_be(
    method: str, target: str, headers: dict[str, str], message: str | None
) -> None:
    refused = misused(method, f"{S3}{target}", headers)

    assert refused == (None if message is None else ("InvalidArgument", message))


@pytest.mark.parametrize(
    ("target", "headers", "refused"),
    [
        ("/b/" + "k" * 1_025, {}, LONG_KEY),
        ("/b/" + "%C3%A9" * 513, {}, LONG_KEY),
        ("/b/" + "%C3%A9" * 512, {}, None),
        ("/b/k", {"x-amz-meta-name": "x" * 2_045}, MUCH_METADATA),
        ("/b/k", {"x-amz-meta-name": "x" * 1_018, "x-amz-meta-more": "é" * 511}, None),
    ],
)
def test_keys_and_metadata_have_their_limits(
    target: str, headers: dict[str, str], refused: tuple[str, str] | None
) -> None:
    assert misused("PUT", f"{S3}{target}", headers) == refused
