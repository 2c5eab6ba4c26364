"""From a ``$connect`` event, the settings and the time to a principal, or an `AuthError`; and minting. Pure.

The algorithm of a token is pinned by the kind of key that is configured, never chosen by the token: a secret verifies
HS256 only, an RSA key RS256 only, a P-256 key ES256 only. So ``none`` and a public key used as an HMAC secret get
nowhere. With published keys, the token's key id finds the key, which has its algorithm.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamer.context import Principal
from streamer.errors import AuthError, ConfigurationError, TenantNotAllowedError
from streamer.settings import Settings, parse_duration

if TYPE_CHECKING:
    from jwt import PyJWS

__all__ = ["Authenticated", "Principal", "authenticate", "mint", "parse_duration", "principal_of", "token_of"]

SUBPROTOCOL: Final = "streamer.v1"
"""The subprotocol that is accepted when a client offers it; browsers insist on an answer to their offer."""
BEARER_SUBPROTOCOL: Final = "bearer."
"""Begins the subprotocol offer that carries a token: browsers can set no header. Never echoed."""
CLOCK_SKEW_SECONDS: Final = 60
"""How far ahead of ours the issuer's clock may be (``iat``, ``nbf``)."""
TOKEN_CHARACTERS: Final = 8192
"""Longest token looked at; the handshake's headers may have 10,240 bytes in all. [INF] FIDELITY E12"""
IDENTIFIER_CHARACTERS: Final = 256
"""Longest user or tenant id, so that keys stay within DynamoDB's limits. [DOC] ddb-docs: Constraints"""

