"""Sends all that ``streamer emulate`` tells where it belongs: the emulator's log and the functions', as was asked."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError

from ...foundation import log
from ...functions.logs import Fanout, LambdaLogFiles, LogSink
from ..options import EmulateOptions
from .json_lines import JsonLines, wrapped_stderr
from .lines import Verbosity
from .stream import LogStream, Stream
from .terminal import Terminal, code_of
from .unread import UnreadStream

LIBRARIES: Final = ("asyncio", "py.warnings")
"""Loggers besides ours whose warnings are ours to show."""


@contextmanager
def output(options: EmulateOptions, folder: Path) -> Iterator[LogSink]:
    """While the block runs, logs go to standard error, and to ``--log-dir``; answers what takes the functions'.

    Raises:
        ConfigurationError: the options contradict each other, or the folder for logs cannot be used.
    """
    verbosity = _verbosity(options)
    with ExitStack() as stack:
        # A stream of its own, so that what others write to descriptor 2 can be told from it.
        file = UnreadStream(os.dup(2))
        stream = LogStream(file)
        stack.callback(stream.close)
        taker: Terminal | JsonLines
        if options.log_format == "json":
            taker = JsonLines(stream)
            stack.enter_context(wrapped_stderr(taker))
        else:
            colours = has_colours(file, os.environ)
            taker = Terminal(stream, code=code_of(folder), verbosity=verbosity, colours=colours)
        stack.enter_context(installed(taker))
        if options.log_dir is None:
            yield taker
            return
        try:
            files = LambdaLogFiles(options.log_dir)
        except OSError as error:
            raise ConfigurationError(f"the log folder {options.log_dir} cannot be used: {error.strerror}") from error
        with contextlib.closing(files):
            yield Fanout(taker, files)


@contextmanager
def standard_output(descriptor: int = 1) -> Iterator[Callable[[str], None]]:
    """What writes a text there while the block runs, and waits for nobody who reads it."""
    if sys.stdout is None:  # closed from the beginning, and its descriptor something else's
        yield lambda _text: None
        return
    stream = UnreadStream(os.dup(descriptor))

    def say(text: str) -> None:
        try:
            stream.write(f"{text}\n")
            stream.flush()
        except BrokenPipeError:
            pass  # nobody reads it any more
        except OSError as error:
            log.warning(f"standard output cannot be written: {error.strerror}")

    try:
        yield say
    finally:
        with contextlib.suppress(OSError):
            stream.close()


@contextmanager
def installed(handler: logging.Handler) -> Iterator[None]:
    """While the block runs, the emulator's log, and what libraries warn of, go to a handler."""
    own = log.LOGGER
    before = own.handlers, own.propagate, own.level
    own.handlers, own.propagate = [handler], False
    own.setLevel(logging.INFO)
    for name in LIBRARIES:
        logging.getLogger(name).addHandler(handler)
    with warnings.catch_warnings():
        logging.captureWarnings(True)
        try:
            yield
        finally:
            logging.captureWarnings(False)
            for name in LIBRARIES:
                logging.getLogger(name).removeHandler(handler)
            own.handlers, own.propagate = before[0], before[1]
            own.setLevel(before[2])


def has_colours(stream: Stream, environment: Mapping[str, str]) -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (no-color.org) or it is a dumb one."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def tell_messages() -> None:
    """Have the gateway tell of every message: those of plain handlers are told by nobody else."""
    log.LOGGER.setLevel(log.MESSAGE)


def _verbosity(options: EmulateOptions) -> Verbosity:
    if options.verbose and options.quiet:
        raise ConfigurationError("-v shows everything, -q nothing but errors; choose one")
    if options.log_format == "json" and (options.verbose or options.quiet):
        raise ConfigurationError("--log-format json tells everything; leave out -v and -q, and choose by level")
    return Verbosity.ALL if options.verbose else Verbosity.ERRORS if options.quiet else Verbosity.MESSAGES


def fail(error: ConfigurationError) -> None:
    """Tell why there is no emulator, as one of the lines of a log for programs, and end with status 2.

    Raises:
        SystemExit: always.
    """
    with os.fdopen(os.dup(2), "w", encoding="utf-8") as stream:
        lines = JsonLines(LogStream(stream))
        lines.emit(logging.makeLogRecord({"msg": str(error), "levelname": "ERROR", "levelno": logging.ERROR}))
    sys.exit(2)
