"""The emulator's side of the template process, which forks the execution environments."""

from __future__ import annotations

import asyncio
import dataclasses
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
from types import TracebackType
from typing import Final, Self

from ... import log
from .bootstrap import REPLY
from .descendants import Descendants, signal_each
from .means import Means

_SCRIPT: Final = Path(__file__).with_name("bootstrap.py")
IMPORT_AHEAD: Final = (
    "boto3",
    "botocore.session",
    "botocore.client",
    "botocore.httpsession",
    "botocore.auth",
    "botocore.endpoint",
    "botocore.parsers",
    "botocore.paginate",
    "botocore.waiter",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.types",
    "http.client",
    "logging",
    "simplejson",
    "uuid",
    "asyncio",
    "awslambdaric.lambda_context",
    "awslambdaric.lambda_config",
    "awslambdaric.lambda_runtime_exception",
    "awslambdaric.lambda_runtime_log_utils",
    "awslambdaric.lambda_runtime_marshaller",
    "jwt",
    "streamer.handlers.connect",
    "streamer.handlers.disconnect",
    "streamer.handlers.processor",
    "streamer.handlers.router",
)
"""What the template imports before it forks: no module of the user, and none that reads variables when imported (as
``runtime_client``, the native part of AWS's client, does)."""


class Template:
    """Starts environments and tells when they end. An async context manager; its exit ends all of them.

    Their folder goes with them. The template process removes it, because the emulator may be killed.
    """

    folder: Path
    """For what environments keep on disk."""

    def __init__(self, means: Means, descendants: Descendants, *, import_ahead: Sequence[str] = IMPORT_AHEAD) -> None:
        self._means = means
        self._descendants = descendants
        self._import_ahead = import_ahead
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting: deque[tuple[asyncio.Future[int], Callable[[int], None]]] = deque()
        self._ends: dict[int, Callable[[int], None]] = {}
        self._received = b""
        self._gone: asyncio.Event = asyncio.Event()
        self._ending = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        # Functions see it as their own folder for temporary files, so it is made where this machine keeps such.
        self.folder = Path(tempfile.mkdtemp(prefix="streamer-"))
        self._launch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending = True
        self._ends.clear()
        if self._control is not None:
            self._control.shutdown(socket.SHUT_WR)
            await self._gone.wait()
        # Nothing is left to do, unless the template process itself has been killed.
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

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
        if self._control is None:
            self._launch()
        assert self._control is not None
        spec = {
            "environment": dict(environment),
            "folder": folder,
            "import_path": [folder, *import_path, *(path for path in sys.path if path)],
            "command": None if command is None else list(command),
        }
        started: asyncio.Future[int] = self._loop.create_future()
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(spec).encode())
            file.flush()
            descriptors = [file.fileno(), output] if channel is None else [file.fileno(), output, channel]
            socket.send_fds(self._control, [b"S"], descriptors)
        self._starting.append((started, ended))
        return await started

    def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            import_path = [path for path in sys.path if path]
            told = (import_path, list(self._import_ahead), dataclasses.asdict(self._means))
            arguments = [str(theirs.fileno()), str(self.folder), *map(json.dumps, told)]
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter on our own file
                [sys.executable, "-X", "utf8", "-P", str(_SCRIPT), *arguments],
                # What an environment forks has these variables, and is found by its folder when the template is killed.
                env={**os.environ, "TMPDIR": str(self.folder)},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # A session of its own: an interrupt at the terminal must not end functions before their time.
                start_new_session=True,
            )
        ours.setblocking(False)
        self._control = ours
        self._gone.clear()
        self._loop.add_reader(ours.fileno(), self._readable)

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
            elif (ended := self._ends.pop(pid, None)) is not None:
                ended(status)

    def _started(self, pid: int) -> None:
        started, ended = self._starting.popleft()
        self._ends[pid] = ended
        if not started.done():
            started.set_result(pid)

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
        if not self._ending:  # it could not end what left its environments' groups
            signal_each(self._descendants.left_in(self.folder), signal.SIGKILL)
        ends, self._ends = list(self._ends.values()), {}
        starting, self._starting = self._starting, deque()
        self._gone.set()
        for ended in ends:
            ended(-9)
        for started, _ in starting:
            if not started.done():
                started.set_exception(ChildProcessError("the template process ended"))
