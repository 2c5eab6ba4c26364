"""Verifies SigV4 signatures made with the emulator's own credentials, by botocore's signer."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .gateway.signature import Check, Flaw, Signature, parse, refusal
from .http import HttpRequest

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far a signature's time may be from ours. [DOC] iam-docs:reference_sigv-troubleshooting"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Knows one key pair; other access keys cannot be checked here and are taken as they are."""

    access_key_id: str
    secret_access_key: str
    clock: Callable[[], float]
    """Unix seconds."""

    def flaw(self, request: HttpRequest) -> Flaw | None:
        """What is wrong with a request's signature; None: it is good, or made with a key that only AWS knows."""
        query = request.query if "?" in request.target else ()
        signature = parse(request.headers, query)
        if isinstance(signature, Flaw):
            return signature
        return refusal(signature, self._check(request, signature))

    def _check(self, request: HttpRequest, signature: Signature) -> Check:
        signed_at = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(datetime.fromtimestamp(self.clock(), UTC) - signed_at) > CLOCK_SKEW and not signature.in_query:
            return Check.EXPIRED
        if signature.access_key_id != self.access_key_id or signature.in_query:
            return Check.VALID
        expected = self._expected(request, signature)
        return Check.VALID if hmac.compare_digest(expected, signature.value) else Check.MISMATCH

    def _expected(self, request: HttpRequest, signature: Signature) -> str:
        signer = SigV4Auth(Credentials(self.access_key_id, self.secret_access_key), signature.service, signature.region)
        headers = {name: value for name, value in request.fields.items() if name in signature.signed_headers}
        url = f"http://{request.fields.get('host', '')}{request.target}"
        unsigned = AWSRequest(method=request.method, url=url, headers=headers, data=request.body)
        unsigned.context["timestamp"] = signature.timestamp
        text = signer.string_to_sign(unsigned, signer.canonical_request(unsigned))
        return str(signer.signature(text, unsigned))
