"""What clients upload because no message holds it: links that put it into S3, and its way from there into actions."""

from __future__ import annotations

import hashlib
import io
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from streamer import settings as environment_settings
from streamer.context import Principal, Request
from streamer.errors import ActionError, ConfigurationError, ErrorCode
from streamer.requests.ids import RANDOM_BYTES, uuid7
from streamer.sending.links import S3Object, put_link
from streamer.sending.signer import TIMESTAMP, SigningKeys
from streamer.stores.names import bucket_variable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_BYTES: Final = 5 * 1024**3
"""Largest object that one PUT makes. [DOC] s3-docs:upload-objects"""
LONGEST_SECONDS: Final = 7 * 24 * 3600
"""Longest that a link may be good. [DOC] s3-docs:sigv4-query-string-auth"""
ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Another S3 than AWS's, as for the SDKs. [DOC] sdkref: feature-ss-endpoints"""
_REFERENCE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTENT_TYPE: Final = re.compile(r"([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)(;[ -~]*)?")
_PATTERN: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/([a-z0-9!#$&^_.+-]+|\*)")
_SEGMENT_CHARACTERS: Final = 300
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})


def object_key(principal: Principal, reference: str) -> str:
    """Where an upload is in its bucket: below its tenant and its user, whatever these are called. Pure."""
    return f"{_segment(principal.tenant_id)}/{_segment(principal.user_id)}/{reference}"


def _segment(name: str) -> str:
    text = re.sub(rb"[^A-Za-z0-9_-]", lambda found: b".%02X" % found[0][0], name.encode()).decode()
    # A point is always followed by a number, so that two points are the beginning of nothing else.
    return text if len(text) <= _SEGMENT_CHARACTERS else f"..{hashlib.sha256(name.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be uploaded. Pure."""

    largest_bytes: int
    content_types: tuple[str, ...]
    """Such as ``text/csv`` or ``image/*``; empty: any."""

    def __post_init__(self) -> None:
        """Raise ConfigurationError for what cannot be."""
        if not 1 <= self.largest_bytes <= LARGEST_BYTES:
            raise ConfigurationError(f"uploads: largest_bytes must be 1 to {LARGEST_BYTES}, which S3 takes at once")
        for each in self.content_types:
            if _PATTERN.fullmatch(each) is None:
                raise ConfigurationError(
                    f"uploads: {each!r} is no type of contents; write it as text/csv or image/*, in lower case"
                )

    def checked(self, payload: Any) -> tuple[int, str]:
        """Size in bytes and type of what a client wants to upload.

        Raises:
            ActionError: it may not, or this is no such wish.
        """
        wanted = payload if isinstance(payload, Mapping) else {}
        size, kind = wanted.get("bytes"), wanted.get("content_type") or "application/octet-stream"
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise _invalid('the payload needs the number of "bytes" of the upload')
        if not isinstance(kind, str) or len(kind) > 256 or (found := _CONTENT_TYPE.fullmatch(kind)) is None:
            raise _invalid('"content_type" is none; it is written as text/csv')
        if size > self.largest_bytes:
            raise ActionError(
                f"the upload has {size} bytes; at most {self.largest_bytes} are taken",
                code=ErrorCode.PAYLOAD_TOO_LARGE,
                details={"bytes": size, "largest_bytes": self.largest_bytes},
            )
        whole = found[1].lower()
        if self.content_types and not {whole, f"{whole.partition('/')[0]}/*"} & set(self.content_types):
            raise ActionError(
                f"uploads of type {whole} are not taken; {', '.join(self.content_types)} are",
                code=ErrorCode.VALIDATION_ERROR,
                details={"content_types": list(self.content_types)},
            )
        return size, kind

    def schema(self) -> dict[str, Any]:
        """How the payload looks, for `streamer describe`."""
        return {
            "type": "object",
            "properties": {
                "bytes": {"type": "integer", "minimum": 0, "maximum": self.largest_bytes},
                "content_type": {"type": "string", "description": ", ".join(self.content_types) or "any"},
            },
            "required": ["bytes"],
        }


LINK: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "upload": {"type": "string", "description": "what requests name it by"},
        "url": {"type": "string", "description": "where to PUT it"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "expires_in": {"type": "number", "description": "seconds"},
    },
    "required": ["upload", "url", "headers", "expires_in"],
}
"""How the answer to a wish looks, for `streamer describe`."""


