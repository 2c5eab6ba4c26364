"""What ``streamer emulate --static`` serves: a folder's pages, with tokens of whoever develops the service."""

from __future__ import annotations

import functools
from typing import Final

from streamer.errors import ConfigurationError

from ...port.origin import is_loopback
from ...port.static import Pages
from ..here.identity import Access
from ..options import EmulateOptions
from .banner import minted

TOKEN_SECONDS: Final = 15 * 60
"""How long a token for a page is good: short, so that its refreshing is seen to work."""


def pages_of(options: EmulateOptions, access: Access) -> Pages | None:
    """The pages; None: there are none.

    Raises:
        ConfigurationError: the port is open to a network, whose machines would get tokens too.
    """
    if options.static is None:
        return None
    if not is_loopback(options.host):
        raise ConfigurationError("--static gives its pages tokens, so it is for the loopback only; leave out --host")
    secret = access.secret
    token = None if secret is None else functools.partial(minted, secret, access, TOKEN_SECONDS)
    return Pages(folder=options.static, token=token)
