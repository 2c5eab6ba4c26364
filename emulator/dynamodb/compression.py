"""Compressed requests, and answers to clients that take them compressed. Pure."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import Final

from .errors import SERVICE, ApiError, serialization_error

REQUEST_BYTES: Final = 16 * 1024 * 1024
"""Largest request, before and after. [USR] scylladb test_manual_requests, test_compressed_request"""
PACKED_BYTES: Final = 4096
"""Larger answers are compressed. [USR] scylladb test_compressed_response"""
ENCODINGS: Final = ("gzip", "deflate")
"""In the order in which they are taken where the client does not care."""
_PLAIN: Final = ("", "identity")
_LEVEL: Final = 1
_WEIGHT: Final = re.compile(r"\s*(-?[0-9]++\.?[0-9]*)\s*")


def unpacked(body: bytes, encoding: str | None) -> bytes:
    """The body of a request, which an SDK may have compressed.

    Raises:
        ApiError: it is not compressed as the head says, or too large, before or after.
    """
    content = body
    if encoding is not None and encoding.lower() not in _PLAIN:
        content = _inflated(body, encoding.lower())
    if max(len(body), len(content)) > REQUEST_BYTES:
        raise ApiError("RequestEntityTooLargeException", "Request too large", namespace=SERVICE, status=413)
    return content


def _inflated(body: bytes, encoding: str) -> bytes:
    """At most a byte more than a request may have; gzip may have several members."""
    if encoding not in ENCODINGS:
        raise serialization_error(f"The body is {encoding}, which nobody reads")
    content = b""
    while not content or (body and encoding == "gzip"):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            content += unpacker.decompress(body, REQUEST_BYTES + 1 - len(content))
        except zlib.error as error:
            raise serialization_error(f"The body is not {encoding}") from error
        if len(content) > REQUEST_BYTES:
            return content
        if not unpacker.eof:
            raise serialization_error("The body is cut off")
        body = unpacker.unused_data
        if not content and not body:
            return content
    return content


def best_encoding(accepted: str) -> str | None:
    """How a client with this ``Accept-Encoding`` gets an answer: as it likes best; None: as it is.

    What is malformed is read as AWS reads it: what follows the first ``q=`` of an entry is its weight, 1 if that is no
    number. [USR] scylladb test_compressed_response
    """
    weights: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        name, _, parameters = entry.partition(";")
        name = name.strip()
        weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    for name in ENCODINGS:
        weights.setdefault(name, weights.get("*", 0.0))
    best = max((name for name in weights if name in ENCODINGS), key=weights.__getitem__)
    return best if weights[best] > 0 else None


def _weight(parameters: str) -> float:
    _, found, following = parameters.partition("q=")
    number = _WEIGHT.fullmatch(following.partition(";")[0]) if found else None
    return 1.0 if number is None else min(float(number[1]), 1.0)


def packed(body: bytes, encoding: str) -> bytes:
    """An answer in one of `ENCODINGS`."""
    return gzip.compress(body, _LEVEL, mtime=0) if encoding == "gzip" else zlib.compress(body, _LEVEL)
