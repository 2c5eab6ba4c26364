"""Credentials: the account owner's, and those that each function signs with. Pure: randomness is an argument."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, structs

_AS_OWNER: Final = "owner."
"""Begins the session tokens of functions that sign as the account's owner."""
SESSION: Final = "session of "
"""Begins what keys of sessions of roles are asked for by; no function is called so."""
_OF_SESSIONS: Final = "session."
"""Begins the session tokens of sessions of roles, so that one that was forgotten is not taken for the owner."""


class Keys(Struct, frozen=True, kw_only=True):
    """What one caller signs with."""

    access_key_id: str
    secret_access_key: str
    session_token: str

    def __repr__(self) -> str:
        return f"Keys({self.access_key_id})"


class KeyRing(Mapping[str, Keys]):
    """Temporary credentials of functions, from at least 32 random bytes; whoever is asked for first gets some.

    The key ids begin with ``ASIA``, as those of temporary credentials do. [DOC] iam-docs:reference_identifiers
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._given: dict[str, Keys] = {}
        self.forgotten = 0
        """How many were forgotten so far."""

    def __getitem__(self, function: str) -> Keys:
        found = self._given.get(function)
        if found is None:
            found = self._given[function] = _keys(function, self._seed)
        return found

    def forget(self, function: str) -> None:
        """Have these credentials belong to nobody any more."""
        if self._given.pop(function, None) is not None:
            self.forgotten += 1

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


class Secrets(Mapping[str, str]):
    """Access key ids to their secrets: the owner's and those of all functions that there are by now."""

    def __init__(self, owner: Keys, keys: Mapping[str, Keys]) -> None:
        """``keys`` by function; there may come more, and a `KeyRing` may forget some."""
        self._owner = owner
        self._keys = keys
        self._known: dict[str, str] = {}
        self._forgotten = 0

    def _all(self) -> dict[str, str]:
        forgotten = self._keys.forgotten if isinstance(self._keys, KeyRing) else 0
        if len(self._known) != len(self._keys) + 1 or forgotten != self._forgotten:
            known = (self._owner, *self._keys.values())
            self._known = {each.access_key_id: each.secret_access_key for each in known}
            self._forgotten = forgotten
        return self._known

    def __getitem__(self, access_key_id: str) -> str:
        return self._all()[access_key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def as_owner(owner: Keys, function: str) -> Keys:
    """The account owner's credentials for a function that has none of its own: their session token says who signs.

    The access key is the same for all: a DynamoDB of the user's may keep tables apart by it, as DynamoDB Local does.
    """
    return structs.replace(owner, session_token=f"{_AS_OWNER}{function}")


def signs_as_owner(session_token: str | None) -> str | None:
    """The function that signs with the owner's credentials; None: it is no function."""
    return session_token.removeprefix(_AS_OWNER) if session_token and session_token.startswith(_AS_OWNER) else None


def is_of_session(session_token: str | None) -> bool:
    """Whether a token is one of a session of a role, be it one that was forgotten."""
    return session_token is not None and session_token.startswith(_OF_SESSIONS)


def _keys(function: str, seed: bytes) -> Keys:
    def derived(purpose: str) -> bytes:
        return hashlib.blake2b(f"{purpose}:{function}".encode(), key=seed, digest_size=40).digest()

    kind = _OF_SESSIONS if function.startswith(SESSION) else ""
    return Keys(
        access_key_id=f"ASIA{base64.b32encode(derived('id'))[:16].decode()}",
        secret_access_key=base64.urlsafe_b64encode(derived("secret"))[:40].decode(),
        session_token=f"{kind}{base64.urlsafe_b64encode(derived('token')).decode().rstrip('=')}",
    )
