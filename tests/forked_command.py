"""``streamer`` commands whose process is forked from one that has imported what they need, as most tests want them.

Nine tenths of the processor's time of a command in a process of its own are Python's start and its imports. What those
do is held by tests with such a process: `test_command_imports`, which also holds that both say the same,
`test_command_interrupts`, those of the wheel, and all of the fixture ``demo``. Four fifths of what is left would be to
take apart in the end what was imported: what is forked does what can be seen of an end alone.

What such a command forks functions from, and the services, are forked, too, from processes that have imported what they
need; they are no children of the command then. All workers of a run ask the same processes.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import resource
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from emulator.functions.processes.launching import Launched
    from emulator.functions.processes.means import Means

COMMAND: Final = (
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
DEPLOYING: Final = ("cli", "deploy.command.commands", "boto3", "botocore.auth", "botocore.endpoint", "jwt", "tomllib")
"""What those import that know of AWS alone, and start no process that could be forked."""
DEPLOYED: Final = (
    *("apigatewayv2", "cloudformation", "cloudwatch", "dynamodb", "events", "iam", "lambda", "logs", "s3"),
    *("secretsmanager", "sqs", "sts"),
)
"""The services of AWS that they ask: to read botocore's descriptions of them is most of what a deployment costs."""
PYTEST: Final = (
    *("pytest", "asyncio", "emulator.testing.thread", "emulator.command.targets.which_project", "streamer.client"),
    *("emulator.console.recording.records", "jwt", "simplejson", "trustme", "uvloop"),
)
"""What pytest imports, and our plugin where an emulator is wanted; no plugin, which pytest itself is to import."""
SERVICES: Final = (
    *("emulator.services.child", "emulator.services.moto_services"),
    *(f"moto.{name}.urls" for name in ("events", "kms", "s3", "scheduler", "secretsmanager", "sns", "ssm")),
)
"""What the services import."""
IMPORTED: Final = {"command": COMMAND, "deploying": DEPLOYING, "pytest": PYTEST}
"""By kind of command."""
ACCOUNT: Final = "123456789012"
"""The emulator's own."""
STARTED_BY: Final = {"command": ("template", "services"), "pytest": ("template", "services")}
"""By kind of process, which others it has."""
BOOTSTRAP: Final = Path(__file__).parents[1] / "emulator/functions/processes/bootstrap.py"
REQUEST_BYTES: Final = 200_000
REQUEST_DESCRIPTORS: Final = 8
NUMBER: Final = struct.Struct("!i")
"""What is told of a command: its process id, and its exit status."""
OWN_START: Final = ("PYTHON", "COVERAGE_", "LC_", "LANG")
"""Beginnings of variables that Python reads when it starts."""
_STARTING = threading.Lock()


class Forked:
    """A process that one of ours forked, to be used as a `subprocess.Popen`."""

    def __init__(self, asked: socket.socket, request: Sequence[Any], given: Sequence[int]) -> None:
        """Ask for it there; the descriptors become its own."""
        self.args = request[0]
        self.returncode: int | None = None
        self._status, to_status = os.pipe()
        try:
            socket.send_fds(asked, [json.dumps(request).encode()], [to_status, *given])
        finally:
            os.close(to_status)
        told = os.read(self._status, NUMBER.size)
        assert told, "the process that others are forked from has ended; to be seen when it is started by hand"
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
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
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


