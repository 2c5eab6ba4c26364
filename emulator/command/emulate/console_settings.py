"""Whether ``streamer emulate`` has a console, and what it shows of the service besides its traffic."""

from __future__ import annotations

import functools
from pathlib import Path

from streamer.errors import ConfigurationError

from ...console.settings import ConsoleSettings
from ...port.origin import is_loopback
from ..here.identity import PUBLIC_KEY, PUBLISHED_KEYS, Access
from ..options import EmulateOptions
from ..reloading.described_now import described_now
from ..targets.target import Target


def console_of(options: EmulateOptions, target: Target, access: Access, folder: Path) -> ConsoleSettings | bool:
    """What the console is told of the service of a project in ``folder``; False: there is none.

    Raises:
        ConfigurationError: spans are to be sent, or another name to be known, and nothing is recorded, or nowhere.
    """
    wanted = is_loopback(options.host) if options.console is None else options.console
    if options.otlp is not None:
        from ...console.exporting.collector import endpoint  # noqa: PLC0415 - only who wants it pays for its import

        endpoint(options.otlp)
        if not wanted:
            raise ConfigurationError("--otlp sends what the console records, and there is none: say --console")
    if options.allowed_hosts and not wanted:
        raise ConfigurationError("--allow-host is another name of the console, and there is none: say --console")
    return wanted and ConsoleSettings(
        target=target.name,
        actions=target.actions,
        is_app=target.is_app,
        secret=access.secret,
        wanted=access.wanted,
        why_no_tokens=_why_no_tokens(target, access),
        user=access.identity.user,
        tenant=access.identity.tenant,
        permissions=access.identity.permissions,
        allowed_hosts=options.allowed_hosts,
        otlp=options.otlp,
        describe=functools.partial(described_now, target.name, folder) if target.is_app else None,
    )


def _why_no_tokens(target: Target, access: Access) -> str:
    if access.verifies_with in (PUBLIC_KEY, PUBLISHED_KEYS):
        return f"only {access.verifies_with} is known, which verifies tokens"
    return "plain handlers have tokens of their own, or none" if not target.is_app else ""
