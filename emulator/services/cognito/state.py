"""All pools of an account in a Region, and what signing in leaves behind for a while. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from msgspec import Struct, field

from ...functions.variables import uuid4
from .entities import NOT_ALLOWED, NOT_FOUND, Client, Parameters, Pool, PoolError, User, required
from .srp import Exchange
from .tokens import Keys, Session

KEPT: Final = 10_000
"""Most challenges and refresh tokens that are kept; the oldest go."""


class Challenge(Struct, frozen=True, kw_only=True):
    """A challenge that waits for its response."""

    name: str
    pool: str
    client: str
    username: str
    until: float
    exchange: Exchange | None = None
    answers: tuple[Mapping[str, Any], ...] = ()
    """Of challenges of one's own: how those before were answered."""
    private: Mapping[str, Any] = field(default_factory=dict)


class Chance(Protocol):
    """Where everything that nobody may guess comes from."""

    def getrandbits(self, k: int, /) -> int:
        """So many bits."""
        ...


class State:
    """What all operations work on."""

    def __init__(self, region: str, account_id: str, *, keys: Keys, randomness: Chance) -> None:
        self.region = region
        self.account_id = account_id
        self.keys = keys
        self.randomness = randomness
        self.pools: dict[str, Pool] = {}
        self.challenges: dict[str, Challenge] = {}
        self.refreshes: dict[str, Session] = {}
        self.ended: dict[str, None] = {}
        """``origin_jti`` of sessions that were signed out."""

    # ids

    def uuid(self) -> str:
        """A UUID of version 4."""
        return uuid4(self.randomness.getrandbits(128))

    def letters(self, count: int, alphabet: str) -> str:
        """A text by chance."""
        return "".join(alphabet[self.randomness.getrandbits(32) % len(alphabet)] for _ in range(count))

    def code(self) -> str:
        """Six digits."""
        return f"{self.randomness.getrandbits(64) % 10**6:06d}"

    def opaque(self) -> str:
        """A text that means something here alone, and that nobody guesses."""
        return f"{self.randomness.getrandbits(512):0128x}"

    def remember(self, kept: dict[str, Any], key: str, value: Any) -> str:
        """Keep something by a key; the oldest goes, if there is too much."""
        while len(kept) >= KEPT:
            del kept[next(iter(kept))]
        kept[key] = value
        return key

    # what parameters name

    def pool(self, parameters: Parameters) -> Pool:
        """The pool that is named."""
        return self.pool_of(required(parameters, "UserPoolId"))

    def pool_of(self, name: str) -> Pool:
        """A pool by its id."""
        if (found := self.pools.get(name)) is None:
            raise PoolError(NOT_FOUND, f"User pool {name} does not exist.")
        return found

    def client(self, parameters: Parameters) -> tuple[Pool, Client]:
        """The client that is named, and its pool."""
        name = required(parameters, "ClientId")
        wanted = parameters.get("UserPoolId")
        for pool in self.pools.values():
            if name in pool.clients and wanted in (None, pool.id):
                return pool, pool.clients[name]
        if wanted is not None:
            self.pool(parameters)
        raise PoolError(NOT_FOUND, f"User pool client {name} does not exist.")

    def user(self, parameters: Parameters) -> tuple[Pool, User]:
        """The user that is named, and the pool."""
        pool = self.pool(parameters)
        found = pool.find(required(parameters, "Username"))
        if found is None:
            raise PoolError("UserNotFoundException", "User does not exist.")
        return pool, found

    def signed_in(self, parameters: Parameters) -> tuple[Pool, User, str]:
        """The user whom an access token is of, the pool, and the session's ``origin_jti``."""
        try:
            claims = self.keys.read(required(parameters, "AccessToken"))
        except ValueError as error:
            raise PoolError(NOT_ALLOWED, str(error)) from error
        pool = self.pools.get(str(claims.get("iss")).rpartition("/")[2])
        user = None if pool is None else pool.users.get(pool.folded(str(claims.get("username"))))
        if pool is None or user is None or claims.get("token_use") != "access":
            raise PoolError(NOT_ALLOWED, "Invalid Access Token")
        origin = str(claims["origin_jti"])
        if origin in self.ended or not user.is_enabled:
            raise PoolError(NOT_ALLOWED, "Access Token has been revoked")
        return pool, user, origin

    def sign_out(self, pool: Pool, user: User) -> None:
        """End all sessions of a user."""
        theirs = {
            token: each
            for token, each in self.refreshes.items()
            if (each.pool, each.username) == (pool.id, user.username)
        }
        for token, each in theirs.items():
            del self.refreshes[token]
            self.remember(self.ended, each.origin, None)
