"""Lets clients that functions share in one process sign as the function that uses them.

A module that several functions have in common makes its clients once, with the credentials of whichever function was
first. On Lambda each function has a module of its own. botocore asks its credentials for a frozen copy whenever it
signs, and that is where the function is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final

from botocore.credentials import Credentials, ReadOnlyCredentials

from ...iam.keys import Keys

_EVER_GIVEN: Final[set[str]] = set()
"""Access keys of all functions that ran in this process: boto3's session keeps those it began with, also when the
emulator that they belong to is gone, and whoever signs with unknown keys is taken for the account's owner."""


def sign_as(key_ids: AbstractSet[str], current: Callable[[], Keys]) -> Callable[[], None]:
    """Exchange these credentials for those of the current function whenever something is signed with them.

    Args:
        key_ids: The access keys of functions; all others are left alone.
        current: What the function signs with that the calling thread runs, or the account's owner if it runs none.

    Returns:
        What ends that.
    """
    original = Credentials.get_frozen_credentials
    _EVER_GIVEN.update(key_ids)

    def get_frozen_credentials(self: Any) -> ReadOnlyCredentials:
        frozen = original(self)
        if frozen.access_key not in _EVER_GIVEN:
            return frozen
        keys = current()
        return ReadOnlyCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)

    Credentials.get_frozen_credentials = get_frozen_credentials

    def end() -> None:
        Credentials.get_frozen_credentials = original

    return end
