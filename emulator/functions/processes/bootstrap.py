"""The template process, from which execution environments are forked, and what an environment does first.

Run as a script, by path: it imports nothing of the emulator, so that an environment holds what Lambda's would hold. The
template is idle in `_Template.serve`, has one thread and runs no user code, so it is always able to fork, to report the
end of an environment, and to end all of them when the emulator is gone, however that happened: the control socket is
then at its end.

It is told at its standard input, as JSON, where modules are found and which to import ahead; that may be the end of it,
too, if the emulator ends before. Protocol on the control socket, in the order of the requests:
  to the template    ``S`` with descriptors: a file with the request as JSON, the output's pipe and, for our client of
                     the Runtime API, its connection; or ``E``: end all environments, for another emulator comes
  to the emulator    ``REPLY``: kind, process id, status; ``P`` an environment was forked, ``F`` it could not be and
                     the status is the system's error number, ``X`` one ended, ``E`` all did
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib.util
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

if TYPE_CHECKING:
    from .ties import DeathSignal, Lifeline

REPLY: Final = struct.Struct("!cii")
_CHANNEL: Final = 3


class _Request(NamedTuple):
    """An environment to start."""

    spec: dict[str, Any]
    """``environment``, ``folder``, ``import_path`` and ``command`` (None: AWS's Python client)."""
    output: int
    """Descriptor that becomes stdout and stderr."""
    channel: int | None
    """Descriptor of the connection to the Runtime API; None: there is an address for it among the variables."""

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self.output)
        if self.channel is not None:
            os.close(self.channel)


class _Means(NamedTuple):
    """What the template may use of the platform: `means.Means`, of which this is a part."""

    forks: bool
    death_signal: bool
    subreaper: bool
    process_descriptors: bool
    waits_by_id: bool
    native_client: bool


def main(control: int, folder: str, means: dict[str, bool]) -> None:
    """Be the template; in each forked process, become its environment. ``folder`` is removed when all have ended."""
    # An interrupt at the terminal goes to the emulator, which ends its environments in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whoever started the emulator may ignore it, which would take the end of every child from us.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    chosen = _Means(**{name: means[name] for name in _Means._fields})
    ties = _sibling("ties")
    tie = ties.DeathSignal(subreaper=chosen.subreaper) if chosen.death_signal else ties.Lifeline()
    if not chosen.native_client:
        provide_client()
    request = None
    if told := sys.stdin.buffer.read():
        sys.path[:], import_ahead = json.loads(told)
        nothing = os.open(os.devnull, os.O_RDONLY)  # is the input of environments
        os.dup2(nothing, 0)
        os.close(nothing)
        request = _Template(socket.socket(fileno=control), chosen, tie).serve(import_ahead if chosen.forks else [])
    if request is not None:
        _become(request, chosen, tie)
    else:
        import shutil  # noqa: PLC0415 - environments do without

        shutil.rmtree(folder, ignore_errors=True)


