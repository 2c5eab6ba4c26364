"""SigV4 as requests carry it: its structure, and what AWS answers when it is missing or wrong. Pure.

The cryptographic check needs the secret key, so the shell makes it and tells the verdict.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from streamer.sending.signer import ALGORITHM, TIMESTAMP

from ...foundation.times import signed_at

SERVICE: Final = "execute-api"
"""Signing name of WebSocket upgrades and ``@connections``. [DOC] SDK model apigatewaymanagementapi-2018-11-29"""
URL_SERVICE: Final = "lambda"
"""Signing name of requests to function URLs. [DOC] lambda-docs:urls-invocation"""
EXPIRES_SECONDS: Final = 604_800
"""Longest that a presigned URL is good for. [DOC] iam-docs:create-signed-request, query parameters; [INF] the answer"""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far a signature's time may be from ours. [DOC] iam-docs:reference_sigv-troubleshooting"""
_MINUTE: Final = timedelta(minutes=1)
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


class Signature(Struct, frozen=True, kw_only=True):
    """A well-formed signature, not yet verified."""

    access_key_id: str
    date: str
    """``yyyymmdd`` of the credential scope."""
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    """64 hexadecimal digits."""
    timestamp: str
    """``yyyymmddThhmmssZ`` of ``X-Amz-Date``."""
    in_query: bool
    """Whether it is in the query string (a presigned URL) and not in the ``Authorization`` header."""
    expires_seconds: int | None = None
    """How long a presigned URL is good for from its time on; None: as long as any signature."""

    @property
    def signed_at(self) -> datetime:
        """When it was made, by the client's clock."""
        instant = signed_at(self.timestamp)
        assert instant is not None
        return instant


class Flaw(Struct, frozen=True):
    """Why a request is not accepted: 403 with this error type and message."""

    error_type: str
    message: str

    @property
    def reason(self) -> str:
        """The message without the request that it repeats: that may have a session token, which no log gets."""
        return self.message.partition("\n")[0]


DENIED: Final = "AccessDeniedException"
"""The error type where the signature is good, and whoever signed may not do it. [DOC] gateway responses"""
MISSING: Final = Flaw("MissingAuthenticationTokenException", "Missing Authentication Token")
"""The request is not signed. [DOC] gateway responses"""
NO_TOKEN: Final = Flaw("UnrecognizedClientException", "The security token included in the request is invalid.")
"""Temporary credentials without their token. [DOC] iam-docs:id_credentials_temp_use-resources, [USR] the text"""
MISMATCH: Final = Flaw(
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
    "Key and signing method. Consult the service documentation for details.",
)
"""The signature is not the one the secret key makes: what `mismatch` begins with, or all that can be said."""


def parse(fields: Mapping[str, str], query: Iterable[tuple[str, str]] = (), service: str = SERVICE) -> Signature | Flaw:
    """The signature of a request, from its ``Authorization`` header or its query, or why there is none to check.

    ``fields`` are its headers by lower-case name, ``service`` is the signing name of who gets it.
    """
    authorization = fields.get("authorization")
    if authorization is not None:
        return _from_header(authorization, fields, service)
    parameters = dict(query)
    if "X-Amz-Signature" in parameters or "X-Amz-Algorithm" in parameters:
        return _from_query(parameters, service)
    return MISSING


def _from_header(authorization: str, fields: Mapping[str, str], service: str) -> Signature | Flaw:
    scheme, _, rest = authorization.strip().partition(" ")
    pairs = [part.strip().partition("=") for part in rest.split(",") if part.strip()]
    if any(not sign for _, sign, _ in pairs):
        # [USR] of a bearer's token, as by many a client of APIs of API Gateway's
        said = "Invalid key=value pair (missing equal-sign) in Authorization header"
        how = "(hashed with SHA-256 and encoded with Base64)"
        return Flaw("IncompleteSignatureException", f"{said} {how}: '{_hashed(authorization)}'.")
    # A token of another scheme, or of nothing: AWS lists all that it misses.
    parts = {name: value for name, _, value in pairs} if scheme == ALGORITHM else {}
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    timestamp = fields.get("x-amz-date", "").strip()
    if missing or not timestamp:
        return _incomplete(missing, bool(timestamp), authorization)
    scope = _scope(parts["Credential"], timestamp, service)
    return _checked(scope, parts["SignedHeaders"], parts["Signature"], timestamp, in_query=False)


