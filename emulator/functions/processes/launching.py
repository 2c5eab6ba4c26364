"""Starts the template process.

It imports for as long as the emulator does, so the command starts it before it looks which project is meant; this
imports nothing that would delay that.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from streamer.errors import ConfigurationError

from .means import Means

if TYPE_CHECKING:
    from streamer.topology import Topology

_SCRIPT: Final = Path(__file__).with_name("bootstrap.py")
_CLIENT: Final = (
    "botocore.session",
    "logging",
    "awslambdaric.lambda_context",
    "awslambdaric.lambda_config",
    "awslambdaric.lambda_runtime_exception",
    "awslambdaric.lambda_runtime_log_utils",
    "awslambdaric.lambda_runtime_marshaller",
    "simplejson",
)
_OURS: Final = (
    "jwt",
    "streamer.handlers.connect",
    "streamer.loading",
    "streamer.stores.dynamodb_requests",
    "streamer.handlers.router",
    "streamer.handlers.disconnect",
    "streamer.running.attempt",
    "streamer.handlers.processor",
    "streamer.sending.hub",
    "streamer.handlers.builtins",
    "streamer.handlers.sweep",
    "streamer.requests.dispatcher",
)
_SDK: Final = (
    "s3transfer.manager",
    "boto3",
    "botocore.paginate",
    "botocore.waiter",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.types",
    "http.client",
    "uuid",
    "asyncio",
)
IMPORT_AHEAD: Final = (*_CLIENT, *_OURS, *_SDK)
"""What the template imports before it forks, the handlers of ours as soon as they can be: a function whose handler is
here already does not wait for what follows. No module of the user, and none that reads variables when imported (as
``runtime_client``, the native part of AWS's client, does)."""
PLAIN_AHEAD: Final = (*_CLIENT, *_SDK)
"""The same where no handler is ours, two thirds of the time: what a handler that is takes besides, its init imports."""


def ahead_for(topology: Topology) -> Sequence[str]:
    """What to import for the functions of a topology: nothing where there are some, and none runs Python. Pure."""
    handlers = [function.handler for function in topology.functions if function.runtime is None]
    if any(handler.startswith("streamer.handlers.") for handler in handlers):
        return IMPORT_AHEAD
    return PLAIN_AHEAD if handlers or not topology.functions else ()


class Launched(NamedTuple):
    """A template process that runs."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    """Our end of the control socket; it ends when ours is closed, and its environments with it."""
    folder: Path
    """For what environments keep on disk; it removes it in the end."""

    def tell(self, import_ahead: Sequence[str] = IMPORT_AHEAD, *, code: Path | None = None) -> None:
        """Tell it, once, what to import before it answers; until then it waits.

        Args:
            import_ahead: Names of modules.
            code: Where they are looked for before all other places, as functions look for theirs. None: nowhere else.
        """
        first = [] if code is None else [str(code)]
        import_path = list(dict.fromkeys([*first, *(path for path in sys.path if path)]))
        told = json.dumps([import_path, list(import_ahead)]).encode()
        assert self.process.stdin is not None
        # If it has ended, whoever listens to its socket hears of that.
        with contextlib.suppress(BrokenPipeError), self.process.stdin as there:
            there.write(told)

    def dismiss(self) -> None:
        """Let it end, unless it was told something."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.control.close()


def temporary_folder() -> Path:
    """A new folder for what environments keep on disk.

    Functions see it as their own folder for temporary files, so it is made where this machine keeps such.

    Raises:
        ConfigurationError: there is no place for it.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="streamer-"))
    except OSError as error:
        text = f"no folder for temporary files can be made: {error.strerror}; TMPDIR may name a place for it"
        raise ConfigurationError(text) from error


def launch(means: Means, folder: Path) -> Launched:
    """Start a template process, which then waits to be told what to import.

    Args:
        means: What this platform offers.
        folder: For what environments keep on disk.

    Raises:
        OSError: the system has no room for another process.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        arguments = [str(theirs.fileno()), str(folder), json.dumps(dataclasses.asdict(means))]
        process = subprocess.Popen(  # noqa: S603 - this interpreter on our own file
            [sys.executable, "-X", "utf8", "-P", str(_SCRIPT), *arguments],
            # What an environment forks has these variables, and is found by its folder when the template is killed.
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
            # A session of its own: an interrupt at the terminal must not end functions before their time.
            start_new_session=True,
        )
    ours.setblocking(False)
    return Launched(process, ours, folder)


@contextlib.contextmanager
def launched_ahead() -> Iterator[Launched]:
    """While the block runs, a template process for whoever takes it; nothing is left of it after that. See `launch`."""
    launched = launch(Means.of_this_machine(), temporary_folder())
    try:
        yield launched
    finally:
        launched.dismiss()
        if launched.process.poll() is None:  # nobody took it
            launched.process.kill()
            launched.process.wait()
        shutil.rmtree(launched.folder, ignore_errors=True)