class ForkedCommand(Forked):
    """A command that runs, whose output is text. Its standard input is empty."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        own_children: bool = False,
        deploys: bool = False,
    ) -> None:
        """A command of ours, or a Python that runs pytest; ``own_children``: what it starts are children of its own."""
        out, to_out = os.pipe()
        log, to_log = os.pipe()
        self.stdout: IO[str] = os.fdopen(out, encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(log, encoding="utf-8")
        is_pytest = tuple(arguments[1:3]) == ("-m", "pytest")
        kind = "pytest" if is_pytest else "deploying" if deploys else "command"
        request = list(arguments[2 if is_pytest else 0 :]), str(folder), dict(environment), own_children
        try:
            super().__init__(_server(kind), request, (to_out, to_log))
        finally:
            os.close(to_out)
            os.close(to_log)

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


class ForkedTemplate(Forked):
    """What functions are forked from, as `emulator.functions.processes.launching.launch` starts it."""

    def __init__(self, asked: socket.socket, control: socket.socket, folder: Path, means: Mapping[str, bool]) -> None:
        reading, writing = os.pipe()
        self.stdin: IO[bytes] = os.fdopen(writing, "wb")
        files, policy = resource.getrlimit(resource.RLIMIT_NOFILE), os.sched_getscheduler(0)
        request = str(folder), means, {**os.environ, "TMPDIR": str(folder)}, str(Path.cwd()), files, policy
        try:
            super().__init__(asked, request, (reading, 1, 2, control.fileno()))
        finally:
            os.close(reading)


class ForkedServices(Forked):
    """The services, as `emulator.services.process.launch` starts them."""

    def __init__(
        self, asked: socket.socket, arguments: Sequence[str], variables: Mapping[str, str], descriptor: int
    ) -> None:
        super().__init__(asked, (arguments, str(Path.cwd()), variables), (2, descriptor))


def begin(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    is_forked: bool = True,
    own_children: bool = False,
    deploys: bool = False,
) -> subprocess.Popen[str] | ForkedCommand:
    """Start a command without input, forked if that is the same; see `ForkedCommand`.

    ``deploys`` is for tests whose commands all do nothing else: two processes fewer are started for them.
    """
    if is_forked and can_be_forked(folder, environment):
        return ForkedCommand(command, folder, environment, own_children=own_children, deploys=deploys)
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


def _server(kind: str) -> socket.socket:
    """Where processes of a kind are asked for; the process behind it ends with the last one that may ask it."""
    with _STARTING:
        if kind not in _ASKED:
            _ASKED[kind] = _connected(kind)
        return _ASKED[kind]


_ASKED: Final[dict[str, socket.socket]] = {}
_STARTED: Final[list[subprocess.Popen[bytes]]] = []


def _end() -> None:
    for each in _ASKED.values():
        with contextlib.suppress(ConnectionError):
            each.send(b"")  # others may hold this end
        each.close()
    for process in _STARTED:
        process.communicate()


atexit.register(_end)  # before tests import what keeps a process that was forked, which so ends first


def _connected(kind: str) -> socket.socket:
    """A new connection to the process of a kind that all workers of a run share; whoever comes first starts it."""
    name = f"\0{kind} {_run()} {hashlib.sha256(json.dumps(_OWN, sort_keys=True).encode()).hexdigest()[:16]}"
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            try:
                listening.bind(name)
            except OSError:  # another worker's is there, unless it has just ended or does not listen yet
                with contextlib.suppress(ConnectionRefusedError):
                    asking.connect(name)
                    return asking
            else:
                listening.listen()
                asking.connect(name)
                _STARTED.append(_start(kind, listening))
                return asking


def _run() -> str:
    """The run of tests that this process is a worker of, or alone; no other that a test starts is one of it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return f"alone {os.getpid()}" if run is None else f"{run} {os.getppid()}"


