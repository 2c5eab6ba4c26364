"""Lets clients that functions share in one process sign as the function that uses them.

A module that several functions have in common makes its clients once, with the credentials of whichever function was
first. On Lambda each function has a module of its own. botocore asks its credentials for a frozen copy whenever it
signs, and that is where the function is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ...iam.keys import Keys

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

_EXPLICIT: Final = "explicit"
"""botocore's name for credentials that code named."""
_EVER_GIVEN: Final[set[str]] = set()
"""Access keys of all functions that ran in this process: boto3's session keeps those it began with, also when the
emulator that they belong to is gone, and whoever signs with unknown keys is taken for the account's owner."""


def know(access_key_id: str) -> None:
    """Take an access key for a function's from now on."""
    _EVER_GIVEN.add(access_key_id)


def sign_as(owner: Keys, current: Callable[[], Keys | None]) -> Callable[[], None]:
    """Exchange credentials of functions for those of the current function whenever something is signed with them.

    So are those that botocore found by itself, perhaps before there was a function: on Lambda the function's own are
    all that it finds. Credentials that code names itself are left alone. Imports botocore, which is a sixth of all that
    a start does with functions in threads.

    Args:
        owner: What is signed with where no function runs, though the client was made by one.
        current: What the function signs with that the calling thread runs; None: it runs none.

    Returns:
        What ends that.
    """
    from botocore.credentials import Credentials, ReadOnlyCredentials  # noqa: PLC0415 - see above

    original = Credentials.get_frozen_credentials

    def get_frozen_credentials(self: Any) -> ReadOnlyCredentials:
        frozen = original(self)
        keys = current()
        if frozen.access_key not in _EVER_GIVEN and (keys is None or self.method == _EXPLICIT):
            return frozen
        keys = keys or owner
        return ReadOnlyCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)

    Credentials.get_frozen_credentials = get_frozen_credentials

    def end() -> None:
        Credentials.get_frozen_credentials = original

    return end
