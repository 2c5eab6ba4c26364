"""What S3 is told of a body beforehand, compared with what came. Pure.

Bodies that are signed piece by piece, or whose checksums follow them, are not looked at, nor are CRC32C and CRC64NVME.
[DOC] s3-docs:checking-object-integrity-upload
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from typing import Final

from ...port.http import HttpRequest

INVALID_MD5: Final = ("InvalidDigest", "The Content-MD5 you specified was invalid.")
WRONG_MD5: Final = ("BadDigest", "The Content-MD5 you specified did not match what we received.")
"""[DOC] s3-api:ErrorResponses"""
_CHECKSUMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "SHA1": lambda body: hashlib.sha1(body).digest(),  # noqa: S324 - what the client chose
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}


def mistaken(request: HttpRequest) -> tuple[str, str] | None:
    """Error code and message for a PUT whose body is not what its headers say; None: it is, or they say nothing."""
    fields = request.fields
    if request.method != "PUT" or fields.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return None
    if (told := fields.get("content-md5")) is not None:
        md5 = _decoded(told)
        if md5 is None or len(md5) != 16:
            return INVALID_MD5
        if md5 != hashlib.md5(request.body).digest():  # noqa: S324 - S3's own
            return WRONG_MD5
    for name, digest in _CHECKSUMS.items():
        header = f"x-amz-checksum-{name.lower()}"
        if (told := fields.get(header)) is None:
            continue
        found, wanted = _decoded(told), digest(request.body)
        if found is None or len(found) != len(wanted):
            # [USR] versitygw #1598, of another header
            return "InvalidRequest", f"Value for {header} header is invalid."
        if found != wanted:
            # [USR] aws-sdk-ruby #3322
            return "BadDigest", f"The {name} you specified did not match the calculated checksum."
    return None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
