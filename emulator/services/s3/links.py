"""S3's links and forms: requests that somebody signed beforehand for somebody else, such as a web page. Pure.

Whether the signature is right and still good. [DOC] s3-docs:sigv4-query-string-auth, RESTAuthentication,
sigv4-post-example
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import unquote

from streamer.sending.signer import ALGORITHM, signing_key

from ...foundation.json_bytes import parsed_json
from ...foundation.times import instant, signed_at
from ...port.http import HttpRequest

EXPIRED: Final = ("AccessDenied", "Request has expired")
EXPIRED_FORM: Final = ("AccessDenied", "Invalid according to Policy: Policy expired.")
MISMATCH: Final = (
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
)
UNSIGNED: Final = ("AccessDenied", "There were headers present in the request which were not signed")
_MAY_BE_UNSIGNED: Final = frozenset({"x-amz-content-sha256"})
"""[USR] demarche-numerique/ds_proxy #164"""
_SKEW: Final = timedelta(minutes=15)
"""How far the signer's clock may be ahead. [DOC] s3-docs:RESTAuthentication"""
_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]+)"|([^;,\s]+))', re.IGNORECASE)
_NAME: Final = re.compile(rb'[; ]name="([^"]*)"', re.IGNORECASE)
_FILE: Final = re.compile(rb'[; ]filename="([^"\r\n]*)"', re.IGNORECASE)
_FIELDS: Final = 200
"""Most fields of a form that are looked at. [DOC] s3-docs:HTTPPOSTForms: all together have 20 KB"""
_SIGNED_OF_OLD: Final = frozenset(
    {
        *("acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy"),
        *("requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-content-type", "response-expires", "tagging", "torrent", "uploadId"),
        *("uploads", "versionId", "versioning", "versions", "website"),
    }
)
"""Parameters that the second version of signatures signs. [DOC] s3-docs:RESTAuthentication"""


class Link(NamedTuple):
    """What a link or a form says of its signature, and what it should be."""

    key: str
    """Access key id of who signed."""
    flaw: tuple[str, str] | None
    """Error code and message; None: it is good, or signed with a key that is not known here."""
    is_verified: bool
    """Whether the signature is the one that the key makes."""
    token: str | None = None
    """The session token of who signed; None: there is none."""


def link_of(request: HttpRequest, secrets: Mapping[str, str], now: datetime) -> Link | None:
    """The link or form that a request to S3 is; None: it is neither. ``secrets`` are those of known access keys."""
    query = dict(request.query) if "?" in request.target else {}
    if _is_preflight(request) and "X-Amz-Credential" in query:
        # It has none of the headers that are signed, and S3 looks at the bucket's rules alone; what comes of them is
        # asked with a signature. [DOC] s3-docs:cors
        key = query["X-Amz-Credential"].rsplit("/", 4)[0]
        return Link(key, None, is_verified=key in secrets)
    if "X-Amz-Signature" in query:
        return _link(request, query, secrets, now)._replace(token=query.get("X-Amz-Security-Token"))
    if {"AWSAccessKeyId", "Signature", "Expires"} <= query.keys():
        return _old_link(request, query, secrets, now)._replace(token=query.get("x-amz-security-token"))
    return _form(form_fields(request), secrets, now) if is_form(request) else None


def is_form(request: HttpRequest) -> bool:
    """Whether a request to S3 is a form, which puts an object. [DOC] s3-api:RESTObjectPOST"""
    return request.method == "POST" and request.fields.get("content-type", "").startswith("multipart/form-data")


