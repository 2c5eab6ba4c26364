"""What a handler's thread sees of the emulator's process: its own variables, output and log.

Lambda gives each environment a process. Inline there is one, so while a `Scope` is open ``os.environ``,
``sys.stdout``, ``sys.stderr``, the root logger and ``breakpoint`` answer according to the thread that asks.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, TextIO, cast

from streamer.aws_limits import LOOPBACK
from streamer.errors import ConfigurationError

from ...iam.keys import Keys
from .awslambdaric_client import json_formatter
from .botocore_credentials import know, sign_as

_ONE_AT_A_TIME: Final = threading.Lock()
"""Held by the scope that has taken the places of the process's objects."""


class Seen:
    """What one event's thread sees."""

    __slots__ = ("debugging", "environment", "hold", "json_logs", "keys", "partial", "request_id", "write_line")

    def __init__(
        self,
        *,
        environment: MutableMapping[str, str],
        trace_id: str,
        request_id: str,
        write_line: Callable[[str], None],
        keys: Keys | None = None,
        hold: Callable[[], None] = lambda: None,
    ) -> None:
        self.environment = ChainMap(environment, {"_X_AMZN_TRACE_ID": trace_id})
        """Writes reach the function's variables, which outlive the event as on a warm environment."""
        self.request_id = request_id
        self.keys = keys
        """What the function signs with; None: as everybody."""
        self.write_line = write_line
        self.partial = ""
        self.debugging = False
        self.hold = hold
        """Called when it stops in a debugger: from then on no time-out ends it."""
        self.json_logs = environment.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"

    def write(self, text: str) -> None:
        """Pass on whole lines and keep the rest."""
        # As in Lambda's log, a carriage return does not end an event: it separates lines of one.
        *lines, self.partial = (self.partial + text).split("\n")
        for line in lines:
            self.write_line(line.replace("\r", "\n"))

    def end(self) -> None:
        """Pass on what has no line end."""
        if self.partial:
            self.write("\n")


