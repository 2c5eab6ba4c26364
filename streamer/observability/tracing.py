"""What X-Ray is told of a message and of a run: whose request it was.

A subsegment, sent to the daemon beside the execution environment, and only where Lambda records the invocation; it is
lost rather than waited for. [DOC] xray-docs:xray-api-sendingdata, xray-api-segmentdocuments
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from streamer.settings import TRACE_VARIABLE

DAEMON_VARIABLE: Final = "AWS_XRAY_DAEMON_ADDRESS"
PREFIX: Final = b'{"format": "json", "version": 1}\n'
"""Begins what the daemon is sent. [DOC] xray-docs:xray-api-sendingdata"""

Send = Callable[[bytes, tuple[str, int]], None]


class Tracing:
    """Annotates what X-Ray records, so that a request's id finds its traces. Safe to share between threads."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        send: Send | None = None,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: os.urandom(8).hex(),
    ) -> None:
        """``environ`` changes with each invocation; ``send`` sends a datagram to a host and port."""
        self._environ = environ
        self._send = send or _sent
        self._clock = clock
        self._new_id = new_id

    @contextlib.contextmanager
    def about(self, name: str, **annotations: str | None) -> Iterator[None]:
        """Record what happens meanwhile, with annotations; None is left out."""
        header = fields_of(self._environ.get(TRACE_VARIABLE, ""))
        if header.get("Sampled") != "1" or "Root" not in header or "Parent" not in header:
            yield
            return
        document: dict[str, Any] = {
            "name": name,
            "id": self._new_id(),
            "type": "subsegment",
            "trace_id": header["Root"],
            "parent_id": header["Parent"],
            "start_time": self._clock(),
            "annotations": {key: value for key, value in annotations.items() if value is not None},
        }
        try:
            yield
        except BaseException:
            document["fault"] = True
            raise
        finally:
            host, _, port = self._environ.get(DAEMON_VARIABLE, "").rpartition(":")
            if host and port.isdecimal():
                document["end_time"] = self._clock()
                self._send(PREFIX + json.dumps(document).encode(), (host, int(port)))


def fields_of(header: str) -> dict[str, str]:
    """The parts of a trace header."""
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value for name, _, value in pairs}


def _sent(datagram: bytes, address: tuple[str, int]) -> None:
    # Nothing is lost with it but what X-Ray would have shown.
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.sendto(datagram, address)
