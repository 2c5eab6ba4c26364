"""The environment, read once into frozen settings; nothing else in the runtime reads it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from streamer.aws_limits import FUNCTION_SECONDS, STAGE_NAME
from streamer.errors import ConfigurationError
from streamer.records import KEPT_SECONDS

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhdw]?)")
_LONGEST_SECONDS: Final = 100 * 365 * 86_400


def parse_duration(text: str) -> float:
    """Seconds in a duration such as ``90s``, ``15m``, ``24h``, ``7d``, ``2w``; a bare number is seconds.

    Raises:
        ValueError: it is none, not above 0, or over 100 years; the message is one line for the user.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is not a duration: write a number above 0 and s, m, h, d or w, such as 90s or 24h")
    return seconds


SECRET_BYTES: Final = 32
"""Shortest ``JWT_SECRET`` in production, in bytes, and the randomness of one that is made: HS256 wants a key as
long as its hash. [DOC] RFC 7518 section 3.2"""

AUTHORIZATIONS: Final = ("token", "authorizer", "iam")
"""``$connect`` verifies a token, or API Gateway has asked a Lambda authorizer, or verified an AWS signature."""

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
"""What ``LOG_LEVEL`` may be, from most to least talkative."""

LEAST_KEPT_SECONDS: Final = int(FUNCTION_SECONDS)
"""So long may the last attempt go on that a request's end has overtaken: what it ran for must still be there."""

_APP: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
# [DOC] ddb-docs:HowItWorks.NamingRulesDataTypes: 3 to 255 of these; 55 are left for the tables' own names.
_TABLE_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{0,200}")
# [DOC] apigw-docs: names of stages; `$default` is for HTTP APIs only.


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this service is set up. Secrets do not show in its ``repr``."""

    authorization: str = "token"
    """``STREAMER_AUTHORIZATION``, one of `AUTHORIZATIONS`: who lets clients in. What an authorizer's context or a
    signature says is API Gateway's word, and is believed."""
    jwt_secret: str | None = field(default=None, repr=False)
    """``JWT_SECRET``: tokens signed with HS256 are accepted. None: they are not."""
    jwt_public_key: str | None = field(default=None, repr=False)
    """``JWT_PUBLIC_KEY``, PEM: tokens signed with RS256 (RSA) or ES256 (P-256) are accepted. None: they are not."""
    jwt_jwks_url: str | None = None
    """``JWT_JWKS_URL``: where an identity provider (Cognito, Auth0, Entra ID) publishes its keys; tokens that these
    verify are accepted, and no others. None: nobody publishes any."""
    jwt_user_claim: str | None = None
    """``JWT_USER_CLAIM``: the claim that says who. None: ``user_id``, else ``sub``."""
    jwt_tenant_claim: str = "tenant_id"
    """``JWT_TENANT_CLAIM``: the claim that says of which tenant, such as ``custom:tenant_id``."""
    jwt_permissions_claim: str = "permissions"
    """``JWT_PERMISSIONS_CLAIM``: the claim with a list of permissions, such as ``cognito:groups``; or ``scope``."""
    jwt_issuer: str | None = None
    """``JWT_ISSUER``: what ``iss`` must be. None: anything."""
    jwt_audience: str | None = None
    """``JWT_AUDIENCE``: what ``aud`` must be or contain. None: anything."""
    allowed_tenants: frozenset[str] | None = None
    """``ALLOWED_TENANTS``, separated by commas. None: all tenants."""
    table_prefix: str = "streamer_"
    """``TABLE_PREFIX``: begins the names of all tables."""
    app: str | None = None
    """``STREAMER_APP``: the user's App as ``module:attribute``. None: not said."""
    service: str = "streamer"
    """``STREAMER_SERVICE``: tells services of one account apart in metrics."""
    stage: str = "dev"
    """``STREAMER_STAGE``."""
    production: bool = True
    """``STREAMER_ENV`` is ``production`` (also when unset, so nothing leaks by an omission) or ``development``."""
    log_level: str = "INFO"
    """``LOG_LEVEL``, one of `LOG_LEVELS`."""
    connection_ttl_seconds: int = 86_400
    """``CONNECTION_TTL_SECONDS``: how long the row of a connection is kept; connections live 2 h at most."""
    request_ttl_seconds: int = KEPT_SECONDS
    """``REQUEST_TTL_SECONDS``: how long a request and its result are kept after its end."""
    queue_threshold_seconds: float = 5.0
    """``QUEUE_THRESHOLD_SECONDS``: actions estimated to run longer than this are queued."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Parse environment variables; an empty one counts as unset.

        Raises:
            ConfigurationError: a value makes no sense; the message names the variable.
        """
        reader = _Reader(environ)
        production = reader.choice("STREAMER_ENV", ("production", "development"), "production") == "production"
        return cls(
            authorization=reader.choice("STREAMER_AUTHORIZATION", AUTHORIZATIONS, "token"),
            jwt_secret=reader.secret("JWT_SECRET", production=production),
            jwt_public_key=reader.public_key("JWT_PUBLIC_KEY"),
            jwt_jwks_url=reader.published_keys("JWT_JWKS_URL"),
            jwt_user_claim=reader.text("JWT_USER_CLAIM"),
            jwt_tenant_claim=reader.text("JWT_TENANT_CLAIM") or "tenant_id",
            jwt_permissions_claim=reader.text("JWT_PERMISSIONS_CLAIM") or "permissions",
            jwt_issuer=reader.text("JWT_ISSUER"),
            jwt_audience=reader.text("JWT_AUDIENCE"),
            allowed_tenants=reader.names("ALLOWED_TENANTS"),
            table_prefix=reader.match("TABLE_PREFIX", _TABLE_PREFIX, "letters, digits and _.-") or "streamer_",
            app=reader.match("STREAMER_APP", _APP, "module:attribute, such as app:app"),
            service=reader.text("STREAMER_SERVICE") or "streamer",
            stage=reader.match("STREAMER_STAGE", STAGE_NAME, "letters, digits and _-") or "dev",
            production=production,
            log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, "INFO"),
            connection_ttl_seconds=reader.whole("CONNECTION_TTL_SECONDS", 86_400),
            request_ttl_seconds=reader.whole("REQUEST_TTL_SECONDS", KEPT_SECONDS, least=LEAST_KEPT_SECONDS),
            queue_threshold_seconds=reader.seconds("QUEUE_THRESHOLD_SECONDS", 5.0),
        )

    @property
    def metric_dimensions(self) -> dict[str, str]:
        """The dimensions that every metric of this service carries; alarms are declared with the same."""
        return {"Service": self.service, "Stage": self.stage}


