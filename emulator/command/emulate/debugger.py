"""Lets a debugger of an editor stop in functions, which then run in this process: ``streamer emulate --debug``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamer.errors import ConfigurationError

from ...foundation import log

HOST = "127.0.0.1"
_QUIET = "PYDEVD_DISABLE_FILE_VALIDATION"
"""Without it debugpy warns of breakpoints in frozen modules, which are the standard library's, as if all were meant."""


def wait_for_debugger(port: int) -> None:
    """Listen for a debugger, and wait until one is there. For the thread of the event loop, which it never stops.

    Raises:
        ConfigurationError: debugpy is not installed, or cannot listen there.
    """
    try:
        debugpy: Any = importlib.import_module("debugpy")
    except ImportError as error:
        raise ConfigurationError("--debug needs debugpy, which is not installed: pip install debugpy") from error
    with _quiet():
        try:
            _, port = debugpy.listen((HOST, port))
        except (OSError, RuntimeError) as error:
            raise ConfigurationError(f"--debug cannot listen on {HOST}:{port}: {error}") from error
        log.info("waiting for a debugger to attach", address=f"{HOST}:{port}")
        debugpy.wait_for_client()
    debugpy.trace_this_thread(False)
    log.info("a debugger is attached; no time-out ends what it stops")


@contextmanager
def _quiet() -> Iterator[None]:
    """The variable is there while debugpy looks at it, and functions do not find it."""
    before = os.environ.get(_QUIET)
    os.environ.setdefault(_QUIET, "1")
    try:
        yield
    finally:
        if before is None:
            del os.environ[_QUIET]