class Upload(io.BufferedReader):
    """An upload that is read: a file in binary mode, as ``csv``, ``json`` and ``io.TextIOWrapper`` take it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        """``answer`` is that of GetObject."""
        super().__init__(_Body(answer["Body"]))
        self.size_bytes = int(answer["ContentLength"])
        """How many bytes it has in all."""
        self.content_type = str(answer.get("ContentType") or "")
        """As the client said; nobody has looked whether it is true."""


class _Body(io.RawIOBase):
    """botocore's StreamingBody as Python's files are; those of old versions cannot say that they can be read."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._body.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


def _s3() -> Any:
    from streamer.stores.client import Clients  # noqa: PLC0415 - the router signs links without any client

    return Clients().get("s3")


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """What clients of an App upload; made by `App.uploads`. Safe to share between threads.

    An upload is named by a reference that the service makes, and belongs to the user who asked for the link: whoever
    else names it finds nothing.
    """

    bucket: str
    """Its name, by which `bucket_variable` finds the one on S3."""
    rules: Rules
    page_origins: tuple[str, ...] = ("*",)
    kept_days: int = 1
    link_seconds: int = 300
    """How long a link is good."""
    now: Callable[[], float] = field(default=time.time, repr=False)
    make_client: Callable[[], Any] = field(default=_s3, repr=False)

    def __post_init__(self) -> None:
        """Raise ConfigurationError for what cannot be."""
        if not 1 <= self.link_seconds <= LONGEST_SECONDS:
            raise ConfigurationError(f"uploads: link_seconds must be 1 to {LONGEST_SECONDS}")

    def link(self, request: Request) -> dict[str, Any]:
        """Give a link that takes one upload, of just the size and type that are asked for.

        Raises:
            ActionError: PAYLOAD_TOO_LARGE or VALIDATION_ERROR: that may not be uploaded.
            ConfigurationError: the function has no bucket.
        """
        size, kind = self.rules.checked(request.payload)
        environ = environment_settings.environment()
        now = self.now()
        reference = uuid7(int(now * 1000), os.urandom(RANDOM_BYTES))
        region = environment_settings.region_of(environ)
        key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if not region or not key or not secret:
            raise ConfigurationError("uploads need AWS_REGION and credentials in the environment; links are signed")
        s3_object = S3Object(
            bucket=self._bucket_name(),
            key=object_key(request.principal, reference),
            region=region,
            endpoint=next((environ[name] for name in ENDPOINT_VARIABLES if environ.get(name)), None),
        )
        url = put_link(
            s3_object,
            {"content-length": str(size), "content-type": kind},
            SigningKeys(key, secret, environ.get("AWS_SESSION_TOKEN") or None),
            timestamp=time.strftime(TIMESTAMP, time.gmtime(now)),
            seconds=self.link_seconds,
        )
        return {"upload": reference, "url": url, "headers": {"content-type": kind}, "expires_in": self.link_seconds}

    def open(self, request: Request, reference: Any) -> Upload:
        """What the request's user has uploaded, to be read piece by piece; use it in ``with``.

        Args:
            request: That of the action which wants it.
            reference: What the client got for it, as a rule from the payload.

        Raises:
            ActionError: VALIDATION_ERROR: this is no reference. NOT_FOUND: this user has no such upload, or not any
                more.
        """
        try:
            answer = self._client.get_object(**self._object(request, reference))
        except Exception as error:
            # botocore's ClientError, without importing it.
            response = getattr(error, "response", None)
            if not isinstance(response, dict) or response.get("Error", {}).get("Code") not in _ABSENT:
                raise
            raise ActionError(f"there is no upload {reference}", code=ErrorCode.NOT_FOUND) from error
        return Upload(answer)

    def read(self, request: Request, reference: Any) -> bytes:
        """All of it at once; as `open`."""
        with self.open(request, reference) as upload:
            return upload.read()

    def delete(self, request: Request, reference: Any) -> None:
        """Delete an upload before it expires; that there is none is as good.

        Raises:
            ActionError: VALIDATION_ERROR: this is no reference.
        """
        self._client.delete_object(**self._object(request, reference))

    @cached_property
    def _client(self) -> Any:
        return self.make_client()

    def _object(self, request: Request, reference: Any) -> dict[str, str]:
        if not isinstance(reference, str) or _REFERENCE.fullmatch(reference) is None:
            raise _invalid("this is no reference of an upload")
        return {"Bucket": self._bucket_name(), "Key": object_key(request.principal, reference)}

    def _bucket_name(self) -> str:
        name = environment_settings.environment().get(bucket_variable(self.bucket))
        if not name:
            raise ConfigurationError(
                f"{bucket_variable(self.bucket)} is not set; uploads need the emulator or a deployed stack"
            )
        return name


def _invalid(message: str) -> ActionError:
    return ActionError(message, code=ErrorCode.VALIDATION_ERROR)