class _Template:
    """Forks environments on request and reports their ends."""

    def __init__(self, control: socket.socket, means: _Means, tie: DeathSignal | Lifeline) -> None:
        self._control = control
        self._means = means
        self._tie = tie
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._children: dict[int, int | None] = {}
        """Process id to its descriptor (None where the platform has none)."""
        self._signals = None if means.process_descriptors else self._wake_on_child()
        self._waiting: deque[_Request | OSError] = deque()
        """Requests, and why others could not be received: their answers have a place among those of the requests."""

    def serve(self, import_ahead: list[str]) -> _Request | None:
        """Fork until the emulator is gone. Returns None then, and in each forked process its request.

        What is to be imported ahead is, but whoever needs no more than what is imported already does not wait for that.
        """
        ahead = _sibling("ahead")
        _sibling("withheld")  # for environments, which find it loaded
        steps = ahead.import_ahead(import_ahead)
        is_importing = True
        while True:
            is_importing = is_importing and next(steps, steps) is None
            for key, _ in self._selector.select(0 if is_importing or self._waiting else None):
                if key.fileobj is not self._control:
                    self._reap()
                    continue
                is_there, request = self._receive()
                if request is not None:
                    self._waiting.append(request)
                    continue
                self._end_all()
                if not is_there:
                    return None
                self._reply(b"E", 0, 0)
            while self._waiting and not (is_importing and _is_waiting_for_modules(self._waiting[0])):
                request = self._waiting.popleft()
                if self._fork(request):
                    ahead.share()
                    self._tie.hold()
                    self._forget()
                    assert isinstance(request, _Request)
                    return request

    def _receive(self) -> tuple[bool, _Request | OSError | None]:
        """Whether the emulator is there, and what it asks for; None: that all environments end."""
        try:
            data, descriptors, flags, _ = socket.recv_fds(self._control, 1, 3)
        except ConnectionError:
            return False, None
        if flags & socket.MSG_CTRUNC:  # no room for as many files; some may have come
            for descriptor in descriptors:
                os.close(descriptor)
            return True, OSError(errno.EMFILE, "")
        if not descriptors:
            return bool(data), None
        file, output, *channel = descriptors
        with os.fdopen(file, "rb") as request:
            request.seek(0)
            return True, _Request(json.load(request), output, channel[0] if channel else None)

    def _fork(self, request: _Request | OSError) -> bool:
        """Start an environment, or tell why it cannot be; answers whether this is its process."""
        try:
            if isinstance(request, OSError):
                raise request
            pid = os.fork()
            if pid == 0:
                return True
            self._watch(pid)
        except OSError as error:
            self._reply(b"F", 0, error.errno or 0)
        else:
            self._reply(b"P", pid, 0)
        if isinstance(request, _Request):
            request.close()
        return False

    def _watch(self, pid: int) -> None:
        """Hear of its end; a process of which that is not possible is ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Both sides do it, so that the group exists whoever runs first.
            os.setpgid(pid, pid)
        descriptor = None
        if self._signals is None:
            try:
                descriptor = os.pidfd_open(pid)
                self._selector.register(descriptor, selectors.EVENT_READ)
            except OSError:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                if descriptor is not None:
                    os.close(descriptor)
                raise
        self._children[pid] = descriptor

    def _reap(self) -> None:
        if self._signals is not None:
            with contextlib.suppress(BlockingIOError):
                self._signals.recv(4096)
        for pid, descriptor in list(self._children.items()):
            status = _end_of(pid, waits_by_id=self._means.waits_by_id)
            if status is not None:
                del self._children[pid]
                self._end_strays()
                self._unwatch(descriptor)
                self._reply(b"X", pid, status)

    def _reply(self, kind: bytes, pid: int, status: int) -> None:
        # The emulator's end is noticed when the next request is received.
        with contextlib.suppress(ConnectionError):
            self._control.sendall(REPLY.pack(kind, pid, status))

    def _end_all(self) -> None:
        self._let_go_of_waiting()
        for pid in self._children:
            _kill_group(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)  # it may have gone to another group
        while self._children:
            pid, descriptor = self._children.popitem()
            os.waitpid(pid, 0)
            self._unwatch(descriptor)
        self._end_strays()

    def _unwatch(self, descriptor: int | None) -> None:
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _let_go_of_waiting(self) -> None:
        for request in self._waiting:
            if isinstance(request, _Request):
                request.close()
        self._waiting.clear()

    def _end_strays(self) -> None:
        """End what an environment that has ended left outside its group: those are our children now, and no others are.

        What they leave comes to us in turn.
        """
        while self._means.subreaper and (strays := children(os.getpid()) - self._children.keys()):
            for pid in strays:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            for pid in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _forget(self) -> None:
        """In a forked process: let go of what is the template's."""
        self._selector.close()
        self._control.close()
        self._let_go_of_waiting()
        for descriptor in self._children.values():
            if descriptor is not None:
                os.close(descriptor)
        if self._signals is not None:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _wake_on_child(self) -> socket.socket:
        ours, woken = socket.socketpair()
        ours.setblocking(False)
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.detach())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(ours, selectors.EVENT_READ)
        return ours


def _is_waiting_for_modules(request: _Request | OSError) -> bool:
    """Whether it may need what is not imported yet: unless it is another program, or its handler's module is here."""
    if isinstance(request, OSError):
        return False
    module = request.spec["environment"].get("_HANDLER", "").rpartition(".")[0]
    return request.spec["command"] is None and module not in sys.modules


