"""Keeps other users of this machine off the port, whose APIs take keys that all know: those of AWS's examples."""

from __future__ import annotations

import functools
import ipaddress
import os
from typing import Final

from ..foundation import log
from .front import Gate
from .http import HttpRequest, HttpResponse
from .http1 import HttpProtocol
from .origin import is_loopback
from .peers import Address, Owner, Owners

_NOBODYS: Final = "that is nobody's: its client was gone before it was answered, or a relay hides whose it is"


@functools.lru_cache(maxsize=64)
def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


class OwnUser:
    """Answers this user and root. Looks once per connection, never per message."""

    def __init__(self, owners: Owners, own_uid: int) -> None:
        self._owners = owners
        self._own_uid = own_uid
        self._told: set[int | None] = set()

    def is_stranger(self, peer: Address, here: Address) -> bool:
        """Whether a connection within this machine is neither this user's nor root's, by its client's address and ours.

        One that has no owner is a stranger's too: it was closed already, or comes from a relay that hides who it is.
        """
        owner = self._owners.owner(peer, here) if _is_loopback(peer[0]) else Owner(self._own_uid, 0)
        uid = None if owner is None else owner.uid
        if uid in (self._own_uid, 0):
            return False
        if uid not in self._told:
            self._told.add(uid)
            whose = "of another user of this machine" if owner is not None else _NOBODYS
            log.warning(f"refused a connection {whose}; --all-users answers them", uid=uid)
        return True

    def refuse(self, _request: HttpRequest) -> HttpResponse:
        """What a stranger is answered, whatever the request."""
        message = f"Forbidden: the emulator answers its own user (uid {self._own_uid}) and root; see --all-users"
        return HttpResponse.of_json(403, {"message": message}, ("x-amzn-ErrorType", "ForbiddenException"))


def own_users_gate(host: str, owners: Owners | None) -> Gate | None:
    """What keeps others than this process's user from a port on ``host``.

    None: nothing does, because the address is open to a network, or the platform does not tell whose a connection is.
    """
    if owners is None or not is_loopback(host):
        return None
    guard = OwnUser(owners, os.geteuid())

    def refusing(is_tls: bool, peer: str) -> HttpProtocol:
        return HttpProtocol(guard.refuse, is_tls=is_tls, peer=peer)

    return lambda peer, here: refusing if guard.is_stranger(peer, here) else None