class Scope:
    """Gives each thread of a handler its own view, from `open` to `close`. One at a time in a process."""

    def __init__(self, shared: Mapping[str, str], owner: Keys) -> None:
        """Of functions that share these variables; threads of their own sign as the owner."""
        self._shared = shared
        self._owner = owner
        # A context variable, so that threads to which a handler takes its context (asyncio.to_thread, the runtime's own
        # threads for actions) see what the handler sees.
        self._seen: ContextVar[Seen | None] = ContextVar("seen", default=None)
        self._undo: list[Callable[[], None]] = []
        self._signing = threading.Lock()
        self._has_signers = True
        """Whether nothing is left for `sign` to do: so it is while this is not open."""

    @property
    def seen(self) -> Seen | None:
        """What the calling thread sees; None: it runs no handler."""
        return self._seen.get()

    def enter(self, seen: Seen) -> None:
        """From now on the calling thread sees this."""
        if not self._has_signers:
            self.sign()
        # pytest, and others that capture output, exchange the streams between a fixture's start and the test.
        self._take_output()
        self._seen.set(seen)
        if seen.keys is not None:
            know(seen.keys.access_key_id)

    def leave(self) -> None:
        """The calling thread's event ended."""
        seen = self.seen
        if seen is not None:
            seen.end()
        self._seen.set(None)

    def open(self) -> None:
        """Take the places of the process's objects.

        Raises:
            ConfigurationError: another scope of this process has them.
        """
        if not _ONE_AT_A_TIME.acquire(blocking=False):
            raise ConfigurationError(
                "an emulator with inline functions runs in this process already: stop it first, or let the second one "
                "run its functions in processes"
            )
        self._undo.append(_ONE_AT_A_TIME.release)
        # A handler's own threads have no view of their own: what all functions share is set for the whole process,
        # above all the endpoints, or such a thread would reach the real AWS.
        before = dict(os.environ)
        lent = {**of_a_process(before), **self._shared}
        _set(os.environ, lent)
        self._undo.append(lambda: _set(os.environ, {name: before.get(name) for name in lent}))
        self._replace(os, "environ", _Variables(os.environ, self))
        self._take_output()
        self._undo.append(self._leave_output)
        self._replace(sys, "breakpointhook", _Breakpoint(self))
        self._has_signers = False
        if "botocore.credentials" in sys.modules:
            self.sign()
        handler = _LogHandler(self)
        logging.getLogger().addHandler(handler)
        self._undo.append(lambda: logging.getLogger().removeHandler(handler))

    def sign(self) -> None:
        """Let functions sign as themselves, unless they do. Before the first of them runs, from any thread."""
        with self._signing:
            if not self._has_signers:
                self._undo.append(sign_as(self._owner, self._current_keys))
                self._has_signers = True

    def _current_keys(self) -> Keys | None:
        return None if self.seen is None else self.seen.keys

    def close(self) -> None:
        """Put everything back."""
        with self._signing:
            self._has_signers = True
            while self._undo:
                self._undo.pop()()

    def _take_output(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if not (isinstance(stream, _Output) and stream.scope is self):
                setattr(sys, name, _Output(stream, self))

    def _leave_output(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, _Output) and stream.scope is self:
                setattr(sys, name, stream.stream)

    def _replace(self, owner: Any, name: str, replacement: object) -> None:
        original = getattr(owner, name)
        setattr(owner, name, replacement)
        self._undo.append(lambda: setattr(owner, name, original))


class _Breakpoint:
    """``breakpoint()``: lets go of the output, and leaves no frame of its own between the debugger and the handler.

    Debuggers stop in the frame that called them. Python looks ``__call__`` up before it calls, without a frame.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def __call__(self) -> Callable[..., Any]:
        seen = self._scope.seen
        if seen is not None:
            # The debugger's prompt has no line end and must reach the terminal as it is.
            seen.end()
            seen.debugging = True
            seen.hold()
        return sys.__breakpointhook__


def of_a_process(shell: Mapping[str, str]) -> dict[str, str | None]:
    """What else functions see of the shell's variables, as they would in a process of their own; None: not it.

    Nothing of it that AWS's SDKs read is meant for the emulator: neither a profile and its files, nor another endpoint,
    nor a proxy to this machine.
    """
    found: dict[str, str | None] = dict.fromkeys(name for name in shell if name.startswith("AWS_"))
    found |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    for name in ("NO_PROXY", "no_proxy"):
        # Of both spellings the lower one counts, where it is there; "*" for everything counts alone.
        said = shell.get(name) or shell.get("no_proxy") or shell.get("NO_PROXY") or ""
        found[name] = said if said == "*" else ",".join((*filter(None, (said,)), *LOOPBACK))
    return found


def _set(environ: MutableMapping[str, str], variables: Mapping[str, str | None]) -> None:
    """Set variables; those that are None are taken away."""
    for name, value in variables.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value


class _Variables(MutableMapping[str, str]):
    """``os.environ`` with a view per thread."""

    def __init__(self, process: MutableMapping[str, str], scope: Scope) -> None:
        self._process = process
        self._scope = scope

    def _visible(self) -> MutableMapping[str, str]:
        seen = self._scope.seen
        return self._process if seen is None else ChainMap(*seen.environment.maps, self._process)

    def __getitem__(self, name: str) -> str:
        return self._visible()[name]

    def __setitem__(self, name: str, value: str) -> None:
        if not isinstance(cast("object", value), str):
            raise TypeError(f"str expected, not {type(value).__name__}")
        self._visible()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._visible()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._visible()))

    def __len__(self) -> int:
        return len(self._visible())

    def __repr__(self) -> str:
        return f"environ({dict(self)!r})"

    def copy(self) -> dict[str, str]:
        """A plain copy of what the calling thread sees."""
        return dict(self)

    def __or__(self, other: Mapping[str, str]) -> dict[str, str]:
        return {**self, **other}

    def __ror__(self, other: Mapping[str, str]) -> dict[str, str]:
        return {**other, **self}


class _Output:
    """``sys.stdout`` or ``sys.stderr``: lines of a handler's thread go to the log, all others where they went."""

    def __init__(self, stream: TextIO, scope: Scope) -> None:
        self.stream = stream
        self.scope = scope

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write to the thread's own destination."""
        seen = self.scope.seen
        if seen is None or (seen.debugging and not _is_record(text)):
            return self.stream.write(text)
        seen.write(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)


def _is_record(text: str) -> bool:
    """Whether it is a structured line, which is for the log whoever sits at the debugger."""
    return text.startswith(('{"level":"', '{"_aws":')) and text.endswith("}\n")


class _LogHandler(logging.Handler):
    """Lambda's root handler, for records of handlers' threads. [REC] ric (H16)"""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope
        self._text = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
        )
        self._text.converter = time.gmtime
        self._json = json_formatter()
        self._json.converter = time.gmtime

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record as Lambda does and pass it on."""
        seen = self._scope.seen
        if seen is None:
            return
        record.aws_request_id = seen.request_id
        record.tenant_id = None
        seen.write_line((self._json if seen.json_logs else self._text).format(record).rstrip("\n"))
