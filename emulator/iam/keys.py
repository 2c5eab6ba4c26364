"""Credentials: the account owner's, and those that each function signs with. Pure: randomness is an argument."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct


class Keys(Struct, frozen=True, kw_only=True):
    """What one caller signs with."""

    access_key_id: str
    secret_access_key: str
    session_token: str

    def __repr__(self) -> str:
        return f"Keys({self.access_key_id})"


def keys_of(functions: Iterable[str], seed: bytes) -> Mapping[str, Keys]:
    """Temporary credentials for each function, from at least 32 random bytes.

    The key ids begin with ``ASIA``, as those of temporary credentials do. [DOC] iam-docs:reference_identifiers
    """
    return {function: _keys(function, seed) for function in functions}


def _keys(function: str, seed: bytes) -> Keys:
    def derived(purpose: str) -> bytes:
        return hashlib.blake2b(f"{purpose}:{function}".encode(), key=seed, digest_size=40).digest()

    return Keys(
        access_key_id=f"ASIA{base64.b32encode(derived('id'))[:16].decode()}",
        secret_access_key=base64.urlsafe_b64encode(derived("secret"))[:40].decode(),
        session_token=base64.urlsafe_b64encode(derived("token")).decode().rstrip("="),
    )
