"""The process of the services: answers one request after the other, and ends when the emulator does, in whatever way.

It holds no user code and opens no port; its only way to the world is the socket to the emulator.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from .calls import Call, CallRefusedError
from .wire import ANSWER, CALLS, DELIVERY, REQUEST, Frame, Unpacker, packed

if TYPE_CHECKING:
    from .delivery import Delivery
    from .moto_services import MotoServices

WAITING: Final = 1_000
"""Most requests that wait; the emulator asks no more at once, so the reader never stands still."""
TICK_SECONDS: Final = 1.0
"""How often it is looked whether something is due."""
_PIECE: Final = 256 * 1024


def main(descriptor: int, region: str, key_id: str, secret: str) -> None:
    """Serve until the emulator is gone; the account's owner has these keys."""
    # An interrupt at the terminal goes to the emulator, which still may need us for its last requests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    frames: queue.Queue[Frame] = queue.Queue(WAITING)
    threading.Thread(target=_read, args=(connection, frames), daemon=True).start()
    from .moto_services import MotoServices  # noqa: PLC0415 - the reader watches for the emulator's end meanwhile

    writer = _Writer(connection)
    services = MotoServices(region, (key_id, secret), writer.deliver)
    due = 0.0
    while True:
        if services.has_clock and time.monotonic() >= due:
            _tick(services)
            due = time.monotonic() + TICK_SECONDS
        try:
            frame = frames.get(timeout=max(0.0, due - time.monotonic()) if services.has_clock else None)
        except queue.Empty:
            continue
        writer.send(_answer(services, frame))


def _tick(services: MotoServices) -> None:
    try:
        services.tick()
    except Exception:  # noqa: BLE001 - top of a task: told on standard error, and tried again
        traceback.print_exc()


class _Writer:
    """Sends frames whole, whichever thread of moto's they come from."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def deliver(self, delivery: Delivery) -> None:
        self.send(Frame(DELIVERY, 0, structs.asdict(delivery)))

    def send(self, frame: Frame) -> None:
        try:
            with self._lock:
                self._connection.sendall(packed(frame))
        except OSError:  # the emulator is gone, which the reader hears, too
            os._exit(0)


def _read(connection: socket.socket, frames: queue.Queue[Frame]) -> None:
    unpacker = Unpacker()
    while True:
        try:
            data = connection.recv(_PIECE)
        except OSError:
            data = b""
        if not data:
            os._exit(0)  # whatever is under way is of interest to nobody any more
        for frame in unpacker.feed(data):
            frames.put(frame)


def _answer(services: MotoServices, frame: Frame) -> Frame:
    try:
        if frame.kind == CALLS:
            return Frame(ANSWER, frame.number, _made(services, frame))
        assert frame.kind == REQUEST
        head = frame.head
        status, headers, body = services.answer(
            head["method"],
            head["url"],
            head["headers"],
            frame.body,
            service=head["service"],
            caller=tuple(head["caller"]),
        )
        return Frame(ANSWER, frame.number, {"status": status, "headers": headers}, body)
    except NotImplementedError:
        return Frame(ANSWER, frame.number, {"status": 501, "headers": []})
    except Exception:  # noqa: BLE001 - top of a request: answered, and written to standard error by the emulator
        return Frame(ANSWER, frame.number, {"status": 500, "headers": [], "failure": traceback.format_exc()})


def _made(services: MotoServices, frame: Frame) -> dict[str, Any]:
    refused, made = [], []
    for each in frame.head["calls"]:
        try:
            if services.make(Call(**each)):
                made.append(str(each["resource"]))
        except CallRefusedError as error:
            refused.append(str(error))
    return {"refused": refused, "made": made}
