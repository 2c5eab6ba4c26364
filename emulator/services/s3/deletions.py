"""S3's DeleteObjects: each key is allowed or refused by itself, and the answer tells of both. Pure.

[DOC] s3-api:API_DeleteObjects
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from msgspec import structs

from ...port.http import HttpRequest, HttpResponse

# None of them looks beyond where another one begins: a body that closes nothing takes no longer than any.
_OBJECT: Final = re.compile(rb"<Object\b[^<>]*>((?:(?!<Object\b).)*?)</Object>", re.DOTALL)
_KEY: Final = re.compile(rb"<Key\b[^<>]*>([^<]*)</Key>")
_VERSION: Final = re.compile(rb"<VersionId\b[^<>]*>([^<]*)</VersionId>")
_OF_BODY: Final = ("content-length", "content-md5", "x-amz-content-sha256", "x-amz-sdk-checksum-algorithm")
_CHECKSUM: Final = "x-amz-checksum-"
_END: Final = b"</DeleteResult>"
_NOTHING: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
)


class Deletion(NamedTuple):
    """One object that is to be deleted."""

    key: str
    version: str
    """Empty: the newest."""


def is_deletion(request: HttpRequest) -> bool:
    """Whether a request to S3 lists objects to delete."""
    query = request.target.partition("?")[2]
    return request.method == "POST" and any(name == "delete" for name, _ in parse_qsl(query, keep_blank_values=True))


def deletions(body: bytes) -> list[Deletion]:
    """The objects that a request lists, in its order."""
    from html import unescape  # noqa: PLC0415 - its table of 2,000 names, which no start has need of

    return [
        Deletion(*("" if found is None else unescape(found[1].decode("utf-8", "replace")) for found in each))
        for each in ((_KEY.search(part[1]), _VERSION.search(part[1])) for part in _OBJECT.finditer(body))
    ]


def without(request: HttpRequest, refused: Collection[int]) -> HttpRequest:
    """The request for the other objects, given the positions of those that are refused; checksums are of all."""
    numbers = iter(range(len(request.body)))
    body = _OBJECT.sub(lambda found: b"" if next(numbers) in refused else found[0], request.body)
    headers = [(name, value) for name, value in request.headers if not _is_of_body(name)]
    fields = {name: value for name, value in request.fields.items() if not _is_of_body(name)}
    return structs.replace(request, body=body, headers=tuple(headers), fields=fields)


def with_refusals(answer: HttpResponse | None, refused: Iterable[tuple[Deletion, str]]) -> HttpResponse:
    """S3's answer for the others (None: there were none), and what it says of those that are refused."""
    told = "".join(_error(deletion, message) for deletion, message in refused).encode()
    if answer is None:
        return HttpResponse(200, _NOTHING + told + _END, (("content-type", "application/xml"),))
    before, end, after = answer.body.rpartition(_END)
    if answer.status != 200 or not end:
        return answer
    headers = tuple((name, value) for name, value in answer.headers if name.lower() != "content-length")
    return HttpResponse(200, before + told + end + after, headers)


def _error(deletion: Deletion, message: str) -> str:
    from html import escape  # noqa: PLC0415 - as above

    version = f"<VersionId>{escape(deletion.version)}</VersionId>" if deletion.version else ""
    said = f"<Code>AccessDenied</Code><Message>{escape(message)}</Message>"
    return f"<Error><Key>{escape(deletion.key)}</Key>{version}{said}</Error>"


def _is_of_body(header: str) -> bool:
    return header.lower() in _OF_BODY or header.lower().startswith(_CHECKSUM)
