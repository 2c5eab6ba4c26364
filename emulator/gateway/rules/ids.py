"""Connection, message and request ids in AWS's own structure. Pure: time and entropy are arguments.

An id is 11 bytes in base64url: 15 characters and ``=``. Bit 0 is the most significant. [INF] from about 60 recorded ids

====== ==========================================================================================
bits   meaning
====== ==========================================================================================
0      zero
1-29   tick: 100 ms since an epoch of AWS's own, modulo 2**29 - 1
30-33  kind: 0111 for connections and messages, 0001 for requests
34-48  serial: told apart within a tick
49-63  Region
64-71  kind again: 0x02 for connections and messages, 0x05 for requests
72-85  host: messages share it with their connection
86-87  zero
====== ==========================================================================================
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
_SERIALS: Final = 2**15
_HOSTS: Final = 2**14

REGIONS: Final = {
    "us-east-1": 0x2003,
    "us-west-1": 0x48AE,
    "us-west-2": 0x3C77,
    "eu-west-1": 0x0E81,
    "eu-central-1": 0x1620,
    "eu-north-1": 0x022D,
    "ap-northeast-1": 0x2917,
    "ap-northeast-2": 0x204D,
    "ap-southeast-2": 0x4B03,
}
"""Region to its 15 bits; another Region gets a made-up code of its own. [INF]"""

_ID_CHARACTERS: Final = string.digits + string.ascii_lowercase
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_-]{15}=")
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class Kind(enum.Enum):
    """What an id names: the value is its bits 30-33 and its byte 8."""

    CONNECTION = (0b0111, 0x02)
    """Connections and messages: nothing in the id tells them apart."""
    REQUEST = (0b0001, 0x05)


def region_code(region: str) -> int:
    """The 15 bits that stand for a Region."""
    known = REGIONS.get(region)
    if known is not None:
        return known
    return int.from_bytes(hashlib.blake2b(region.encode(), digest_size=2).digest(), "big") & 0x7FFF


def _write(tick: int, high: int, serial: int, low: int) -> str:
    """An id from its tick, bits 30-33, serial, and everything after the serial."""
    value = tick << 58 | high << 54 | serial << 39 | low
    return binascii.b2a_base64(value.to_bytes(11, "big"), newline=False).translate(_URL_SAFE).decode("ascii")


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

    __slots__ = ("_connection_low", "_digests", "_left", "_now_tick", "_request_low", "_seed", "_serial")

    def __init__(self, region: str, seed: int) -> None:
        """Start; ``seed`` is any integer, best a random one per run."""
        self._seed = seed
        self._digests = 0
        entropy = int(self._digest(), 16)
        code = region_code(region)
        self._connection_low = code << 24 | Kind.CONNECTION.value[1] << 16 | entropy % _HOSTS << 2
        self._request_low = code << 24 | Kind.REQUEST.value[1] << 16 | entropy // _HOSTS % _HOSTS << 2
        self._serial = entropy >> 64 & (_SERIALS - 1)
        self._now_tick = 0
        self._left = _SERIALS

    def connection_id(self, now_ms: int) -> str:
        """An id for a new connection."""
        return self._make(now_ms, 0b0111, self._connection_low)

    def message_id(self, now_ms: int) -> str:
        """An id for a message; shares the host part with the connections of this run. [INF]"""
        return self._make(now_ms, 0b0111, self._connection_low)

    def request_id(self, now_ms: int) -> str:
        """A ``requestContext.requestId``, also fit for ``x-amz-apigw-id``."""
        return self._make(now_ms, 0b0001, self._request_low)

    def uuid(self) -> str:
        """A version 4 UUID for ``x-amzn-RequestId``."""
        return uuid4(int(self._digest(), 16))

    def trace_root(self, epoch_ms: int) -> str:
        """The ``Root=`` part of an ``X-Amzn-Trace-Id`` that began at this time."""
        return f"Root=1-{epoch_ms // 1000:08x}-{self._digest()[:24]}"

    def _make(self, now_ms: int, high: int, low: int) -> str:
        tick = now_ms // TICK_MS
        if tick > self._now_tick:
            self._now_tick = tick
            self._left = _SERIALS
        elif not self._left:
            self._now_tick += 1
            self._left = _SERIALS
        self._left -= 1
        self._serial = (self._serial + 0x5A35) % _SERIALS  # odd, so it visits every serial before repeating one
        tick = (self._now_tick - _EPOCH_TICK) % _TICKS
        return _write(tick, high, self._serial, low)

    def _digest(self) -> str:
        self._digests += 1
        return hashlib.blake2b(f"{self._seed}:{self._digests}".encode(), digest_size=16).hexdigest()


def api_key_id(value: str) -> str:
    """The id of an API key, 10 lower-case letters and digits as AWS's: here made of its value, which it does not tell.

    [DOC] CLI reference of get-api-keys, for the form
    """
    number = int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8, person=b"api-key").digest(), "big")
    return "".join(_ID_CHARACTERS[number // 36**place % 36] for place in range(10))
