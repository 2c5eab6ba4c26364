"""Verifies SigV4 signatures made with credentials that the emulator gave out, by the runtime's signer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from streamer.sending.signer import BODY_HASH, Signer, SigningKeys

from ..iam.caller import Caller
from ..iam.expiry import ERROR, MESSAGE
from ..port.http import HttpRequest
from .rules.signature import MISMATCH, NO_TOKEN, SERVICE, Flaw, Signature, elsewhere, mismatch, parse, untimely

SIGNERS: Final = 1024
"""Most signers that are kept: functions may sign as a new session of a role for each request."""
TEMPORARY: Final = "ASIA"
"""Begins the key ids of temporary credentials. [DOC] iam-docs:reference_identifiers"""
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
"""Stands for the body's hash where the client did not sign its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Knows the key pairs given out; other access keys cannot be checked here and are taken as they are."""

    secrets: Mapping[str, str]
    """Access key id to secret access key."""
    region: str
    """Where the API is; a signature for another Region is none for it."""
    identity: Callable[[str], Mapping[str, str]] = lambda _: {}
    """Who has an access key id, as ``identity`` of events says; nothing: nobody knows."""
    caller: Callable[[HttpRequest], Caller | None] = lambda _: None
    """The function that made a request, whose role may not allow it; None: the account's owner did."""
    is_expired: Callable[[HttpRequest], bool] = lambda _: False
    """Whether a request is signed with credentials that are no longer valid."""
    clock: Callable[[], float]
    """Unix seconds."""
    _signers: dict[tuple[str, str], Signer] = field(default_factory=dict, init=False)
    """By access key id and service."""

    def flaw(self, request: HttpRequest, service: str = SERVICE) -> Flaw | None:
        """What is wrong with a request's signature; None: it is good, or made with a key that only AWS knows.

        ``service`` is the signing name of who gets the request.
        """
        query = request.query if "?" in request.target else ()
        signature = parse(request.fields, query, service)
        if isinstance(signature, Flaw):
            return signature
        return self._flaw(request, signature) or self._expiry(request)

    def signer(self, request: HttpRequest, service: str = SERVICE) -> Mapping[str, str]:
        """Who signed a request, whose signature has no flaw."""
        signature = parse(request.fields, request.query if "?" in request.target else (), service)
        key = "" if isinstance(signature, Flaw) else signature.access_key_id
        known = self.identity(key)
        return {"accessKey": key, **known} if known else {}

    def _flaw(self, request: HttpRequest, signature: Signature) -> Flaw | None:
        late = untimely(signature, datetime.fromtimestamp(self.clock(), UTC))
        if late is not None or signature.access_key_id not in self.secrets:
            return late
        if signature.region != self.region:
            return elsewhere(signature.region)
        if signature.access_key_id.startswith(TEMPORARY) and not _has_token(request):
            return NO_TOKEN
        if not request.target.startswith("/") or not _is_body_signed(request, signature):
            return MISMATCH
        return self._mismatch(request, signature)

    def _expiry(self, request: HttpRequest) -> Flaw | None:
        return Flaw(ERROR, MESSAGE) if self.is_expired(request) else None

    def _mismatch(self, request: HttpRequest, signature: Signature) -> Flaw | None:
        """Which signature the client should have made; None: the one that it made."""
        fields = request.fields
        try:
            headers = {name: fields[name] for name in signature.signed_headers}
        except KeyError:
            return MISMATCH
        if len(request.headers) > len(fields):
            headers |= _repeated(request.headers, headers)
        path, _, query = request.target.partition("?")
        if signature.in_query:
            # A presigned URL signs all of its query but the signature itself.
            query = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))
        # A target has no fragment: the path goes on after a "#", which clients should have encoded.
        path, query = path.replace("#", "%23"), query.replace("#", "%23")
        signer = self._signer(signature.access_key_id, signature.service)
        signed = (request.method, path, query, headers, request.body)
        expected = signer.signature(*signed, timestamp=signature.timestamp)
        if hmac.compare_digest(expected, signature.value):
            return None
        return mismatch(*signer.texts(*signed, timestamp=signature.timestamp))

    def _signer(self, access_key_id: str, service: str) -> Signer:
        signer = self._signers.get((access_key_id, service))
        if signer is None:
            if len(self._signers) >= SIGNERS:
                self._signers.clear()
            signer = Signer(SigningKeys(access_key_id, self.secrets[access_key_id]), service, self.region)
            self._signers[access_key_id, service] = signer
        return signer


def _repeated(headers: Iterable[tuple[str, str]], signed: Mapping[str, str]) -> dict[str, str]:
    """Signed headers with all of their values, as they are signed. [DOC] iam-docs:create-signed-request"""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() in signed:
            values.setdefault(name.lower(), []).append(" ".join(value.split()))
    return {name: ",".join(several) for name, several in values.items()}


def _has_token(request: HttpRequest) -> bool:
    """Whether a session token came with the signature, as all of temporary credentials do."""
    by_header = request.fields.get("x-amz-security-token")
    return bool(by_header or dict(request.query).get("X-Amz-Security-Token"))


def _is_body_signed(request: HttpRequest, signature: Signature) -> bool:
    """Whether the body is the one whose hash was signed, where the client sent that hash in a header."""
    claimed = request.fields.get(BODY_HASH, UNSIGNED)
    if BODY_HASH not in signature.signed_headers or claimed == UNSIGNED:
        return True
    return hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), claimed.encode("latin-1"))
