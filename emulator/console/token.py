"""The token of the console's API: one for each project, kept beside its other secrets, so that open tabs stay valid."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

from ..foundation.files import write_whole

FILE: Final = "console-token"
TOKEN_BYTES: Final = 32


def console_token(folder: Path) -> str:
    """The token kept in a folder; made, readable by its owner only, where there is none.

    Raises:
        ConfigurationError: the file cannot be made or read, or holds something else.
    """
    path = folder / FILE
    try:
        if not path.exists():
            write_whole(path, f"{secrets.token_urlsafe(TOKEN_BYTES)}\n".encode(), mode=0o600, replaces=False)
        path.chmod(0o600)  # copied or checked out by a tool that does not keep modes
    except OSError as error:
        raise ConfigurationError(f"the console's token {path} cannot be made ({error.strerror})") from error
    found = kept_token(folder)
    if found is None:
        raise ConfigurationError(f"{path} holds no usable token; delete it and a new one is made")
    return found


def kept_token(folder: Path) -> str | None:
    """The token kept in a folder; None: there is none.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        text = (folder / FILE).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the console's token {folder / FILE} cannot be read ({error})") from error
    return text if len(text) >= TOKEN_BYTES else None
