"""A ``streamer`` command in a process of its own, and ways to wait for what it says and does."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import boto3
import said_messages
from click.testing import CliRunner
from forked_command import begin
from websockets.sync.client import ClientConnection, connect

from cli import cli
from emulator.port.tls import authority

STREAMER = Path(sysconfig.get_path("scripts")) / "streamer"
INLINE = ("--isolation", "inline")
"""A third less to start, for tests to which it is the same where functions run."""
SERVICES = ("app.py", "app", "streamer.toml", "template.yaml", "cdk.out", ".serverless")
PATIENCE_SECONDS = 60.0
"""More than anything takes on a busy machine; reached only when something hangs."""
PYTEST_SECONDS = 3 * PATIENCE_SECONDS
"""The same for all tests of a project."""


class Output:
    """The lines of one stream, kept as they come."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern: str, *, count: int = 1) -> str:
        """The first line with a match, or the ``count``-th one, now or later."""

        seen = matching = 0
        line: str | None = None

        def found() -> bool:
            nonlocal seen, matching, line
            while line is None and seen < len(self._lines):
                matching += re.search(pattern, self._lines[seen]) is not None
                line = self._lines[seen] if matching == count else None
                seen += 1
            return line is not None

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE_SECONDS)
        assert line is not None, f"no line matches {pattern!r} in:\n{self.text}"
        return line

    def wait_for_end(self) -> str:
        """Everything, once the stream is closed."""
        self._reader.join(PATIENCE_SECONDS)
        assert not self._reader.is_alive(), "somebody still holds the stream open"
        return self.text

    @property
    def text(self) -> str:
        """Everything so far."""
        with self._changed:
            return "\n".join(self._lines)


def has_target(arguments: tuple[str, ...]) -> bool:
    """Whether a target is among them: ``module:attribute``, a template that comes first, the control plane."""
    if "--control-plane" in arguments or any(":" in each for each in arguments):
        return True
    return bool(arguments) and not arguments[0].startswith("-")


@functools.cache
def certificates() -> Path:
    """A folder with the emulator's certificates, made once: each new folder's own would take a tenth of every start."""
    folder = Path(tempfile.mkdtemp(prefix="certificates-"))
    atexit.register(shutil.rmtree, folder)
    authority(folder)
    return folder