_SAYS_WHAT_IS_WANTED: Final = (
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "JWT_USER_CLAIM",
    "JWT_TENANT_CLAIM",
    "JWT_PERMISSIONS_CLAIM",
)


def wanted_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a service that say what it wants tokens to claim; those that are set."""
    return {name: value.strip() for name in _SAYS_WHAT_IS_WANTED if (value := environment.get(name, "")).strip()}


def require_sense(environment: Mapping[str, str], later: Collection[str] = ()) -> None:
    """Refuse what a function of a service would refuse with each event, before it is told that, here or on AWS.

    Args:
        environment: What it is to be told.
        later: Variables whose values are not known yet. Those of tokens need each other: with one of them nothing is
            refused.

    Raises:
        ConfigurationError: a value makes no sense; the message names the variable.
    """
    if not any(name.startswith("JWT_") for name in later):
        Settings.from_environ({name: value for name, value in environment.items() if name not in later})


def current() -> Settings:
    """The settings of this process, parsed anew at each call; keep the result.

    Raises:
        ConfigurationError: as `Settings.from_environ`.
    """
    return Settings.from_environ(os.environ)


def environment() -> MutableMapping[str, str]:
    """This process's environment, for collaborators that take one (credentials, Region, endpoints, secrets)."""
    return os.environ


def region_of(environ: Mapping[str, str]) -> str | None:
    """The Region that the SDKs go by; None: the variables name none. [DOC] sdkref: feature-region"""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


TRACE_VARIABLE: Final = "_X_AMZN_TRACE_ID"
"""``Root=...;Parent=...;Sampled=1`` of the invocation. [DOC] lambda-docs:configuration-envvars"""
SAMPLED: Final = "Sampled=1"
"""Stands in `TRACE_VARIABLE` if X-Ray records the invocation. [DOC] xray-docs:xray-concepts"""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Typed access to one environment; every method returns None, or the default, for an unset variable."""

    environ: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.environ.get(name, "").strip() or None

    def match(self, name: str, pattern: re.Pattern[str], what: str) -> str | None:
        value = self.text(name)
        if value is not None and not pattern.fullmatch(value):
            raise ConfigurationError(f"{name} is {value!r}, but must be {what}")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name)
        if value is None:
            return default
        for known in allowed:
            if known.casefold() == value.casefold():
                return known
        raise ConfigurationError(f"{name} is {value!r}, but must be one of {', '.join(allowed)}")

    def names(self, name: str) -> frozenset[str] | None:
        value = self.text(name)
        if value is None:
            return None
        names = frozenset(part.strip() for part in value.split(",")) - {""}
        if not names:
            raise ConfigurationError(f"{name} is {value!r}, which names nobody; unset it to allow everyone")
        return names

    def secret(self, name: str, *, production: bool) -> str | None:
        # Not stripped: a blank may well be part of a secret.
        value = self.environ.get(name) or None
        if value is None:
            return None
        if value.lstrip().startswith("-----BEGIN"):
            raise ConfigurationError(f"{name} holds a PEM key; put a public key into JWT_PUBLIC_KEY instead")
        size_bytes = len(value.encode(errors="surrogateescape"))
        if production and size_bytes < SECRET_BYTES:
            raise ConfigurationError(
                f"{name} has {size_bytes} bytes, but HS256 needs at least {SECRET_BYTES} in production; "
                'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        return value

    def public_key(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        # Many tools cannot put line breaks into a variable and write \n instead.
        value = value.replace("\\n", "\n")
        if not value.startswith("-----BEGIN ") or "PUBLIC KEY-----" not in value.partition("\n")[0]:
            raise ConfigurationError(f"{name} must be a PEM public key that begins with -----BEGIN PUBLIC KEY-----")
        return value

    def published_keys(self, name: str) -> str | None:
        url = self.text(name)
        if url is None:
            return None
        if re.fullmatch(r"https://[^\s/]+/\S+|http://(127\.0\.0\.1|localhost)(:\d+)?/\S+", url) is None:
            raise ConfigurationError(
                f"{name} is {url!r}, but must be an https URL, such as https://example.auth0.com/.well-known/jwks.json"
            )
        for other in ("JWT_SECRET", "JWT_PUBLIC_KEY"):
            if self.environ.get(other):
                raise ConfigurationError(f"{name} and {other} are both set; one of them says which tokens are good")
        if self.text("JWT_ISSUER") is None:
            raise ConfigurationError(f"{name} needs JWT_ISSUER: providers publish one set of keys for many issuers")
        return url

    def whole(self, name: str, default: int, *, least: int = 1) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) < least:
            raise ConfigurationError(f"{name} is {value!r}, but must be a whole number of seconds, {least} or more")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name)
        if value is None:
            return default
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise ConfigurationError(f"{name} is {value!r}, but must be a number of seconds, 0 or more")
        return seconds
