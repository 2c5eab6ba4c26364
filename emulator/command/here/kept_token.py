"""The token that commands last made here for the developer: to sign one, they would import cryptography."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from streamer.project import own_file

from ...foundation.files import PRIVATE, write_whole
from .identity import Identity

FILE: Final = "token.json"
LIFE_SECONDS: Final = 7200.0
LEAST_SECONDS: Final = 3600.0
"""For how long a token has to be good still: whoever gets it may open lost connections again for as long."""


def kept_token(
    state_folder: Path,
    secret: str,
    who: Identity,
    wanted: Mapping[str, str],
    *,
    make: Callable[[float], str],
    now: float,
) -> str:
    """A token for these: the one in the folder if it is good for long enough, else a new one, which is kept there.

    The file is as private as the development secret beside it, and is believed by nobody who does not know the secret:
    it has a hash of both. Where there is no such folder, nothing is kept.

    Args:
        state_folder: what streamer keeps of the project.
        secret: signs.
        who: whom the token is for.
        wanted: what it has to claim; see `streamer.settings.wanted_of`.
        make: makes one that is good for so many seconds.
        now: Unix seconds.
    """
    path = state_folder / FILE
    whose = [secret, who.user, who.tenant, *who.permissions, *(f"{name}={wanted[name]}" for name in sorted(wanted))]
    mark = hashlib.sha256(json.dumps(whose).encode()).hexdigest()
    kept = _read(path, mark, now)
    if kept is not None:
        return kept
    token = make(LIFE_SECONDS)
    if state_folder.is_dir():
        content = {"for": mark, "expires": now + LIFE_SECONDS, "token": token}
        with contextlib.suppress(OSError):  # the next command makes one again
            write_whole(path, f"{json.dumps(content)}\n".encode(), mode=PRIVATE)
    return token


def _read(path: Path, mark: str, now: float) -> str | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):  # none, or none of ours
        content = json.loads(own_file(path))
        if content["for"] == mark and LEAST_SECONDS <= content["expires"] - now <= LIFE_SECONDS:
            return str(content["token"])
    return None
