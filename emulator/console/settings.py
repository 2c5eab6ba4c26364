"""What whoever starts the emulator tells the console of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """All of it may be left out."""

    target: str = ""
    """What is emulated, as the user named it."""
    actions: tuple[str, ...] = ()
    """The App's."""
    is_app: bool = False
    secret: str | None = None
    """Signs tokens that the service accepts; None: the console cannot make any."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """What these have to claim; see `streamer.settings.wanted_of`."""
    why_no_tokens: str = "the service is made of plain handlers, which have tokens of their own or none"
    """Said where there is no secret."""
    user: str = "developer"
    """As whom a developer connects who says nothing else."""
    tenant: str = "local"
    permissions: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which the emulator is reached."""
    describe: Callable[[], Awaitable[Mapping[str, Any]]] | None = None
    """What clients can ask the App for, as its code is now: the plain document of ``streamer describe``. It raises
    ConfigurationError. None: only plain handlers' code knows what they take."""

    otlp: str | None = None
    """URL of a collector of OpenTelemetry that is sent what is recorded; None: nobody is."""

    def __repr__(self) -> str:
        return f"ConsoleSettings(target={self.target!r})"
