"""What conditions of policies see of a request to S3 beside what it is for. Pure.

[DOC] service-authorization: list_amazons3; s3-docs: amazon-s3-policy-keys, bucket-policy-s3-sigv4-conditions,
conditional-writes-enforce
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from streamer.sending.signer import ALGORITHM

from ...foundation.times import signed_at
from ...iam.contexts import OF_OBJECT_TAGS
from ...port.http import HttpRequest
from .links import form_fields, is_form

Facts = tuple[tuple[str, str], ...]
"""Condition keys in lower case, each with a value, as `Need.about` has them."""

_GRANTS: Final = ("full-control", "read", "read-acp", "write", "write-acp")
_HEADERS: Final = frozenset(
    {
        *("x-amz-acl", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-object-ownership"),
        *("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"),
        *("x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class"),
        *("x-amz-website-redirect-location", *(f"x-amz-grant-{each}" for each in _GRANTS)),
    }
)
"""Headers that are conditions' keys by their own names."""
_OTHERS: Final = {
    "if-match": "if-match",
    "if-none-match": "if-none-match",
    "x-amz-object-lock-legal-hold": "object-lock-legal-hold",
    "x-amz-object-lock-mode": "object-lock-mode",
    "x-amz-object-lock-retain-until-date": "object-lock-retain-until-date",
}
"""Headers by the keys that they are the values of."""
_UPLOAD: Final = re.compile(rb"<InitiateMultipartUploadResult\b.*?<UploadId>([^<]+)</UploadId>", re.DOTALL)
_OF_UPLOADS: Final = ("s3:x-amz-", "s3:object-lock-", "s3:requestobjecttag")


def given_of(request: HttpRequest) -> Mapping[str, str]:
    """Headers of a request to S3; of a form its fields, by the names that they have as headers."""
    if not is_form(request):
        return request.fields
    found = form_fields(request)
    return {f"x-amz-{name}" if name in ("acl", "tagging") else name: value for name, value in found.items()}


class Uploads:
    """What conditions saw of the requests that began uploads in parts: S3 judges each part by it, too. [INF]"""

    def __init__(self, most: int = 1_024) -> None:
        """Keep the latest so many."""
        self._most = most
        self._begun: dict[str, Facts] = {}

    def note(self, request: HttpRequest, answer: bytes) -> None:
        """Remember an upload that a request may have begun, given its answer."""
        if request.method == "POST" and (found := _UPLOAD.search(answer)) is not None:
            if len(self._begun) >= self._most:
                del self._begun[next(iter(self._begun))]
            said = of_put(request.fields, creates=False)
            self._begun[found[1].decode()] = tuple(each for each in said if each[0].startswith(_OF_UPLOADS))

    def of(self, request: HttpRequest) -> Facts:
        """Of the upload that a request is part of; empty: it is part of none that is known."""
        named = dict(request.query).get("uploadId") if "uploadId=" in request.target else None
        return () if named is None else self._begun.get(named, ())


def how_signed(request: HttpRequest, now: datetime) -> Facts:
    """How a request to S3 is signed."""
    return tuple(_how_signed(request, dict(request.query) if "?" in request.target else {}, now))


def _how_signed(request: HttpRequest, query: Mapping[str, str], now: datetime) -> Iterator[tuple[str, str]]:
    authorization = request.fields.get("authorization", "")
    if authorization:
        yield "s3:authtype", "REST-HEADER"
        yield "s3:signatureversion", ALGORITHM if authorization.startswith(ALGORITHM) else "AWS"
    elif is_form(request):
        yield "s3:authtype", "POST"
        yield "s3:signatureversion", "AWS" if "awsaccesskeyid" in form_fields(request) else ALGORITHM
    elif "X-Amz-Signature" in query:
        yield "s3:authtype", "REST-QUERY-STRING"
        yield "s3:signatureversion", ALGORITHM
        at = signed_at(query.get("X-Amz-Date", ""))
        if at is not None:
            yield "s3:signatureage", str(max(0, int((now - at).total_seconds() * 1000)))
    elif "Signature" in query:
        yield "s3:authtype", "REST-QUERY-STRING"
        yield "s3:signatureversion", "AWS"


def of_put(given: Mapping[str, str], *, creates: bool) -> Facts:
    """What a request says that puts an object, or begins to; ``creates``: it is there afterwards."""
    return tuple(_of_put(given, creates=creates))


def _of_put(given: Mapping[str, str], *, creates: bool) -> Iterator[tuple[str, str]]:
    yield "s3:objectcreationoperation", str(creates).lower()
    for name, value in given.items():
        key = name if name in _HEADERS else _OTHERS.get(name)
        if key is not None:
            yield f"s3:{key}", value
    for key, value in parse_qsl(given.get("x-amz-tagging", ""), keep_blank_values=True):
        yield f"{OF_OBJECT_TAGS}{key.lower()}", value
        yield "s3:requestobjecttagkeys", key