def _end_of(pid: int, *, waits_by_id: bool) -> int | None:
    """The status with which the process ended, its group killed too; None: it runs."""
    if waits_by_id:
        # While it is a zombie, its group's id cannot be another's.
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _kill_group(pid)
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended == 0:
        return None
    _kill_group(pid)
    return os.waitstatus_to_exitcode(status)


def children(pid: int) -> set[int]:
    """Process ids of the children of a process, as Linux shows them now; none of one that has ended."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - pathlib is no part of an environment
            file = f"/proc/{pid}/task/{thread}/children"
            with contextlib.suppress(OSError), open(file, "rb") as listed:  # noqa: PTH123 - likewise
                found.update(map(int, listed.read().split()))
    return found


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _become(request: _Request, means: _Means, tie: DeathSignal | Lifeline) -> None:
    """Turn the forked process into the environment. Returns when the runtime ended by itself."""
    spec = request.spec
    with contextlib.suppress(PermissionError):
        os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(request.output, 1)
    os.dup2(request.output, 2)
    os.close(null)
    os.close(request.output)
    os.environ.clear()
    os.environ.update(spec["environment"])
    time.tzset()
    try:
        os.chdir(spec["folder"])
    except OSError as error:
        sys.exit(f"cannot use the function's folder: {error}")
    if spec["command"] is not None:
        tie.watch_program()
        if request.channel is not None:
            _inherited(request.channel)
        _execute(spec["command"])
    if not means.forks:
        given = json.dumps([spec["import_path"], tie.descriptor(), request.channel])
        if request.channel is not None:
            os.set_inheritable(request.channel, True)
        _execute([sys.executable, "-X", "utf8", "-P", __file__, "run", given])
    run_python(spec["import_path"], request.channel)


def _inherited(channel: int) -> None:
    """Leave the connection to the Runtime API to the program that comes, as descriptor 3."""
    if channel == _CHANNEL:
        os.set_inheritable(channel, True)
    else:
        os.dup2(channel, _CHANNEL)


def _execute(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606 - the user's own command line
    except OSError as error:
        sys.exit(_sibling("not_run").reason(error, command[0]))


def provide_client() -> None:
    """Let AWS's client find our part of it, `runtime_client`, where it looks for its own compiled one."""
    _sibling("runtime_client", is_kept=True)


@functools.cache
def _sibling(name: str, *, is_kept: bool = False) -> Any:
    """A module beside this one; ``is_kept``: others find it by that name, too."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(__file__), f"{name}.py"))  # noqa: PTH118, PTH120 - pathlib is no part of an environment
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if is_kept:
        sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run_python(import_path: list[str], channel: int | None) -> None:
    """Run AWS's own runtime client on the handler of this environment; ``channel`` is for our part of it."""
    sys.path[:] = import_path
    # Lambda's code folder is read-only; here it saves a reload from bytecode that is older than it looks.
    sys.dont_write_bytecode = True
    if told := os.environ.get("STREAMER_LEADS_HOME"):
        _sibling("host_names").lead(told)
    if channel is not None:
        sys.modules["runtime_client"].inherit(channel)
    _sibling("withheld").withhold()
    # What a handler of ours makes when it is imported belongs to this environment's init, not to the template.
    module = os.environ["_HANDLER"].rpartition(".")[0]
    if module.startswith("streamer.handlers."):
        sys.modules.pop(module, None)
    # Its records come in frames, as on Lambda, so that each is one event; here between what is printed, in order.
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(1))
    from awslambdaric.__main__ import main as run  # noqa: PLC0415 - it reads the environment's variables

    if channel is not None:
        sys.modules["runtime_client"].adapt()
    run(["bootstrap", os.environ["_HANDLER"]])


if __name__ == "__main__":
    if sys.argv[1] == "run":
        found, pipe, given_channel = json.loads(sys.argv[2])
        sys.path[:] = found
        if pipe is not None:
            _sibling("ties").watch_lifeline(pipe)
        if given_channel is not None:
            provide_client()
        run_python(found, given_channel)
    else:
        main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
