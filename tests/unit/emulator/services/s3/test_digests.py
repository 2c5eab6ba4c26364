"""What S3 is told of a body, compared with the body."""

from __future__ import annotations

import pytest

from emulator.port.http import HttpRequest
from emulator.services.s3.digests import INVALID_MD5, WRONG_MD5, mistaken

BODY = b"hello"
MD5 = "XUFAKrxLKna5cZ2REBfFkg=="
SHA256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
CRC32 = "NhCmhg=="


def put(method: str = "PUT", **fields: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return HttpRequest(method, "/bucket/key", tuple(named.items()), BODY, "127.0.0.1", named)


@pytest.mark.parametrize(
    "request_",
    [
        put(),
        put(content_md5=MD5, x_amz_checksum_sha256=SHA256, x_amz_checksum_crc32=CRC32),
        put("POST", x_amz_checksum_crc32="AAAAAA=="),
        put(x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER", content_md5="AAAAAAAAAAAAAAAAAAAAAA=="),
        put(x_amz_checksum_crc64nvme="AAAAAAAAAAA="),
    ],
    ids=["nothing", "right", "of-another-body", "in-pieces", "unknown"],
)
def test_what_is_right_or_cannot_be_known_passes(request_: HttpRequest) -> None:
    assert mistaken(request_) is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"content_md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, WRONG_MD5, id="another MD5"),
        pytest.param({"content_md5": "5d41402abc4b2a76b9719d911017c592"}, INVALID_MD5, id="MD5 in hexadecimal"),
        pytest.param({"content_md5": "?"}, INVALID_MD5, id="no MD5"),
        pytest.param(
            {"x_amz_checksum_crc32": "AAAAAA=="},
            ("BadDigest", "The CRC32 you specified did not match the calculated checksum."),
            id="another CRC32",
        ),
        pytest.param(
            {"x_amz_checksum_sha1": SHA256},
            ("InvalidRequest", "Value for x-amz-checksum-sha1 header is invalid."),
            id="SHA256 as SHA1",
        ),
    ],
)
def test_a_body_that_is_another_one_is_refused(fields: dict[str, str], told: tuple[str, str]) -> None:
    assert mistaken(put(**fields)) == told
