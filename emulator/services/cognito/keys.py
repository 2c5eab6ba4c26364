"""The key that signs the tokens of all pools: made when it is first needed, gone when the emulator ends."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any, Final, Protocol

import jwt
from jwt.algorithms import RSAAlgorithm

ALGORITHM: Final = "RS256"
_BITS: Final = 2048


class _Private(Protocol):
    """A private key of RSA."""

    def public_key(self) -> Any:
        """Its public half."""
        ...


class SigningKey:
    """Implements `tokens.Keys`; `ready` makes the key, which takes a moment and may be called from a thread."""

    def __init__(self) -> None:
        self._private: _Private | None = None
        self._published: dict[str, Any] = {}
        self._lock = threading.Lock()

    def ready(self) -> None:
        """Make the key, unless it is made."""
        with self._lock:
            if self._private is None:
                # Only who signs in pays for it.
                from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

                private = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
                public: dict[str, Any] = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
                found = {name: public[name] for name in ("e", "kty", "n")}
                kid = hashlib.sha256(public["n"].encode()).hexdigest()[:43] + "="
                self._published = {"alg": ALGORITHM, **found, "kid": kid, "use": "sig"}
                self._private = private

    def published(self) -> dict[str, Any]:
        """The set of keys that an issuer publishes (RFC 7517)."""
        self.ready()
        return {"keys": [self._published]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token."""
        self.ready()
        private: Any = self._private
        return jwt.encode(
            dict(claims), private, algorithm=ALGORITHM, headers={"kid": self._published["kid"], "typ": None}
        )

    def read(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that was signed here and has not expired.

        Raises:
            ValueError: it was not, or has.
        """
        self.ready()
        private: Any = self._private
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token, private.public_key(), algorithms=[ALGORITHM], options={"verify_aud": False, "verify_iat": False}
            )
        except jwt.ExpiredSignatureError as error:
            raise ValueError("Access Token has expired") from error
        except jwt.PyJWTError as error:
            raise ValueError("Invalid Access Token") from error
        return claims
