"""Who a developer is to a service that runs here, and which key signs that: one rule for all commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from streamer.errors import ConfigurationError

from .development_secret import development_secret, kept_secret

USER: Final = "developer"
TENANT: Final = "local"
PERMISSIONS: Final = ("requests:cancel", "topics:publish")
"""What a developer may do besides what the actions of the App ask for."""

SHELL: Final = "JWT_SECRET"
DEVELOPMENT: Final = "development secret"
PUBLIC_KEY: Final = "JWT_PUBLIC_KEY"
PUBLISHED_KEYS: Final = "JWT_JWKS_URL"
OWN: Final = "own"
"""Plain handlers decide for themselves."""
IAM: Final = "IAM"
"""API Gateway verifies who signed the handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user of a tenant and what it may do."""

    user: str = USER
    tenant: str = TENANT
    permissions: tuple[str, ...] = PERMISSIONS

    @classmethod
    def of_developer(cls, environment: Mapping[str, str], permissions: Iterable[str] = ()) -> Identity:
        """Everybody's where nobody says otherwise: in the first tenant that may come in, with all permissions."""
        tenant = environment.get("ALLOWED_TENANTS", "").split(",")[0].strip()
        return cls(tenant=tenant or TENANT, permissions=tuple(sorted({*PERMISSIONS, *permissions})))

    @classmethod
    def of_json(cls, found: Any) -> Identity:
        """As the ready file has it; raises ValueError, TypeError or KeyError for anything else."""
        return cls(
            user=str(found["user"]),
            tenant=str(found["tenant"]),
            permissions=tuple(str(each) for each in found["permissions"]),
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret, and where it is from."""

    secret: str
    source: str
    """`SHELL`, `DEVELOPMENT` or ``--secret``."""
    is_new: bool = False
    """Whether a development secret was made for this."""

    def __repr__(self) -> str:
        return f"SigningKey(source={self.source!r}, is_new={self.is_new})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a developer gets into the service that is emulated."""

    identity: Identity
    verifies_with: str
    secret: str | None
    """Signs tokens; None: the service verifies them in another way."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """What tokens have to claim beside that; see `streamer.settings.wanted_of`."""

    def __repr__(self) -> str:
        return f"Access(identity={self.identity!r}, verifies_with={self.verifies_with!r})"


def key_kind(environment: Mapping[str, str], *, is_app: bool, is_signed: bool = False) -> str:
    """With what an emulator verifies tokens, for the ready file; ``environment`` is what it is told."""
    if is_signed:
        return IAM
    if not is_app:
        return OWN
    if environment.get("JWT_SECRET"):
        return SHELL
    return next((name for name in (PUBLIC_KEY, PUBLISHED_KEYS) if environment.get(name)), DEVELOPMENT)


def signing_key(state_folder: Path, environment: Mapping[str, str], running: str | None, *, makes: bool) -> SigningKey:
    """What to sign a token with so that the service accepts it.

    Args:
        state_folder: of the project.
        environment: the shell's variables and those of ``.env``.
        running: with what the emulator that runs there verifies, as `key_kind` says; None: none runs.
        makes: whether to make a development secret where there is none.

    Raises:
        ConfigurationError: there is no key to be had that the service would accept; the message says what to do.
    """
    shell = environment.get("JWT_SECRET")
    if running == IAM:
        raise ConfigurationError("the emulator here verifies signatures of AWS, and no tokens; `streamer call` signs")
    if running in (PUBLIC_KEY, PUBLISHED_KEYS, OWN):
        kind = "code of its own" if running == OWN else running
        raise ConfigurationError(f"the emulator here verifies tokens with {kind}; give one with --token")
    if shell and running != DEVELOPMENT:
        return SigningKey(shell, SHELL)
    if running == SHELL:
        raise ConfigurationError(
            f"the emulator of {state_folder.parent} verifies tokens with a JWT_SECRET that this shell does not have; "
            "export it, or put it into .env for both"
        )
    if makes:
        made = development_secret(state_folder)
        return SigningKey(made.value, DEVELOPMENT, made.is_new)
    kept = kept_secret(state_folder)
    if kept is None:
        raise ConfigurationError(
            f"no emulator runs in {state_folder.parent} or above, and there is no JWT_SECRET; "
            "start `streamer emulate`, go to its folder, or give --token"
        )
    return SigningKey(kept, DEVELOPMENT)


def is_here(url: str, loopback: Iterable[str]) -> bool:
    """Whether a URL is one of this machine: nobody else gets a token that was made without being asked for."""
    try:
        return urlsplit(url).hostname in tuple(loopback)
    except ValueError:  # who connects says so better
        return False
