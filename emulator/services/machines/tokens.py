"""Tokens of tasks, which say whose task it is: who sends one back needs a right on its machine. Pure."""

from __future__ import annotations

import base64


def token_of(machine: str, random: str) -> str:
    """A token for a task of the machine of that ARN; ``random`` is what nobody guesses."""
    return f"{base64.urlsafe_b64encode(machine.encode()).decode().rstrip('=')}.{random}"


def machine_of(token: str) -> str | None:
    """The ARN of the machine whose task waits for a token; None: it is no token of a task."""
    written, separator, _ = token.partition(".")
    try:
        found = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()
    except ValueError:
        return None
    return found if separator and found.startswith("arn:") else None
