"""Whose socket is at the other end of a TCP connection within this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from typing import Final, Protocol

from msgspec import Struct

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_HEADER: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence number and port id of a netlink message."""
_REQUEST: Final = struct.Struct("=BBBxI")
"""Family, protocol, extensions and states of what is asked for; the socket's addresses follow."""
_ANSWER: Final = struct.Struct("=4x48x12xII")
"""The owner and the inode, behind family, state, addresses, timer and queues."""
_ANY_STATE: Final = 0xFFFFFFFF
_ANY_COOKIE: Final = b"\xff" * 8

Address = tuple[str, int]
"""A numeric IP address and a port."""


class Owner(Struct, frozen=True):
    """Who has a socket open."""

    uid: int
    inode: int
    """The socket's number, which its descriptors show."""


class Owners(Protocol):
    """Looks a socket up."""

    def owner(self, own: Address, other: Address) -> Owner | None:
        """Who has the socket open that has the address ``own`` and is connected to ``other``; None: nobody any more."""
        ...

    def close(self) -> None:
        """Give back what was kept to look the next one up; whoever looks again opens it again."""


def owners() -> Owners | None:
    """The quickest that works here; None: this platform does not tell (macOS, Windows)."""
    each: Owners
    for each in (AskedKernel(), SocketFiles()):
        if _works(each):
            return each
        each.close()
    return None


class AskedKernel:
    """Linux: by ``sock_diag``, 10 us however many sockets there are; needs no privileges. For one thread at a time."""

    def __init__(self) -> None:
        self._kernel: socket.socket | None = None
        """Kept, since to open one takes longer than to ask; None: not asked yet, or it failed."""
        self._asked = 0

    def owner(self, own: Address, other: Address) -> Owner | None:
        """See `Owners`."""
        try:
            answer = self._answer(own, other)
        except (OSError, AttributeError):  # not Linux, or a kernel or a sandbox without it
            self.close()
            return None
        length, kind, *_ = _HEADER.unpack_from(answer)
        if kind != _SOCK_DIAG_BY_FAMILY or length < _HEADER.size + _ANSWER.size:
            return None
        return _present(*_ANSWER.unpack_from(answer, _HEADER.size))

    def close(self) -> None:
        """See `Owners`."""
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.close()

    def _answer(self, own: Address, other: Address) -> bytes:
        if self._kernel is None:
            self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)  # type: ignore[attr-defined,unused-ignore]
        self._asked = number = self._asked + 1 & 0xFFFFFFFF
        self._kernel.send(_question(own, other, number))
        while True:  # an answer that nobody waited for may come before
            answer = self._kernel.recv(4096)
            if _HEADER.unpack_from(answer)[3] == number:
                return answer


class SocketFiles:
    """Linux without ``sock_diag`` (gVisor): by ``/proc/net``, which takes longer the more sockets there are."""

    def owner(self, own: Address, other: Address) -> Owner | None:
        """See `Owners`."""
        wanted = {(_in_file(own, mapped), _in_file(other, mapped)) for mapped in (False, True)}
        for file in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in _lines(file):
                fields = line.split()
                if tuple(fields[1:3]) in wanted:
                    return _present(int(fields[7]), int(fields[9]))
        return None

    def close(self) -> None:
        """Nothing is kept."""


def _question(own: Address, other: Address, number: int) -> bytes:
    family = _family(own)
    packed_own, packed_other = socket.inet_pton(family, own[0]), socket.inet_pton(family, other[0])
    # The fields of a socket are in the network's order, the rest in this machine's.
    addresses = struct.pack("!HH16s16s", own[1], other[1], packed_own, packed_other) + struct.pack("=I", 0)
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ANY_STATE) + addresses + _ANY_COOKIE
    length = _HEADER.size + len(request)
    return _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, number, 0) + request


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def _in_file(address: Address, mapped: bool) -> str:
    """An address as it stands in the file; ``mapped``: an IPv4 address of a socket of both families."""
    packed = socket.inet_pton(_family(address), address[0])
    if mapped and len(packed) == 4:
        packed = b"\0" * 10 + b"\xff\xff" + packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"


def _lines(file: str) -> Iterator[str]:
    with contextlib.suppress(OSError), open(file, encoding="ascii") as lines:  # noqa: PTH123 - line by line
        next(lines, None)
        yield from lines


def _present(uid: int, inode: int) -> Owner | None:
    """A socket that was closed has no inode any more, and none of its owner's rights."""
    return Owner(uid, inode) if inode else None


def _works(owners: Owners) -> bool:
    """Whether it knows of a connection that we make."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as own:
        own.connect(listening.getsockname())  # `create_connection` has it looked up, by a codec of 3,000 lines
        found = owners.owner(own.getsockname(), own.getpeername())
        return found is not None and found.inode == os.fstat(own.fileno()).st_ino
