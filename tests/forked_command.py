"""``streamer`` commands whose process is forked from one that has imported what they need, as most tests want them.

Nine tenths of the processor's time of a command in a process of its own are Python's start and its imports. What those
do is held by tests with such a process: `test_command_imports`, which also holds that both say the same,
`test_command_interrupts`, those of the wheel, and all of the fixture ``demo``.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.machinery
import json
import os
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

IMPORTED: Final = (
    *("cli", *(f"emulator.command.emulate.{name}" for name in ("early", "run", "serve", "start"))),
    *("emulator.command.printing.output", "emulator.console.service", "emulator.functions.inline.functions"),
    *("botocore.auth", "botocore.endpoint", "jwt", "trustme", "uvloop", "watchfiles", "simplejson", "tomllib"),
    *("deploy.command.commands", "boto3", "anyio._backends._asyncio", "emulator.console.around", "encodings.idna"),
    "streamer.client",
    *("emulator.command.targets.from_template", "emulator.console.recording.records"),
    *("emulator.templates.yaml_tags", "jsonschema"),
    *("samtranslator.parser.parser", "samtranslator.translator.translator"),
)
"""What most commands import, and with it all that it imports."""
REQUEST_BYTES: Final = 200_000
NUMBER: Final = struct.Struct("!i")
"""What is told of a command: its process id, and its exit status."""
OWN_START: Final = ("PYTHON", "COVERAGE_", "LC_", "LANG")
"""Beginnings of variables that Python reads when it starts."""
_STARTING = threading.Lock()


class ForkedCommand:
    """A command that runs, to be used as a `subprocess.Popen` whose output is text.

    Its standard input is empty.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.args = arguments
        out, to_out = os.pipe()
        log, to_log = os.pipe()
        self._status, to_status = os.pipe()
        self.stdout: IO[str] = os.fdopen(out, encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(log, encoding="utf-8")
        self.returncode: int | None = None
        request = json.dumps([list(arguments), str(folder), dict(environment)]).encode()
        given = (to_out, to_log, to_status)
        try:
            socket.send_fds(_server(), [request], given)
        finally:
            for descriptor in given:
                os.close(descriptor)
        told = os.read(self._status, NUMBER.size)
        assert told, "the process that commands are forked from has ended; to be seen when it is started by hand"
        self.pid = NUMBER.unpack(told)[0]

    def poll(self) -> int | None:
        """The exit status, or the negative number of a signal; None: it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it goes on for longer than so many seconds.
        """
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return status

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._status, select.POLLIN)
            if poll.poll(None if seconds is None else seconds * 1000):
                self.returncode = NUMBER.unpack(os.read(self._status, NUMBER.size))[0]
                os.close(self._status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Everything that it says until it ends."""
        ends = time.monotonic() + timeout
        said: dict[int, bytes] = {each.fileno(): b"" for each in (self.stdout, self.stderr)}
        with self.stdout, self.stderr:
            open_ones = set(said)
            while open_ones:
                ready, _, _ = select.select(open_ones, (), (), max(0, ends - time.monotonic()))
                if not ready:
                    raise subprocess.TimeoutExpired(list(self.args), timeout, *said.values())
                for each in ready:
                    data = os.read(each, 65_536)
                    said[each] += data
                    open_ones -= set() if data else {each}
            out, log = (said[each.fileno()].decode() for each in (self.stdout, self.stderr))
        self.wait(max(0, ends - time.monotonic()))
        return out, log


def begin(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], *, is_forked: bool = True
) -> subprocess.Popen[str] | ForkedCommand:
    """Start ``streamer`` with arguments, without input: forked if that is the same."""
    if is_forked and can_be_forked(folder, environment):
        return ForkedCommand(command, folder, environment)
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def can_be_forked(folder: Path, environment: Mapping[str, str]) -> bool:
    """Whether a command there, with these variables, is the same when it is forked, and this machine has the means.

    It is another where coverage is measured, where Python itself would start otherwise, and where a file is called as a
    module that others import: it may come before that one.
    """
    if not hasattr(os, "pidfd_open") or "COVERAGE_PROCESS_CONFIG" in environment or not folder.is_dir():
        return False
    modules = {file.stem for file in (*folder.glob("*.py"), *(init.parent for init in folder.glob("*/__init__.py")))}
    is_known = any(name in sys.stdlib_module_names or _is_elsewhere(name) for name in modules)
    return not is_known and read_at_start(environment) == _OWN


def _is_elsewhere(module: str) -> bool:
    return importlib.machinery.PathFinder.find_spec(module, _PACKAGES) is not None


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """Of these variables, those that Python reads when it starts."""
    return {name: value for name, value in environment.items() if name.startswith(OWN_START)}


_PACKAGES: Final = [path for path in sys.path if path.endswith("site-packages")]
_OWN: Final = read_at_start(os.environ)


def _server() -> socket.socket:
    """Where commands are asked for; the process behind it ends with this one."""
    with _STARTING:
        return _started()


@functools.cache
def _started() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno())]
        # Pipes, as the streams of each command are, which Python has set up by then.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
        )

    def end() -> None:
        ours.close()
        process.communicate()

    atexit.register(end)
    return ours


def serve(asked: socket.socket) -> bool:
    """Fork a command for each request until nobody can ask. True: this process is to be a command."""
    running: dict[int, tuple[int, int]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(asked, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not asked:
                    selector.unregister(key.fileobj)
                    _tell_end(key.fd, *running.pop(key.fd))
                    continue
                request, descriptors, _, _ = socket.recv_fds(asked, REQUEST_BYTES, 3)
                if not request:
                    return False
                pid = os.fork()
                if pid == 0:
                    arguments, folder, environment = json.loads(request)
                    _become(arguments, folder, environment, descriptors)
                    return True
                out, log, status = descriptors
                os.close(out)
                os.close(log)
                ending = os.pidfd_open(pid)
                running[ending] = (pid, status)
                selector.register(ending, selectors.EVENT_READ)
                _tell(status, pid)


def _tell_end(ending: int, pid: int, status: int) -> None:
    os.close(ending)
    _tell(status, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(status)


def _tell(status: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know
        os.write(status, NUMBER.pack(number))


def _become(arguments: list[str], folder: str, environment: dict[str, str], descriptors: list[int]) -> None:
    """Give the forked process what a started one would have."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in zip((nothing, *descriptors), (0, 1, 2), strict=False):
        os.dup2(descriptor, standard)
    os.closerange(3, max(descriptors) + 1)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = arguments


if __name__ == "__main__":
    asking = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120 - where the command is, as its own process has it
    for each in IMPORTED:
        importlib.import_module(each)
    gc.freeze()
    if serve(asking):
        from streamer._entry import main

        main()
