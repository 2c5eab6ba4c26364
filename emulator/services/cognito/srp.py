"""Secure Remote Password as Cognito has it (RFC 5054's group of 3,072 bits, RFC 2945): the server's side. Pure.

[USR] amazon-cognito-identity-js and pycognito, whose sides of it this answers
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from msgspec import Struct

from .entities import Password

N: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7D"
    "B3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G: Final = 2
_INFO: Final = b"Caldera Derived Key\x01"
SALT_BYTES: Final = 16


def padded(number: int) -> bytes:
    """A number's bytes, with a zero before a first bit that is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


_K: Final = int.from_bytes(_hash(padded(N), padded(G)), "big")


def password_of(pool_id: str, username: str, password: str, salt: bytes) -> Password:
    """What is kept of a password."""
    name = pool_id.rpartition("_")[2]
    inner = _hash(f"{name}{username}:{password}".encode())
    x = int.from_bytes(_hash(padded(int.from_bytes(salt, "big")), inner), "big")
    return Password(salt=salt, verifier=pow(G, x, N))


def is_right(pool_id: str, username: str, kept: Password | None, password: str) -> bool:
    """Whether a password is the one that was kept."""
    return kept is not None and kept == password_of(pool_id, username, password, kept.salt)


class Exchange(Struct, frozen=True, kw_only=True):
    """One exchange: what the client has sent, and what is secret here."""

    a_public: int
    b_secret: int
    kept: Password

    @property
    def b_public(self) -> int:
        """What the client is sent."""
        return (_K * self.kept.verifier + pow(G, self.b_secret, N)) % N

    def proof(self, pool_id: str, username: str, secret_block: bytes, timestamp: str) -> str:
        """What a client signs that knows the password."""
        u = int.from_bytes(_hash(padded(self.a_public), padded(self.b_public)), "big")
        shared = pow(self.a_public * pow(self.kept.verifier, u, N), self.b_secret, N)
        extracted = hmac.digest(padded(u), padded(shared), "sha256")
        key = hmac.digest(extracted, _INFO, "sha256")[:16]
        name = pool_id.rpartition("_")[2]
        message = f"{name}{username}".encode() + secret_block + timestamp.encode()
        return base64.b64encode(hmac.digest(key, message, "sha256")).decode()
