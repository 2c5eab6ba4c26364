"""The claims of tokens, and how a function changes them. Pure.

[DOC] cognito-docs:amazon-cognito-user-pools-using-the-id-token, -using-the-access-token,
user-pool-lambda-pre-token-generation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from .entities import Client, Pool, User
from .triggers import Steps, fire, function_of

SCOPE: Final = "aws.cognito.signin.user.admin"
"""Of tokens that a pool's own API gives."""
_UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_BOOLEAN: Final = ("email_verified", "phone_number_verified")
_KEPT: Final = frozenset(
    {
        *("acr", "amr", "at_hash", "auth_time", "azp", "cognito:username", "exp", "iat", "identities", "iss", "jti"),
        *("nbf", "nonce", "origin_jti", "sub", "token_use", "client_id", "event_id", "aud", "username", "device_key"),
    }
)
"""Claims that no function changes."""


class Keys(Protocol):
    """Signs, and reads what it signed."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token."""
        ...

    def read(self, token: str) -> Mapping[str, Any]:
        """The claims of a token of ours that has not expired; raises ValueError."""
        ...


class Session(Struct, frozen=True, kw_only=True):
    """What a refresh token stands for."""

    pool: str
    client: str
    username: str
    origin: str
    """``origin_jti``: the same in all tokens that follow from one sign-in."""
    at: float
    until: float


def seconds(client: Client, name: str, default: int, unit: str) -> int:
    """How long a kind of token is good. [DOC] cognito-api:API_CreateUserPoolClient, TokenValidityUnits"""
    units = client.settings.get("TokenValidityUnits") or {}
    size = _UNITS.get(str(units.get(name.removesuffix("Validity"), unit)), 3600)
    given = client.settings.get(name)
    return default if not given else int(given) * size


def _told_before(
    pool: Pool,
    client: Client,
    user: User,
    groups: Sequence[str],
    roles: Sequence[str],
    *,
    source: str,
    metadata: Mapping[str, Any],
) -> Steps:
    """What the trigger ``PreTokenGeneration`` answers before tokens are made."""
    own = {"groupsToOverride": groups, "iamRolesToOverride": roles, "preferredRole": roles[0] if roles else None}
    request = {"userAttributes": user.told(), "groupConfiguration": own, "clientMetadata": dict(metadata)}
    of = function_of(pool, "PreTokenGeneration")
    is_first = of is None or of[1] == "1"
    answer = yield from fire(
        pool,
        f"TokenGeneration_{source}",
        username=user.username,
        client_id=client.id,
        request=request if is_first else {**request, "scopes": [SCOPE]},
        response={"claimsOverrideDetails" if is_first else "claimsAndScopeOverrideDetails": None},
    )
    return answer


def result(
    pool: Pool,
    client: Client,
    user: User,
    session: Session,
    *,
    source: str,
    ids: tuple[str, str, str],
    now: float,
    keys: Keys,
    metadata: Mapping[str, Any],
) -> Steps:
    """Both tokens of a session, as ``AuthenticationResult`` has them; ``ids`` are those of event and tokens."""
    groups = _sorted(pool, user)
    roles = [str(pool.groups[each].settings["RoleArn"]) for each in groups if pool.groups[each].settings.get("RoleArn")]
    changed = yield from _told_before(pool, client, user, groups, roles, source=source, metadata=metadata)
    both = changed.get("claimsAndScopeOverrideDetails") or {}
    old = changed.get("claimsOverrideDetails") or {}
    override = old.get("groupOverrideDetails") or both.get("groupOverrideDetails") or {}
    groups = override.get("groupsToOverride", groups)
    event_id, id_jti, access_jti = ids
    common: dict[str, Any] = {"sub": user.sub, **({"cognito:groups": groups} if groups else {}), "iss": pool.issuer}
    times = {"event_id": event_id, "origin_jti": session.origin, "auth_time": int(session.at), "iat": int(now)}
    lives = seconds(client, "AccessTokenValidity", 3600, "hours")
    preferred = {"cognito:preferred_role": roles[0], "cognito:roles": roles} if roles else {}
    identity = {
        **_readable(client, user),
        **common,
        **preferred,
        "cognito:username": user.username,
        "aud": client.id,
        "token_use": "id",
        **times,
        "exp": int(now) + seconds(client, "IdTokenValidity", 3600, "hours"),
        "jti": id_jti,
    }
    access = {
        **common,
        "client_id": client.id,
        "token_use": "access",
        "scope": _scope(both.get("accessTokenGeneration") or {}),
        "username": user.username,
        **times,
        "exp": int(now) + lives,
        "jti": access_jti,
    }
    return {
        "AccessToken": keys.sign(_changed(access, both.get("accessTokenGeneration") or {})),
        "ExpiresIn": lives,
        "IdToken": keys.sign(_changed(_changed(identity, old), both.get("idTokenGeneration") or {})),
        "TokenType": "Bearer",
    }


def _sorted(pool: Pool, user: User) -> list[str]:
    """Groups by their precedence, those without one last."""

    def order(name: str) -> tuple[float, str]:
        given = pool.groups[name].settings.get("Precedence")
        return (float("inf") if given is None else float(given), name)

    return sorted((each for each in user.groups if each in pool.groups), key=order)


def _readable(client: Client, user: User) -> dict[str, Any]:
    """The attributes that a client may read: all, if it names none."""
    may = client.settings.get("ReadAttributes")
    found: dict[str, Any] = {name: value for name, value in user.attributes.items() if not may or name in may}
    return found | {name: found[name].lower() == "true" for name in _BOOLEAN if name in found}


def _scope(changes: Mapping[str, Any]) -> str:
    scopes = [SCOPE, *map(str, changes.get("scopesToAdd") or ())]
    return " ".join(each for each in scopes if each not in (changes.get("scopesToSuppress") or ()))


def _changed(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    added = {name: value for name, value in (changes.get("claimsToAddOrOverride") or {}).items() if name not in _KEPT}
    gone = set(changes.get("claimsToSuppress") or ()) - _KEPT
    return {name: value for name, value in {**claims, **added}.items() if name not in gone}