TOKEN_MISSING: Final = "token_missing"  # noqa: S105 - these are names of reasons
TOKEN_MALFORMED: Final = "token_malformed"  # noqa: S105
TOKEN_EXPIRED: Final = "token_expired"  # noqa: S105
TOKEN_NOT_YET_VALID: Final = "token_not_yet_valid"  # noqa: S105
ISSUED_IN_FUTURE: Final = "issued_in_future"
KEY_UNKNOWN: Final = "key_unknown"
SIGNATURE_INVALID: Final = "signature_invalid"
ALGORITHM_NOT_ALLOWED: Final = "algorithm_not_allowed"
ISSUER_WRONG: Final = "issuer_wrong"
AUDIENCE_WRONG: Final = "audience_wrong"
CLAIM_MISSING: Final = "claim_missing"
CLAIM_INVALID: Final = "claim_invalid"
TENANT_NOT_ALLOWED: Final = "tenant_not_allowed"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client that may connect."""

    principal: Principal
    subprotocol: str | None = None
    """What to answer in ``Sec-WebSocket-Protocol``; None: no such header."""


class VerificationKey(NamedTuple):
    """A public key and the only algorithm that it verifies."""

    algorithm: str
    key: Any


KeysById = Callable[[str | None], VerificationKey | None]
"""Finds a published key by the id that a token names; None: there is none. Raises ConfigurationError: none is known."""


def authenticate(
    event: Mapping[str, Any], settings: Settings, now: float, published: KeysById | None = None
) -> Authenticated:
    """Decide who opens a connection, from its ``$connect`` event.

    Args:
        event: As API Gateway sends it.
        settings: Of the service.
        now: Unix seconds.
        published: Keys of the identity provider; None: the settings have all keys that there are.

    Raises:
        AuthError: there is no token or it proves nothing (401); a `TenantNotAllowedError` means 403.
        ConfigurationError: there is no usable key to verify with; our fault, not the client's (500).
    """
    offered = _offered_subprotocols(event)
    match settings.authorization:
        case "authorizer":
            principal = _of_authorizer(event, settings)
        case "iam":
            principal = _of_signature(event, settings)
        case _:
            principal = principal_of(token_of(event), settings, now, published)
    return Authenticated(principal, SUBPROTOCOL if SUBPROTOCOL in offered else None)


def token_of(event: Mapping[str, Any]) -> str:
    """The token a client sent: query parameter ``Authorization``, else that header, else a subprotocol offer.

    Raises:
        AuthError: it sent none.
    """
    query = (event.get("queryStringParameters") or {}).get("Authorization")
    for value in (query, _header(event, "authorization")):
        token = without_scheme(value) if isinstance(value, str) else ""
        if token:
            return token
    for offer in _offered_subprotocols(event):
        if offer.startswith(BEARER_SUBPROTOCOL) and offer != BEARER_SUBPROTOCOL:
            return offer.removeprefix(BEARER_SUBPROTOCOL)
    raise AuthError(TOKEN_MISSING)


def principal_of(token: str, settings: Settings, now: float, published: KeysById | None = None) -> Principal:
    """Verify a token and read its claims; arguments as for `authenticate`.

    Raises:
        AuthError, ConfigurationError: as `authenticate`.
    """
    claims = _verified_claims(token, settings, published)
    _check_times(claims, now)
    if settings.jwt_issuer is not None and claims.get("iss") != settings.jwt_issuer:
        raise AuthError(ISSUER_WRONG)
    # Access tokens of Cognito say whom they are for as client_id. [DOC] cognito-docs:the-access-token
    audience = claims["aud"] if "aud" in claims else claims.get("client_id")
    audiences = audience if isinstance(audience, list) else [audience]
    if settings.jwt_audience is not None and settings.jwt_audience not in audiences:
        raise AuthError(AUDIENCE_WRONG)
    return _allowed(
        Principal(
            user_id=_identifier(claims, settings.jwt_user_claim or ("user_id" if "user_id" in claims else "sub")),
            tenant_id=_identifier(claims, settings.jwt_tenant_claim),
            permissions=_permissions(claims, settings.jwt_permissions_claim),
        ),
        settings,
    )


def _of_authorizer(event: Mapping[str, Any], settings: Settings) -> Principal:
    """Whom the App's own authorizer let in: its context has the claims, as texts. [DOC] FIDELITY A34"""
    context = event["requestContext"].get("authorizer") or {}
    who = settings.jwt_user_claim or ("user_id" if "user_id" in context else "principalId")
    permissions = str(context.get(settings.jwt_permissions_claim) or "").replace(",", " ")
    principal = Principal(
        user_id=_identifier(context, who),
        tenant_id=_identifier(context, settings.jwt_tenant_claim),
        permissions=frozenset(permissions.split()),
    )
    return _allowed(principal, settings)


def _of_signature(event: Mapping[str, Any], settings: Settings) -> Principal:
    """Who signed the handshake: a user or a session of a role, of an account of AWS. [DOC] apigw-docs: $context"""
    identity = event["requestContext"].get("identity") or {}
    return _allowed(
        Principal(
            user_id=_identifier(identity, "userArn"),
            tenant_id=_identifier(identity, "accountId"),
            permissions=frozenset(),
        ),
        settings,
    )


def _allowed(principal: Principal, settings: Settings) -> Principal:
    if settings.allowed_tenants is not None and principal.tenant_id not in settings.allowed_tenants:
        raise TenantNotAllowedError(TENANT_NOT_ALLOWED)
    return principal


# the event


def _header(event: Mapping[str, Any], lower_name: str) -> str | None:
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == lower_name), None)


def without_scheme(value: str) -> str:
    """What stands behind ``Bearer`` in a header's value; where that is left out, all of it."""
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value.strip()


def _offered_subprotocols(event: Mapping[str, Any]) -> list[str]:
    offer = _header(event, "sec-websocket-protocol") or ""
    return [name.strip() for name in offer.split(",")]


# the signature


@functools.cache
def _jws() -> PyJWS:
    # With it comes cryptography, a tenth of the start of commands that need no token. `$connect` imports it at once.
    from jwt import PyJWS  # noqa: PLC0415

    return PyJWS()


