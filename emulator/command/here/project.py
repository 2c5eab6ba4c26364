"""What other commands know of the project they are called in: its emulator, its keys, and who its developer is."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamer.aws_limits import LOOPBACK
from streamer.errors import ConfigurationError
from streamer.project import folder_of, read, variables

from .development_secret import FOLDER
from .identity import DEVELOPMENT, SHELL, Identity, SigningKey, is_here, signing_key
from .kept_token import kept_token
from .ready_file import FILE, Ready, running, trusted_ca_file

_SHOWN_CHARACTERS: Final = 40
"""Of a value that is too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The project that a command is called in."""

    folder: Path
    environment: Mapping[str, str]
    """The shell's variables, and those of ``.env``."""
    ready: Ready | None
    """The emulator that runs there; None: none does."""

    @property
    def state_folder(self) -> Path:
        """What streamer keeps there."""
        return self.folder / FOLDER

    @property
    def said(self) -> Mapping[str, str]:
        """What a service is told that starts here: that, and what ``streamer.toml`` says, which wins.

        Raises:
            ConfigurationError: the file cannot be read, or makes no sense.
        """
        return {**self.environment, **read(self.folder).environment}

    @property
    def wanted(self) -> Mapping[str, str]:
        """What tokens for the service here have to claim; raises as `said`."""
        from streamer.settings import wanted_of  # noqa: PLC0415 - as `mint`

        return self.ready.wanted if self.ready is not None else wanted_of(self.said)

    @property
    def websocket_url(self) -> str | None:
        """Of the emulator that runs here. Only on this machine: a folder's files must not say who gets a token."""
        if self.ready is None or not is_here(self.ready.websocket_url, LOOPBACK):
            return None
        return self.ready.websocket_url

    def identity(
        self,
        user: str | None,
        tenant: str | None,
        permissions: tuple[str, ...],
        *,
        told: Mapping[str, str] | None = None,
    ) -> Identity:
        """The developer's, or what the options say instead; another user may do only what is said.

        ``told`` is what a stage on AWS is told, whose tenants may be others. None: it is for the service here.

        Raises:
            ConfigurationError: no service takes such a user or tenant.
        """
        for option, value in (("--user", user), ("--tenant", tenant)):
            if value is not None:
                _require_identifier(option, value)
        known = self.ready.identity if self.ready is not None else Identity.of_developer(self.said)
        if told is not None:
            known = Identity.of_developer(told, known.permissions)
        held = permissions or (known.permissions if user in (None, known.user) else ())
        return Identity(user=user or known.user, tenant=tenant or known.tenant, permissions=held)

    def key(self, secret: str | None, *, makes: bool) -> SigningKey:
        """What to sign tokens with; see `signing_key`."""
        if secret:
            return SigningKey(secret, "--secret")
        running = self.ready.verifies_with or None if self.ready is not None else None
        # Who runs with a secret of its own making is not asked what streamer.toml says.
        said = self.environment if running == DEVELOPMENT else self.said
        return signing_key(self.state_folder, said, running, makes=makes)

    def mint(
        self,
        key: SigningKey,
        who: Identity,
        *,
        expires_in_seconds: float = 3600.0,
        claims: Mapping[str, Any] | None = None,
        wanted: Mapping[str, str] | None = None,
    ) -> str:
        """A token; ``wanted`` is what it has to claim, None: what the service here wants."""
        from streamer.auth import mint  # noqa: PLC0415 - a JWT library, which not every command needs

        return mint(
            key.secret,
            user_id=who.user,
            tenant_id=who.tenant,
            permissions=who.permissions,
            now=time.time(),
            expires_in_seconds=expires_in_seconds,
            claims=claims,
            wanted=self.wanted if wanted is None else wanted,
        )

    def token_for(self, url: str, who: Identity) -> str | None:
        """A token for a service on this machine; None: plain handlers, which want none of ours.

        Raises:
            ConfigurationError: the service is another machine's, or there is no key to be had.
        """
        if not is_here(url, LOOPBACK):
            raise ConfigurationError("a service on another machine needs --token; only this one's are made here")
        if self.ready is not None and self.ready.verifies_with == "own":
            return None
        key = self.key(None, makes=False)
        return kept_token(
            self.state_folder,
            key.secret,
            who,
            self.wanted,
            make=lambda seconds: self.mint(key, who, expires_in_seconds=seconds),
            now=time.time(),
        )

    def trusted_ca_file(self, url: str) -> str | None:
        """The certificate to trust for a URL beyond those of the system; see `ready_file.trusted_ca_file`."""
        return trusted_ca_file(url, self.folder / FILE)

    @property
    def refused(self) -> str:
        """What to say when a service on this machine refuses a token that was made here."""
        if self.ready is None:
            return f"no emulator runs in {self.folder} or above: go to the folder of the one that does, or give --token"
        if self.ready.verifies_with == SHELL:
            return (
                f"the emulator of {self.folder} verifies tokens with its JWT_SECRET; this shell's JWT_SECRET is another"
            )
        key = f"the {DEVELOPMENT} in {self.state_folder}"
        return f"the token is signed with {key}, as the emulator of {self.folder} wants it; is the URL another's?"


def _require_identifier(option: str, value: str) -> None:
    from streamer.auth import IDENTIFIER_CHARACTERS, is_identifier  # noqa: PLC0415 - as `mint`

    if not is_identifier(value):
        shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}..."
        most = f"at most {IDENTIFIER_CHARACTERS} characters, all of which can be printed, and no blanks around them"
        raise ConfigurationError(f"{option} {shown!r} is refused by every service; write {most}")


def here() -> Here:
    """The project of the current folder, or of one above it.

    Raises:
        ConfigurationError: its ``.env`` cannot be read.
    """
    folder = folder_of(Path.cwd())
    return Here(folder=folder, environment=variables(folder, os.environ), ready=running(folder / FILE))