def _start(kind: str, listening: socket.socket) -> subprocess.Popen[bytes]:
    from emulator.functions.processes.launching import IMPORT_AHEAD
    from emulator.services.process import environment

    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(_connected(each)).fileno() for each in STARTED_BY.get(kind, ())]
        told = [json.dumps(IMPORT_AHEAD)] if kind == "template" else map(str, others)
        # Pipes, as the streams of each command are, which Python has set up by then.
        return subprocess.Popen(
            [
                sys.executable,
                "-X",
                f"utf8={0 if kind in IMPORTED else 1}",
                __file__,
                kind,
                str(listening.fileno()),
                *told,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(os.environ, ACCOUNT) if kind == "services" else None,
            pass_fds=(listening.fileno(), *others),
        )


def serve(listening: socket.socket) -> tuple[list[Any], list[int]] | None:
    """Fork a process for each request until nobody can ask. Answers then None, and in each process what it is to be."""
    running: dict[int, tuple[int, int]] = {}
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    asking: set[socket.socket] = {_accepted(listening, selector)}
    while asking or select.select((listening,), (), (), 0)[0]:
        for key, _ in selector.select():
            if key.fileobj is listening:
                asking.add(_accepted(listening, selector))
                continue
            if not isinstance(key.fileobj, socket.socket):
                selector.unregister(key.fileobj)
                _tell_end(key.fd, *running.pop(key.fd))
                continue
            request, descriptors, _, _ = socket.recv_fds(key.fileobj, REQUEST_BYTES, REQUEST_DESCRIPTORS)
            if not request:
                selector.unregister(key.fileobj)
                asking.remove(key.fileobj)
                key.fileobj.close()
                continue
            status, *given = descriptors
            pid = os.fork()
            if pid == 0:
                selector.close()
                for asked in (listening, *asking):
                    asked.close()
                for each in (status, *running, *(told for _, told in running.values())):
                    os.close(each)
                return json.loads(request), given
            for each in given:
                os.close(each)
            ending = os.pidfd_open(pid)
            running[ending] = (pid, status)
            selector.register(ending, selectors.EVENT_READ)
            _tell(status, pid)
    return None


def _accepted(listening: socket.socket, selector: selectors.BaseSelector) -> socket.socket:
    asking, _ = listening.accept()
    selector.register(asking, selectors.EVENT_READ)
    return asking


def _tell_end(ending: int, pid: int, status: int) -> None:
    os.close(ending)
    _tell(status, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(status)


def _tell(status: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know
        os.write(status, NUMBER.pack(number))


def _become(folder: str, environment: dict[str, str], streams: Sequence[int]) -> None:
    """Give the forked process what a started one would have."""
    for descriptor, standard in zip(streams, (0, 1, 2), strict=True):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)


def _forks_templates(asked: Callable[[], socket.socket]) -> Callable[[], None]:
    """Let what functions are forked from be forked as well, where it is such a one; answers the end of that."""
    from emulator.functions.processes import launching, template

    def launch(means: Means, folder: Path) -> Launched:
        if not means.forks:
            return start(means, folder)
        ours, theirs = socket.socketpair()
        with theirs:
            process: Any = ForkedTemplate(asked(), theirs, folder, dataclasses.asdict(means))
        ours.setblocking(False)
        return launching.Launched(process, ours, folder)

    def put(launch: Callable[[Means, Path], Launched]) -> None:
        for module in (launching, template):
            vars(module)["launch"] = launch

    start = launching.launch
    put(launch)
    return functools.partial(put, start)


def _forks_services(asked: Callable[[], socket.socket]) -> Callable[[], None]:
    """The same of the services, whose account is a constant in a process that has imported them."""
    from emulator.services import process

    def launch(arguments: Sequence[str], variables: Mapping[str, str], descriptor: int) -> Any:
        if variables["MOTO_ACCOUNT_ID"] != ACCOUNT:
            return start(arguments, variables, descriptor)
        return ForkedServices(asked(), arguments, variables, descriptor)

    start = process.launch
    vars(process)["launch"] = launch
    return functools.partial(vars(process).__setitem__, "launch", start)


def _make_clients() -> None:
    """Let botocore's sessions share what they read of the services, as those of the tests do, and have read it."""
    import boto3
    from botocore import hooks, session

    from emulator.functions.processes import ahead

    vars(session)["create_loader"] = functools.cache(session.create_loader)
    for keep in (ahead.keep_event_names, ahead.see_keywords):
        keep(hooks)
    made = boto3.session.Session(region_name="us-east-1", aws_access_key_id="-", aws_secret_access_key="-")
    for service in DEPLOYED:
        made.client(service).close()


@contextlib.contextmanager
def are_forked(*kinds: Literal["services", "template"]) -> Iterator[None]:
    """While the block runs, those of emulators in this process, where they can be."""
    with contextlib.ExitStack() as stack:
        if can_be_forked(Path(os.devnull).parent, os.environ):
            for kind in kinds:
                forks = _forks_services if kind == "services" else _forks_templates
                stack.callback(forks(functools.partial(_server, kind)))
        yield


def _serve_commands(kind: str, asked: socket.socket, *others: socket.socket) -> None:
    for each in IMPORTED[kind]:
        importlib.import_module(each)
    if kind == "deploying":
        _make_clients()
    gc.freeze()
    found = serve(asked)
    if found is None:
        for other in others:
            other.send(b"")  # commands that run may hold this end
        return
    (arguments, folder, environment, own_children), outputs = found
    _become(folder, environment, (os.open(os.devnull, os.O_RDONLY), *outputs))
    sys.argv = arguments
    if own_children:
        for other in others:
            other.close()
    elif others:
        templates, services = others
        _forks_templates(lambda: templates)
        _forks_services(lambda: services)
    _end_after(functools.partial(_run_pytest, folder) if kind == "pytest" else _run_command)


def _run_pytest(folder: str) -> None:
    import pytest

    sys.path[0] = folder
    sys.exit(pytest.main())


def _run_command() -> None:
    from streamer._entry import main

    main()


def _end_after(run: Callable[[], None]) -> None:
    """Run it, and end as Python does, but for taking apart what was imported: that takes longer than most commands.

    Whoever ends otherwise than by a status, or cannot write what is left of the output, is Python's own to end.
    """
    status: Any = None
    try:
        run()
    except SystemExit as error:
        status = error.code
        if not isinstance(status, int | None):
            raise
    vars(threading)["_shutdown"]()
    vars(atexit)["_run_exitfuncs"]()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(status)
    os._exit(0 if status is None else status & 0xFF)


def _serve_templates(asked: socket.socket, names: list[str]) -> None:
    """Import what the bootstrap of templates would, by its own means; whoever is forked has nothing left to import."""
    spec = importlib.util.spec_from_file_location("bootstrap", BOOTSTRAP)
    assert spec is not None
    assert spec.loader is not None
    bootstrap: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    ahead = bootstrap._sibling("ahead")
    import_ahead = ahead.import_ahead
    for _ in import_ahead(names):
        pass
    ahead.import_ahead = lambda wanted: import_ahead([name for name in wanted if name not in names])
    found = serve(asked)
    if found is None:
        return
    (of_environments, means, environment, folder, files, policy), (*streams, control) = found
    _become(folder, environment, streams)
    os.setsid()
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    os.sched_setscheduler(0, policy, os.sched_param(0))
    _end_after(functools.partial(bootstrap.main, control, of_environments, means))


def _serve_services(asked: socket.socket) -> None:
    for each in SERVICES:
        importlib.import_module(each)
    gc.freeze()
    found = serve(asked)
    if found is None:
        return
    (arguments, folder, variables), (log, connection) = found
    nothing = [os.open(os.devnull, os.O_RDWR) for _ in range(2)]
    _become(folder, variables, (*nothing, log))
    os.setsid()
    from moto.moto_api._internal import mock_random

    mock_random.seed()  # else all make the same names
    path, module, _, *further = arguments
    sys.path[:] = json.loads(path)
    importlib.import_module(module).main(connection, *further)


def _main(kind: str, asked: str, *told: str) -> None:
    sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120 - where the command is, as its own process has it
    sockets = [socket.socket(fileno=int(each)) for each in (asked, *told) if each.isdecimal()]
    for each in sockets:
        each.set_inheritable(False)
    if kind == "template":
        _serve_templates(sockets[0], json.loads(told[0]))
    elif kind == "services":
        _serve_services(sockets[0])
    else:
        _serve_commands(kind, *sockets)


if __name__ == "__main__":
    _main(*sys.argv[1:])
