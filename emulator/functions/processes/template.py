"""The emulator's side of the template process, which forks the execution environments."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from ...foundation import log
from ...foundation.tasks import happens
from .bootstrap import REPLY
from .descendants import Descendants, signal_each
from .kept import END_SECONDS, Alike, KeptTemplate
from .launching import IMPORT_AHEAD, Launched, launch, temporary_folder
from .means import Means

_FULL_SECONDS: Final = 0.005
"""How long to wait for room among the requests; the template forks a few meanwhile."""


class Template:
    """Starts environments and tells when they end. An async context manager; its exit ends all of them.

    Their folder goes with them. The template process removes it, because the emulator may be killed.
    """

    folder: Path
    """For what environments keep on disk."""

    def __init__(
        self,
        means: Means,
        descendants: Descendants,
        *,
        import_ahead: Sequence[str] = IMPORT_AHEAD,
        launched: Launched | KeptTemplate | None = None,
        end_seconds: float = END_SECONDS,
    ) -> None:
        """``launched``: a process that was started for it already, or where one may be kept, as its own then is.

        None: its own, on entry. ``end_seconds`` is how long it may take to end; then it is killed, as one that somebody
        stopped is.
        """
        self._means = means
        self._launched_before = launched
        self._made_of: Alike | None = None
        self._descendants = descendants
        self._import_ahead = import_ahead
        self._end_seconds = end_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting: deque[tuple[asyncio.Future[int], Callable[[int], None]]] = deque()
        self._ends: dict[int, Callable[[int], None]] = {}
        self._asking = asyncio.Lock()
        """Held by the one that asks: answers come in the order of the requests."""
        self._received = b""
        self._gone: asyncio.Event = asyncio.Event()
        self._is_empty: asyncio.Event = asyncio.Event()
        """Set when the last environment has ended, because it was asked for or as the process is gone."""
        self._ending = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        before = self._launched_before
        if isinstance(before, KeptTemplate):
            self._made_of = Alike.now(self._means, self._import_ahead)
            before = await asyncio.to_thread(before.take, self._made_of)
        self.folder = temporary_folder() if before is None else before.folder
        self._serve(before or self._launch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending = True
        self._ends.clear()
        if isinstance(self._launched_before, KeptTemplate) and await self._is_kept(self._launched_before):
            return
        if self._control is not None:
            assert self._process is not None
            self._control.shutdown(socket.SHUT_WR)
            if not await happens(self._gone, self._end_seconds):
                self._process.kill()
                await self._gone.wait()
        # Nothing is left to do, unless the template process itself has been killed.
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def _is_kept(self, keeper: KeptTemplate) -> bool:
        """Leave the process to the next emulator, once its environments have ended; False: it cannot be."""
        if self._control is None or self._process is None or self._made_of is None:
            return False
        try:
            self._control.send(b"E")
        except (BlockingIOError, ConnectionError):
            return False
        if not await happens(self._is_empty, self._end_seconds) or self._control is None:
            return False
        launched = Launched(self._process, self._control, self.folder)
        # From then on what it says is for the next emulator, which may run in another thread already.
        self._loop.remove_reader(launched.control.fileno())
        if await asyncio.to_thread(keeper.keep, launched, self._made_of):
            return True
        self._loop.add_reader(launched.control.fileno(), self._readable)
        return False

    async def start(
        self,
        *,
        environment: Mapping[str, str],
        folder: str,
        command: Sequence[str] | None,
        import_path: Sequence[str] = (),
        output: int,
        channel: int | None,
        ended: Callable[[int], None],
    ) -> int:
        """Start an environment; answers its process id, which is also its group's.

        ``command`` None runs AWS's Python runtime client, which finds modules in the folder and then along
        ``import_path``; ``output`` is the descriptor for stdout and stderr, ``channel`` that of a connection to the
        Runtime API, and both stay the caller's; ``ended`` is called with the exit status, or the negative number of a
        signal.

        Raises:
            OSError: the system has no room for another process or file.
        """
        spec = {
            "environment": dict(environment),
            "folder": folder,
            "import_path": [folder, *import_path, *(path for path in sys.path if path)],
            "command": None if command is None else list(command),
        }
        started: asyncio.Future[int] = self._loop.create_future()
        async with self._asking:
            with tempfile.TemporaryFile() as file:
                file.write(json.dumps(spec).encode())
                file.flush()
                descriptors = [file.fileno(), output] if channel is None else [file.fileno(), output, channel]
                while not self._asked(descriptors):  # noqa: ASYNC110 - the other side makes room
                    await asyncio.sleep(_FULL_SECONDS)
            self._starting.append((started, ended))
        return await started

    def _asked(self, descriptors: Sequence[int]) -> bool:
        """Ask the template; False: as many requests wait for it as the socket has room for, some hundred."""
        if self._control is None:
            self._made_of = None
            self._serve(self._launch())
        assert self._control is not None
        try:
            socket.send_fds(self._control, [b"S"], descriptors)
        except BlockingIOError:
            return False
        return True

    def _launch(self) -> Launched:
        launched = launch(self._means, self.folder)
        launched.tell(self._import_ahead)
        return launched

    def _serve(self, launched: Launched) -> None:
        self._process, self._control = launched.process, launched.control
        self._gone.clear()
        self._loop.add_reader(self._control.fileno(), self._readable)

    def _readable(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lost()
            return
        self._received += data
        while len(self._received) >= REPLY.size:
            kind, pid, status = REPLY.unpack_from(self._received)
            self._received = self._received[REPLY.size :]
            if kind == b"P":
                self._started(pid)
            elif kind == b"F":
                self._not_started(status)
            elif kind == b"E":
                self._is_empty.set()
            elif (ended := self._ends.pop(pid, None)) is not None:
                ended(status)

    def _started(self, pid: int) -> None:
        started, ended = self._starting.popleft()
        self._ends[pid] = ended
        if not started.done():
            started.set_result(pid)

    def _not_started(self, number: int) -> None:
        started, _ = self._starting.popleft()
        if not started.done():
            started.set_exception(OSError(number, os.strerror(number)))

    def _lost(self) -> None:
        """The template is gone, and by then its environments are too."""
        assert self._control is not None
        assert self._process is not None
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        self._control = None
        self._received = b""
        status = self._process.wait()
        if not self._ending and (self._ends or self._starting):
            log.error("the process that starts functions ended; the next event starts it again", status=status)
        if status != 0:  # it could not end what left its environments' groups
            signal_each(self._descendants.left_in(self.folder), signal.SIGKILL)
        ends, self._ends = list(self._ends.values()), {}
        starting, self._starting = self._starting, deque()
        self._gone.set()
        self._is_empty.set()
        for ended in ends:
            ended(-9)
        for started, _ in starting:
            if not started.done():
                started.set_exception(ChildProcessError("the template process ended"))
