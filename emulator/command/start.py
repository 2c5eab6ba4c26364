"""Starts ``streamer emulate``: first the process that takes longest to be ready, then all that the emulator imports."""

from __future__ import annotations

import contextlib
import os
import signal

from streamer.errors import ConfigurationError

from ..functions.processes.launching import launched_ahead
from .open_files import raise_file_limit
from .options import EmulateOptions


def start(options: EmulateOptions) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP (the terminal closes); a second signal ends it at once.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    try:
        # What the process of functions inherits.
        _take_signals()
        raise_file_limit()
        _share_cores()
        is_inline = options.isolation == "inline" or options.debug is not None
        with contextlib.nullcontext() if is_inline else launched_ahead() as launched:
            from .run import run_emulator  # noqa: PLC0415 - a hundred modules, while the other process imports its own

            run_emulator(options, launched)
    except ConfigurationError as error:
        if options.log_format == "json":
            from .output import fail  # noqa: PLC0415 - as above

            fail(error)
        raise


def _take_signals() -> None:
    """Hear of ended children and of requests to stop, whatever those who started us do not want to hear of."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


def _share_cores() -> None:
    """Let the emulator and its environments finish what they do before another of them gets their core.

    A message goes back and forth between them. Where each that wakes up interrupts the one that woke it, fewer than a
    core per process leaves most of the time to the switches: a tenth of all messages a second (docs/performance.md).
    """
    if hasattr(os, "SCHED_BATCH"):  # Linux; environments inherit it
        with contextlib.suppress(OSError):  # a container may not allow it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
