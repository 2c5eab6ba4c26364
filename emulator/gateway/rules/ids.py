"""Connection, message and request ids in AWS's own structure. Pure: time and entropy are arguments.

Ids of messages and requests are 11 bytes in base64url: 15 characters and ``=``. Those of connections have had 13 bytes
since July 2026 at the latest: 18 characters and ``==``. Bit 0 is the most significant. [INF] from about 60 recorded ids
of 2019 to 2024, and from ten of connections of July to October 2026, in two Regions

===== ======= ===================================================================================
bits  of 13   meaning
===== ======= ===================================================================================
0-29  0-34    tick: 100 ms since an epoch of AWS's own, the shorter one modulo 2**29 - 1
30-33 35-38   kind: 0111 for connections and messages, 0001 for requests
34-48 39-53   serial: told apart within a tick
49-63 54-68   Region
64-71 69-87   kind again: 0x02 for messages, 0x05 for requests, 0x2848 for connections
72-85 88-101  host: messages share it with their connection
86-87 102-103 zero
===== ======= ===================================================================================
"""

from __future__ import annotations

import binascii
import enum
import hashlib
import re
import string
from typing import Final

from ...functions.variables import uuid4

TICK_MS: Final = 100
_EPOCH_TICK: Final = 115_262_492
_TICKS: Final = 2**29 - 1
_CONNECTION_EPOCH_TICK: Final = 492_386_820
"""To within two seconds. [INF] from the time of what was sent to such connections first"""
_CONNECTION_TICKS: Final = 2**35
_SERIALS: Final = 2**15
_HOSTS: Final = 2**14

REGIONS: Final = {
    "us-east-1": 0x2003,
    "us-west-1": 0x48AE,
    "us-west-2": 0x3C77,
    "eu-west-1": 0x0E81,
    "eu-west-2": 0x2CF1,
    "eu-central-1": 0x1620,
    "eu-north-1": 0x022D,
    "ap-northeast-1": 0x2917,
    "ap-northeast-2": 0x204D,
    "ap-southeast-2": 0x4B03,
}
"""Region to its 15 bits; another Region gets a made-up code of its own. [INF]"""

_ID_CHARACTERS: Final = string.digits + string.ascii_lowercase
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_-]{15}=|[A-Za-z0-9_-]{18}==")
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class Kind(enum.Enum):
    """What an id names: the value is its kind, and its kind again."""

    CONNECTION = (0b0111, 0x2848)
    MESSAGE = (0b0111, 0x02)
    """Until 2024 connections, too."""
    REQUEST = (0b0001, 0x05)


def region_code(region: str) -> int:
    """The 15 bits that stand for a Region."""
    known = REGIONS.get(region)
    if known is not None:
        return known
    return int.from_bytes(hashlib.blake2b(region.encode(), digest_size=2).digest(), "big") & 0x7FFF


def _fixed(kind: Kind, code: int, host: int) -> int:
    """The bits that all ids of a kind have in one run."""
    high, again = kind.value
    if kind is Kind.CONNECTION:
        return high << 65 | code << 35 | again << 16 | host << 2
    return high << 54 | code << 24 | again << 16 | host << 2


def _short(now_tick: int, serial: int, fixed: int) -> str:
    """The id of a message or a request, from the 100 ms since 1970, its serial and the other bits."""
    value = (now_tick - _EPOCH_TICK) % _TICKS << 58 | serial << 39 | fixed
    return binascii.b2a_base64(value.to_bytes(11, "big"), newline=False).translate(_URL_SAFE).decode("ascii")


def _long(now_tick: int, serial: int, fixed: int) -> str:
    """The id of a connection, likewise."""
    value = (now_tick - _CONNECTION_EPOCH_TICK) % _CONNECTION_TICKS << 69 | serial << 50 | fixed
    return binascii.b2a_base64(value.to_bytes(13, "big"), newline=False).translate(_URL_SAFE).decode("ascii")


def is_well_formed(text: str) -> bool:
    """Whether ``@connections`` takes this for an id (410 when unknown) rather than refusing it with 400.

    Wider than what AWS makes: an invented id that merely looks right was answered 410. [REC] serverless-offline #749
    """
    return _WELL_FORMED.fullmatch(text) is not None


class IdSource:
    """Makes every id of one emulator run; it never makes the same one twice.

    Ids of one tick differ in their serial, which counts up; a tick whose serials are used up borrows from the next
    one, and a clock that steps back does not take the ticks back. So ids stay unique whatever the clock does, and
    agree with it as long as it runs forward and fewer than 32,768 ids are made in 100 ms.
    """

    __slots__ = ("_connection", "_digests", "_left", "_message", "_now_tick", "_request", "_seed", "_serial")

    def __init__(self, region: str, seed: int) -> None:
        """Start; ``seed`` is any integer, best a random one per run."""
        self._seed = seed
        self._digests = 0
        entropy = int(self._digest(), 16)
        code = region_code(region)
        self._connection = _fixed(Kind.CONNECTION, code, entropy % _HOSTS)
        self._message = _fixed(Kind.MESSAGE, code, entropy % _HOSTS)
        self._request = _fixed(Kind.REQUEST, code, entropy // _HOSTS % _HOSTS)
        self._serial = entropy >> 64 & (_SERIALS - 1)
        self._now_tick = 0
        self._left = _SERIALS

    def connection_id(self, now_ms: int) -> str:
        """An id for a new connection."""
        self._advance(now_ms)
        return _long(self._now_tick, self._serial, self._connection)

    def message_id(self, now_ms: int) -> str:
        """An id for a message; shares the host part with the connections of this run. [INF]"""
        self._advance(now_ms)
        return _short(self._now_tick, self._serial, self._message)

    def request_id(self, now_ms: int) -> str:
        """A ``requestContext.requestId``, also fit for ``x-amz-apigw-id``."""
        self._advance(now_ms)
        return _short(self._now_tick, self._serial, self._request)

    def uuid(self) -> str:
        """A version 4 UUID for ``x-amzn-RequestId``."""
        return uuid4(int(self._digest(), 16))

    def trace_root(self, epoch_ms: int) -> str:
        """The ``Root=`` part of an ``X-Amzn-Trace-Id`` that began at this time."""
        return f"Root=1-{epoch_ms // 1000:08x}-{self._digest()[:24]}"

    def _advance(self, now_ms: int) -> None:
        """To the tick and the serial of the next id."""
        tick = now_ms // TICK_MS
        if tick > self._now_tick:
            self._now_tick = tick
            self._left = _SERIALS
        elif not self._left:
            self._now_tick += 1
            self._left = _SERIALS
        self._left -= 1
        self._serial = (self._serial + 0x5A35) % _SERIALS  # odd, so it visits every serial before repeating one

    def _digest(self) -> str:
        self._digests += 1
        return hashlib.blake2b(f"{self._seed}:{self._digests}".encode(), digest_size=16).hexdigest()


def api_key_id(value: str) -> str:
    """The id of an API key, 10 lower-case letters and digits as AWS's: here made of its value, which it does not tell.

    [DOC] CLI reference of get-api-keys, for the form
    """
    number = int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8, person=b"api-key").digest(), "big")
    return "".join(_ID_CHARACTERS[number // 36**place % 36] for place in range(10))
