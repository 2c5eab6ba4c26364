"""What clients of AWS are told that talk to an emulator, as nobody's: nothing that is the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from streamer.aws_limits import LOOPBACK

SESSION_VARIABLES: Final[Mapping[str, tuple[None, None, str | None, None]]] = {
    name: (None, None, instead, None)
    for name, instead in (("profile", None), ("config_file", os.devnull), ("credentials_file", os.devnull))
}
"""Of botocore's session: it reads no profile and no file of the user's, and no variable that names one. Those are for
AWS, and whatever is wrong with them is no matter here."""


def proxies(url: str) -> Mapping[str, str] | None:
    """What botocore's configuration says of proxies to a URL: none to this machine, which no proxy reaches.

    None: what the environment says.
    """
    return {} if urlsplit(url).hostname in LOOPBACK else None