def _verified_claims(token: str, settings: Settings, published: KeysById | None) -> dict[str, Any]:
    if len(token) > TOKEN_CHARACTERS:
        raise AuthError(TOKEN_MALFORMED)
    keys = _verification_keys(settings.jwt_secret, settings.jwt_public_key) if published is None else {}
    jws = _jws()
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - as `_jws`

    try:
        # PyJWT takes the token apart, strictly; the key, not the token, then says how it must be signed.
        parts = jws.decode_complete(token, options={"verify_signature": False})
        claims = json.loads(parts["payload"])
    except (PyJWTError, ValueError, RecursionError) as error:
        raise AuthError(TOKEN_MALFORMED) from error
    algorithm = parts["header"].get("alg")
    if published is not None:
        keys = _published(published, parts["header"].get("kid"))
    if not isinstance(algorithm, str) or algorithm not in keys:
        raise AuthError(ALGORITHM_NOT_ALLOWED)
    verifier = jws.get_algorithm_by_name(algorithm)
    signed = token.rpartition(".")[0].encode()
    if not verifier.verify(signed, keys[algorithm], parts["signature"]):
        raise AuthError(SIGNATURE_INVALID)
    if not isinstance(claims, dict):
        raise AuthError(TOKEN_MALFORMED)
    return claims


def _published(published: KeysById, key_id: Any) -> Mapping[str, Any]:
    if key_id is not None and not isinstance(key_id, str):
        raise AuthError(TOKEN_MALFORMED)
    found = published(key_id)
    if found is None:
        raise AuthError(KEY_UNKNOWN)
    return {found.algorithm: found.key}


@functools.lru_cache(maxsize=8)
def _verification_keys(secret: str | None, public_key: str | None) -> Mapping[str, Any]:
    """Algorithm to prepared key. Cached: parsing a PEM key costs more than verifying with it."""
    keys: dict[str, Any] = {}
    if secret is not None:
        from jwt.exceptions import InvalidKeyError  # noqa: PLC0415 - as `_jws`

        try:
            keys["HS256"] = _jws().get_algorithm_by_name("HS256").prepare_key(secret)
        except InvalidKeyError as error:
            raise ConfigurationError("JWT_SECRET is an asymmetric key; HS256 needs a random secret") from error
    if public_key is not None:
        algorithm, key = _asymmetric(public_key)
        keys[algorithm] = key
    if not keys:
        raise ConfigurationError("no token can be verified: set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL")
    return keys


def _asymmetric(public_key: str) -> VerificationKey:
    _require_cryptography("JWT_PUBLIC_KEY")
    # Only here: HS256, the default, needs no native library, which keeps the Lambda bundle small and portable.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(public_key.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError("JWT_PUBLIC_KEY is not a readable PEM public key") from error
    found = _strong(key)
    if found is None:
        raise ConfigurationError("JWT_PUBLIC_KEY must be an RSA key of 2048 bits or more, or a P-256 key")
    return found


def key_of_jwk(jwk: Mapping[str, Any]) -> VerificationKey | None:
    """A key as identity providers publish it (RFC 7517); None: it does not verify RS256 or ES256.

    Raises:
        ConfigurationError: the package cryptography is not there.
    """
    _require_cryptography("JWT_JWKS_URL")
    if jwk.get("kty") not in ("RSA", "EC") or jwk.get("use", "sig") != "sig":
        return None
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - as `_jws`

    signer = _jws().get_algorithm_by_name("RS256" if jwk["kty"] == "RSA" else "ES256")
    try:
        found = _strong(signer.from_jwk(dict(jwk)))
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return found if found is not None and jwk.get("alg", found.algorithm) == found.algorithm else None


def _strong(key: Any) -> VerificationKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return VerificationKey("RS256", key)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return VerificationKey("ES256", key)
    return None


def _require_cryptography(setting: str) -> None:
    if importlib.util.find_spec("cryptography") is None:
        raise ConfigurationError(f"{setting} needs the package cryptography: add it to your requirements")


