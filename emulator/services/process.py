"""The emulator's side of the process of the services: starts it when it is needed, asks it, and ends it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from msgspec import structs

from streamer.errors import StreamerError

from ..foundation import log
from ..iam.keys import Keys
from .calls import Call
from .wire import ANSWER, CALLS, DELIVERY, REQUEST, Frame, Unpacker, packed

ASKED: Final = 500
"""Most requests that wait for the process."""
END_SECONDS: Final = 5.0
"""How long the process may take to end once its socket is closed."""
_START: Final = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import importlib
importlib.import_module(sys.argv[2]).main(int(sys.argv[3]), *sys.argv[4:])
"""
_LEFT_OUT: Final = ("AWS_", "MOTO_", "BOTO_")
"""Beginnings of variables that would change what the services do, or let them know the user's own credentials."""


class ServicesLostError(StreamerError):
    """The process ended before it answered."""


class ServicesBusyError(StreamerError):
    """Too much is asked of the process at once."""


class ServicesProcess(asyncio.Protocol):
    """A process that is started by the first `ask` or `make`, and started again if it was lost."""

    def __init__(self, *, region: str, account_id: str, owner: Keys, deliver: Callable[[Frame], None]) -> None:
        """``deliver`` is called with each frame of something to be delivered, before the answer to its cause."""
        self._region = region
        self._account_id = account_id
        self._owner = owner
        self._deliver = deliver
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._unpacker = Unpacker()
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Frame]] = {}
        self._starting = asyncio.Lock()
        self._is_ending = False

    @property
    def is_running(self) -> bool:
        """Whether it is started and not lost."""
        return self._transport is not None

    @property
    def pid(self) -> int | None:
        """Its process id; None: it is not running."""
        return None if self._process is None or self._transport is None else self._process.pid

    async def start(self) -> None:
        """Start it, unless it runs. It imports what it needs while the emulator goes on."""
        async with self._starting:
            if self._transport is None and not self._is_ending:
                await self._launch()

    async def ask(self, head: Mapping[str, Any], body: bytes) -> Frame:
        """The answer to a request.

        Raises:
            ServicesLostError: the process ended meanwhile.
            ServicesBusyError: too many requests wait.
        """
        return await self._answer(REQUEST, head, body)

    async def make(self, calls: Sequence[Call]) -> tuple[list[str], frozenset[str]]:
        """Make what templates describe, in order; answers what was refused, and why, and whose was made.

        Raises:
            ServicesLostError: the process ended meanwhile.
        """
        frame = await self._answer(CALLS, {"calls": [structs.asdict(each) for each in calls]}, b"")
        refused: list[str] = frame.head.get("refused", [])
        failure = frame.head.get("failure")
        why = refused if failure is None else [*refused, str(failure).strip().splitlines()[-1]]
        return why, frozenset(frame.head.get("made", ()))

    async def close(self) -> None:
        """End it, and wait until it has ended."""
        self._is_ending = True
        if self._transport is not None:
            self._transport.close()
        process = self._process
        if process is not None:
            await asyncio.to_thread(_wait, process)

    async def _answer(self, kind: bytes, head: Mapping[str, Any], body: bytes) -> Frame:
        await self.start()
        if self._transport is None:
            raise ServicesLostError("the process of the services is ending")
        if len(self._asked) >= ASKED:
            raise ServicesBusyError(f"{ASKED} requests wait for the services already")
        number = next(self._numbers)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._transport.write(packed(Frame(kind, number, head, body)))
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    async def _launch(self) -> None:
        if self._process is not None:  # one that was lost
            await asyncio.to_thread(_wait, self._process)
        ours = self._begin()
        self._unpacker = Unpacker()
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            import_path = json.dumps([path for path in sys.path if path])
            module = f"{__package__}.child"
            keys = (self._owner.access_key_id, self._owner.secret_access_key)
            arguments = [import_path, module, str(theirs.fileno()), self._region, *keys]
            self._process = launch(arguments, environment(os.environ, self._account_id), theirs.fileno())
        return ours

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Pass on what is to be delivered, and answers to those who asked."""
        for frame in self._unpacker.feed(data):
            if frame.kind == DELIVERY:
                self._pass_on(frame)
                continue
            assert frame.kind == ANSWER
            answer = self._asked.get(frame.number)
            if answer is not None and not answer.done():
                answer.set_result(frame)

    def _pass_on(self, frame: Frame) -> None:
        try:
            self._deliver(frame)
        except Exception as error:  # noqa: BLE001 - one that is raised here would cut the process off, with all it keeps
            log.error("what a service delivers is lost", error=error, by=frame.head.get("by"), to=frame.head.get("to"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits gets no answer any more."""
        self._transport = None
        if not self._is_ending:
            text = "the process of the services ended, and with it what they kept; the next request starts it again"
            log.error(text, status=None if self._process is None else self._process.poll())
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ServicesLostError("the process of the services ended"))


def launch(arguments: Sequence[str], variables: Mapping[str, str], descriptor: int) -> subprocess.Popen[bytes]:
    """Start such a process, which keeps this descriptor.

    ``arguments`` are where it finds modules, as JSON, the module whose ``main`` it calls, and what that gets.
    """
    return subprocess.Popen(  # noqa: S603 - this interpreter on our own module
        [sys.executable, "-X", "utf8", "-P", "-c", _START, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=variables,
        pass_fds=(descriptor,),
        # A session of its own: an interrupt at the terminal must not end it before functions are done.
        start_new_session=True,
    )


def environment(own: Mapping[str, str], account_id: str) -> dict[str, str]:
    """The variables of the process of an account, of this process's own."""
    kept = {name: value for name, value in own.items() if not name.startswith(_LEFT_OUT)}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", "MOTO_ACCOUNT_ID": account_id}


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