def form_fields(request: HttpRequest) -> dict[str, str]:
    """The fields of a form before its file, by their names in lower case; ``${filename}`` is the file's name.

    In time that grows as the form does, whatever it is made of: any page may send one.
    """
    said = _BOUNDARY.search(request.fields["content-type"])
    if said is None:
        return {}
    boundary = f"\r\n--{said[1] or said[2]}".encode("latin-1")
    found: dict[str, str] = {}
    shown = ""
    for part in (b"\r\n" + request.body).split(boundary, _FIELDS)[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is not None and name[1] == b"file":
            file = _FILE.search(head)
            shown = "" if file is None else re.split(r"[/\\]", file[1].decode("utf-8", "replace"))[-1]
            break
        if name is not None:
            found.setdefault(name[1].decode("utf-8", "replace").lower(), value.decode("utf-8", "replace"))
    return {key: value.replace("${filename}", shown) for key, value in found.items()}


def _link(request: HttpRequest, query: Mapping[str, str], secrets: Mapping[str, str], now: datetime) -> Link:
    scope = query.get("X-Amz-Credential", "").rsplit("/", 4)
    at, seconds = signed_at(query.get("X-Amz-Date", "")), query.get("X-Amz-Expires", "")
    if len(scope) != 5 or at is None or not re.fullmatch(r"\d{1,6}", seconds):
        return Link(scope[0], MISMATCH, is_verified=False)
    names = query.get("X-Amz-SignedHeaders", "").split(";")
    path, _, pairs = request.target.partition("?")
    signed = sorted(each if "=" in each else f"{each}=" for each in pairs.split("&"))
    signed = [each for each in signed if not each.startswith("X-Amz-Signature=")]
    headers = "".join(f"{name}:{' '.join(request.fields.get(name, '').split())}\n" for name in names)
    body = request.fields.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD") if "x-amz-content-sha256" in names else ""
    asked = "\n".join([_method(request), path, "&".join(signed), headers, ";".join(names), body or "UNSIGNED-PAYLOAD"])
    told = "\n".join([ALGORITHM, query["X-Amz-Date"], "/".join(scope[1:]), hashlib.sha256(asked.encode()).hexdigest()])
    wanted = None if scope[0] not in secrets else _signature(secrets[scope[0]], scope[1:], told)
    is_old = now > at + timedelta(seconds=int(seconds)) or at > now + _SKEW
    # The host, and x-amz- headers that are sent: [DOC] s3-docs:sigv4-query-string-auth. The words: [USR] ex_aws_s3 #73
    sent = {name for name in request.fields if name.startswith("x-amz-")} - _MAY_BE_UNSIGNED
    is_unsigned = not _is_preflight(request) and not {"host", *sent} <= set(names)
    flaw = EXPIRED if is_old else UNSIGNED if is_unsigned else None
    return _judged(scope[0], wanted, query["X-Amz-Signature"], flaw)


def _old_link(request: HttpRequest, query: Mapping[str, str], secrets: Mapping[str, str], now: datetime) -> Link:
    key, expires = query["AWSAccessKeyId"], query["Expires"]
    path, _, pairs = request.target.partition("?")
    host = request.fields.get("host", "").partition(":")[0].lower()
    bucket = host.partition(".s3")[0] if ".s3" in host and not host.startswith("s3.") else ""
    named = [each.partition("=") for each in pairs.split("&")]
    parts = sorted(f"{name}{sign}{unquote(value)}" for name, sign, value in named if name in _SIGNED_OF_OLD)
    amazon = {name: value for name, value in (*request.fields.items(), *query.items()) if name.startswith("x-amz-")}
    lines = [_method(request), request.fields.get("content-md5", ""), request.fields.get("content-type", ""), expires]
    lines += [f"{name}:{value}" for name, value in sorted(amazon.items())]
    resource = (f"/{bucket}" if bucket else "") + path + (f"?{'&'.join(parts)}" if parts else "")
    wanted = None if key not in secrets else _old_signature(secrets[key], "\n".join([*lines, resource]))
    is_old = not expires.isdecimal() or now.timestamp() > int(expires[:12])
    return _judged(key, wanted, query["Signature"], EXPIRED if is_old else None)


def _form(given: Mapping[str, str], secrets: Mapping[str, str], now: datetime) -> Link | None:
    policy, scope = given.get("policy", ""), given.get("x-amz-credential", "").rsplit("/", 4)
    if policy and "awsaccesskeyid" in given:
        key, signature = given["awsaccesskeyid"], given.get("signature", "")
        wanted = None if key not in secrets else _old_signature(secrets[key], policy)
    elif policy and len(scope) == 5:
        key, signature = scope[0], given.get("x-amz-signature", "")
        wanted = None if key not in secrets else _signature(secrets[key], scope[1:], policy)
    else:
        return None
    judged = _judged(key, wanted, signature, None if _is_good(policy, now) else EXPIRED_FORM)
    return judged._replace(token=given.get("x-amz-security-token"))


def _judged(key: str, wanted: str | None, found: str, old: tuple[str, str] | None) -> Link:
    if wanted is None:
        return Link(key, old, is_verified=False)
    if not hmac.compare_digest(wanted.encode(), found.encode()):
        return Link(key, MISMATCH, is_verified=False)
    return Link(key, old, is_verified=True)


def _method(request: HttpRequest) -> str:
    """The method that is signed: a browser first asks whether it may use it."""
    return request.fields["access-control-request-method"] if _is_preflight(request) else request.method


def _is_preflight(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and bool(request.fields.get("access-control-request-method"))


def _signature(secret: str, scope: list[str], told: str) -> str:
    return hmac.digest(signing_key(secret, "/".join(scope)), told.encode(), "sha256").hex()


def _old_signature(secret: str, told: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), told.encode(), hashlib.sha1).digest()).decode()


def _is_good(policy: str, now: datetime) -> bool:
    try:
        expiration = str(parsed_json(base64.b64decode(policy, validate=True))["expiration"])
        return now <= instant(expiration)
    except (binascii.Error, ValueError, LookupError, TypeError):
        return False