# the claims


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    # RFC 7519, section 4.1.4: not accepted on or after `exp`.
    if now >= _time(claims, "exp"):
        raise AuthError(TOKEN_EXPIRED)
    if "nbf" in claims and _time(claims, "nbf") > now + CLOCK_SKEW_SECONDS:
        raise AuthError(TOKEN_NOT_YET_VALID)
    if "iat" in claims and _time(claims, "iat") > now + CLOCK_SKEW_SECONDS:
        raise AuthError(ISSUED_IN_FUTURE)


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = _required(claims, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise AuthError(CLAIM_INVALID)
    return value


def _identifier(claims: Mapping[str, Any], name: str) -> str:
    value = _required(claims, name)
    if not isinstance(value, str) or not is_identifier(value):
        raise AuthError(CLAIM_INVALID)
    return value


def is_identifier(value: str) -> bool:
    """Whether a user or a tenant may be called so."""
    # Nobody sees blanks at the ends, and it would be another user.
    return 0 < len(value) <= IDENTIFIER_CHARACTERS and value.isprintable() and value == value.strip()


def _permissions(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    value = claims.get(name)
    if value is None:
        return frozenset()
    if name == "scope" and isinstance(value, str):
        return frozenset(value.split())  # RFC 8693, 4.2
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise AuthError(CLAIM_INVALID)
    return frozenset(value)


def _required(claims: Mapping[str, Any], name: str) -> Any:
    if claims.get(name) is None:
        raise AuthError(CLAIM_MISSING)
    return claims[name]


# minting


def _wanted_claims(wanted: Mapping[str, str], user_id: str, tenant_id: str, permissions: list[str]) -> dict[str, Any]:
    held_in = wanted.get("JWT_PERMISSIONS_CLAIM")
    said = {
        "iss": wanted.get("JWT_ISSUER"),
        "aud": wanted.get("JWT_AUDIENCE"),
        wanted.get("JWT_USER_CLAIM"): user_id,
        wanted.get("JWT_TENANT_CLAIM"): tenant_id,
        held_in: " ".join(permissions) if held_in == "scope" else permissions,
    }
    return {claim: value for claim, value in said.items() if claim is not None and value is not None}


def mint(
    key: str,
    *,
    user_id: str,
    tenant_id: str,
    now: float,
    permissions: Iterable[str] = (),
    expires_in_seconds: float = 86_400,
    claims: Mapping[str, Any] | None = None,
    wanted: Mapping[str, str] | None = None,
    algorithm: str = "HS256",
) -> str:
    """Make a token as `authenticate` accepts it, for tests and local use.

    Args:
        key: The secret, or the private key in PEM for RS256 and ES256.
        user_id: Who.
        tenant_id: Of which tenant.
        now: Unix seconds; the token is issued at this time.
        permissions: What the user may do.
        expires_in_seconds: Life of the token.
        claims: Further claims; they win over all others.
        wanted: What the service that is to accept it wants, as `streamer.settings.wanted_of` has it; None: no more.
        algorithm: HS256, RS256 or ES256.

    Raises:
        ConfigurationError: the key does not fit the algorithm.
    """
    held = sorted(permissions)
    content = {
        "user_id": user_id,
        "tenant_id": tenant_id,
        "permissions": held,
        "iat": int(now),
        "exp": math.ceil(now + expires_in_seconds),
        **_wanted_claims(wanted or {}, user_id, tenant_id, held),
        **(claims or {}),
    }
    signed = f"{_segment({'alg': algorithm, 'typ': 'JWT'})}.{_segment(content)}"
    return f"{signed}.{_base64url(_signature(key, algorithm, signed.encode()))}"


def _signature(key: str, algorithm: str, signed: bytes) -> bytes:
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - as `_jws`

    signer = _jws().get_algorithm_by_name(algorithm)
    try:
        return signer.sign(signed, signer.prepare_key(key))
    except (PyJWTError, ValueError, TypeError) as error:
        raise ConfigurationError(f"the key cannot sign {algorithm} tokens") from error


def _segment(content: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