class Emulate:
    """A running ``streamer emulate`` on a free port; enter it to start, leave it to make sure that it is gone.

    Where the folder holds no service and no target is named, it runs the demo. ``is_forked`` False: Python starts anew.
    ``own_children``: what it starts are children of its own, as they are for users.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: dict[str, str] | None = None,
        ready_file: str = "ready.json",
        is_forked: bool = True,
        own_children: bool = False,
    ) -> None:
        self.folder = folder
        self._ready_file = ready_file
        if not any((folder / name).exists() for name in SERVICES) and not has_target(arguments):
            arguments = ("--demo", *arguments)
        self._arguments = arguments
        state = folder / ".streamer"
        if folder.is_dir() and not state.is_symlink() and not state.exists():
            shutil.copytree(certificates(), state)
        command = (str(STREAMER), "emulate", "--port", "0", "--ready-file", ready_file, *arguments)
        variables = {**os.environ, **(environment or {})}
        self._process = begin(command, folder, variables, is_forked=is_forked, own_children=own_children)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.out = Output(self._process.stdout)
        self.log = Output(self._process.stderr)
        self.ready: dict[str, Any] = {}
        self._tokens: dict[tuple[str, ...], str] = {}

    def __enter__(self) -> Self:
        try:
            self.out.wait_for("Stop with Ctrl-C")
        except AssertionError as error:
            self._process.kill()
            raise AssertionError(f"{error}\nlog:\n{self.log.text}") from None
        self.ready = json.loads((self.folder / self._ready_file).read_text())
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if self._process.poll() is None:
            self._check_messages(is_failing=kind is not None)
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise

    def _check_messages(self, *, is_failing: bool) -> None:
        if self.ready and not is_failing:
            try:
                said_messages.check(self.folder, str(self.ready["url"]), self._arguments)
            except BaseException:
                self.kill()
                raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def url(self) -> str:
        """The WebSocket URL, without a token."""
        return str(self.ready["websocket_url"])

    @property
    def port(self) -> int:
        """The port of everything."""
        return int(self.url.split(":")[2].split("/")[0])

    def token(self, *arguments: str, user: str = "ada") -> str:
        """What ``streamer token`` prints in the same folder; asked once of each user, but for lives of tokens.

        Run in this process, where no other thread shares its folder and its output; `test_token_command` holds that the
        command in its own prints the same.
        """
        asked = (user, *arguments)
        if asked not in self._tokens or "--expires-in" in arguments:
            command = ["token", "--user", user, "--tenant", "acme", *arguments]
            if threading.current_thread() is threading.main_thread():
                with contextlib.chdir(self.folder):
                    done = CliRunner().invoke(cli, command)
                assert done.exit_code == 0, done.output
                said = done.stdout
            else:
                said = streamer(*command, folder=self.folder).stdout
            assert said, "streamer token printed nothing"
            self._tokens[asked] = said.strip()
        return self._tokens[asked]

    def address(self, *token_arguments: str, user: str = "ada") -> str:
        """The WebSocket URL with a good token."""
        return f"{self.url}?Authorization={self.token(*token_arguments, user=user)}"

    def aws(self, service: str, **options: Any) -> Any:
        """A boto3 client."""
        names = {"dynamodb": "dynamodb_url", "apigatewaymanagementapi": "management_url"}
        return aws_client(service, str(self.ready[names[service]]), **options)

    def interrupt(self) -> int:
        """Send SIGINT, and wait for the exit status."""
        return self.stop(signal.SIGINT)

    def stop(self, number: signal.Signals) -> int:
        """Send a signal, and wait for the exit status."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """SIGKILL: no chance to clean up."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)


def aws_client(service: str, url: str, **options: Any) -> Any:
    """A boto3 client of an emulator."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys, **options)


def streamer(*arguments: str, folder: Path, is_forked: bool = True) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return _ended((str(STREAMER), *arguments), folder, os.environ, PATIENCE_SECONDS, is_forked=is_forked)


def pytest_in(folder: Path, *options: str) -> str:
    """What pytest says of a user's project whose tests pass; `tests/wheel.py` starts it anew.

    Hypothesis is what our tests need; its import would take half of the time of pytest's own start.
    """
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *options)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = _ended(command, folder, variables, PYTEST_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _ended(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], seconds: float, *, is_forked: bool = True
) -> subprocess.CompletedProcess[str]:
    process = begin(command, folder, variables, is_forked=is_forked)
    try:
        out, log = process.communicate(timeout=seconds)
    except BaseException:
        process.kill()
        raise
    return subprocess.CompletedProcess(command, process.wait(), out, log)


def ask(client: ClientConnection, action: str, payload: Any = None, *, request_id: str = "r-1") -> list[dict[str, Any]]:
    """Everything the service says about one request, up to the final message.

    The acknowledgment may be overtaken by any of it (docs/protocol.md); what is left of a request before is skipped.
    """
    client.send(json.dumps({"action": action, "id": request_id, "payload": payload}))
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["type"] not in {"response", "complete", "error", "pong"}:
        message = json.loads(client.recv(PATIENCE_SECONDS))
        messages += [message] if message.get("request_id") == request_id else []
    return messages


def dial(url: str, **options: Any) -> ClientConnection:
    """A connected client."""
    client: ClientConnection = connect(url, compression=None, proxy=None, open_timeout=PATIENCE_SECONDS, **options)
    return client


def descendants(pid: int) -> set[int]:
    """All processes below one, by Linux's /proc."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found: set[int] = set()
    level = {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level} - found
        found |= level
    return found


def watch_end(pid: int) -> Callable[[], bool]:
    """A function that waits for the end of a process that need not be ours; False when it lives on."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return lambda: True

    def ended() -> bool:
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(PATIENCE_SECONDS * 1000))
        finally:
            os.close(descriptor)

    return ended