def _from_query(parameters: Mapping[str, str], service: str) -> Signature | Flaw:
    names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date")
    if parameters.get("X-Amz-Algorithm") != ALGORITHM or not all(parameters.get(name) for name in names):
        return Flaw("IncompleteSignatureException", "Query-string authentication requires all of its X-Amz- parameters")
    credential, signed, value, timestamp = (parameters[name] for name in names)
    expires = parameters.get("X-Amz-Expires")
    if expires is not None and not _SECONDS.fullmatch(expires):
        return Flaw("IncompleteSignatureException", "X-Amz-Expires must be a number of seconds")
    seconds = None if expires is None else int(expires)
    if seconds is not None and seconds > EXPIRES_SECONDS:
        return Flaw("InvalidSignatureException", f"X-Amz-Expires must be at most {EXPIRES_SECONDS} seconds")
    scope = _scope(credential, timestamp, service)
    return _checked(scope, signed, value, timestamp, in_query=True, expires_seconds=seconds)


def _incomplete(missing: list[str], has_date: bool, authorization: str) -> Flaw:
    sentences = [f"Authorization header requires '{name}' parameter." for name in missing]
    if not has_date:
        sentences.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    # [USR] clients of APIs of API Gateway's
    sentences.append(f"(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(authorization)}")
    return Flaw("IncompleteSignatureException", " ".join(sentences))


def _hashed(authorization: str) -> str:
    """What is told of the header, that nobody reads a secret out of it; [INF] that it is all of it."""
    return base64.b64encode(hashlib.sha256(authorization.encode("utf-8", "replace")).digest()).decode()


def _checked(
    scope: tuple[str, str, str, str] | Flaw,
    signed: str,
    value: str,
    timestamp: str,
    *,
    in_query: bool,
    expires_seconds: int | None = None,
) -> Signature | Flaw:
    if isinstance(scope, Flaw):
        return scope
    signed_headers = _names(signed)
    if "host" not in signed_headers:
        return Flaw(
            "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    if not _HEX.fullmatch(value):
        return MISMATCH
    key, date, region, service = scope
    return Signature(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=signed_headers,
        value=value,
        timestamp=timestamp,
        in_query=in_query,
        expires_seconds=expires_seconds,
    )


@functools.lru_cache(maxsize=64)
def _names(signed: str) -> tuple[str, ...]:
    """The signed headers, in lower case. Kept, since all requests of a client sign the same."""
    return tuple(name for name in signed.lower().split(";") if name)


@functools.lru_cache(maxsize=64)
def _scope(credential: str, timestamp: str, expected: str) -> tuple[str, str, str, str] | Flaw:
    """Access key, date, Region and service. Kept, since all requests of a client in one second have the same."""
    scope = credential.rsplit("/", 4)
    if len(scope) != 5 or not scope[0] or scope[4] != "aws4_request":
        return Flaw(
            "IncompleteSignatureException",
            f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'",
        )
    key, date, region, service, _ = scope
    if service != expected:
        # [USR] a page of a client of such an API shows the blank at the end, as after every sentence of these
        return Flaw("InvalidSignatureException", f"Credential should be scoped to correct service: '{expected}'. ")
    if signed_at(timestamp) is None or timestamp[:8] != date:
        return Flaw(
            "InvalidSignatureException",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{timestamp[:8]}', from '{timestamp}'.",
        )
    return key, date, region, service


def mismatch(canonical: str, text: str) -> Flaw:
    """Another signature was expected, over this canonical request and this text.

    [USR] clients of APIs of API Gateway's that show what they were answered; the line's end is AWS's
    """
    said = f"The Canonical String for this request should have been\n'{canonical}'"
    said = f"{said}\n\nThe String-to-Sign should have been\n'{text}'\n"
    return Flaw(MISMATCH.error_type, f"{MISMATCH.message}\n\n{said}")


def elsewhere(region: str) -> Flaw:
    """The signature is for another Region than the one that was asked.

    [USR] saleweaver/python-amazon-sp-api #5, an API of API Gateway's; the blank at the end is AWS's
    """
    return Flaw("InvalidSignatureException", f"Credential should be scoped to a valid region, not '{region}'. ")


def untimely(signature: Signature, now: datetime) -> Flaw | None:
    """The signature was made too long ago, or is not good yet; None: it is timely.

    [REC] aws-amplify/aws-sdk-android #253, an API of API Gateway's; [INF] the minutes of presigned URLs
    """
    lasts = CLOCK_SKEW if signature.expires_seconds is None else timedelta(seconds=signature.expires_seconds)
    if signature.signed_at < now - lasts:
        sign, than, minutes = "-", now - lasts, math.ceil(lasts / _MINUTE)
        said = f"Signature expired: {signature.timestamp} is now earlier than {than:{TIMESTAMP}}"
    elif signature.signed_at > now + CLOCK_SKEW:
        sign, than, minutes = "+", now + CLOCK_SKEW, CLOCK_SKEW // _MINUTE
        said = f"Signature not yet current: {signature.timestamp} is still later than {than:{TIMESTAMP}}"
    else:
        return None
    return Flaw("InvalidSignatureException", f"{said} ({now:{TIMESTAMP}} {sign} {minutes} min.)")
