"""What ``streamer emulate`` tells a user once everything accepts traffic."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from streamer.auth import mint

from ..emulator import Emulator
from .target import DEMO, Target

TOKEN_SECONDS: Final = 24 * 3600
BOLD: Final = "\x1b[1m"
RESET: Final = "\x1b[0m"


def banner(
    emulator: Emulator, target: Target, environment: Mapping[str, str], *, command: str, is_terminal: bool
) -> str:
    """The lines to print, with a token to try the service with where we hold the secret that signs them.

    ``command`` is what starts streamer in this shell.
    """
    url = emulator.websocket_url
    token = _token(environment) if target.is_app else None
    told = [] if target.template is None else ["", *target.template.lines()]
    lines = [
        f"{_bold('streamer', is_terminal)} emulates {_bold(target.name, is_terminal)}",
        *told,
        "",
        *(f"  WebSocket     {each}" for each in emulator.websocket_urls),
        f"  @connections  {emulator.management_url}",
        f"  DynamoDB      {emulator.dynamodb_url}",
        f"  TLS           the same port; trust {emulator.authority.ca_file}",
        "",
    ]
    if token is not None:
        lines += [
            "Connect (this token is good for 24 hours):",
            f'  wscat -c "{url}?Authorization={token}"',
            "",
            "Or call an action from another shell:",
            f"  {command} call " + ("echo '{\"a\": 1}'" if target.name == DEMO else "ping"),
        ]
    elif target.is_app:
        lines += ["Connect with a token that your JWT_PUBLIC_KEY verifies:", f'  wscat -c "{url}?Authorization=TOKEN"']
    else:
        lines += ["Connect:", f'  wscat -c "{url}"']
    return "\n".join([*lines, "", "Stop with Ctrl-C."])


def _token(environment: Mapping[str, str]) -> str | None:
    secret = environment.get("JWT_SECRET")
    if not secret:
        return None
    tenants = environment.get("ALLOWED_TENANTS", "").split(",")
    return mint(
        secret,
        user_id="demo-user",
        tenant_id=tenants[0].strip() or "demo-tenant",
        now=time.time(),
        expires_in_seconds=TOKEN_SECONDS,
    )


def _bold(text: str, is_terminal: bool) -> str:
    return f"{BOLD}{text}{RESET}" if is_terminal else text
