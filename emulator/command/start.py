"""Starts ``streamer emulate``: functions get ready in a process of their own while the emulator does in this one.

Imports next to nothing before that process is started, since whoever connects first waits for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from pathlib import Path

from streamer.errors import ConfigurationError
from streamer.project import Project, read, variables

from ..functions.processes.launching import launched_ahead
from .open_files import raise_file_limit
from .options import EmulateOptions
from .which_project import pairs, project_at, template_name


def start(options: EmulateOptions) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP (the terminal closes); a second signal ends it at once.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    try:
        options = _with_isolation(options)
        project, shell = _project(options)
        _take_signals()
        raise_file_limit()
        _share_cores()
        is_inline = options.isolation == "inline"
        with contextlib.nullcontext() if is_inline else launched_ahead(_code(options, project)) as launched:
            from .serve import serve  # noqa: PLC0415 - two hundred modules, while the other process imports its own

            serve(options, project, shell, launched)
    except ConfigurationError as error:
        if options.log_format == "json":
            from .output import fail  # noqa: PLC0415 - as above

            fail(error)
        raise


def _with_isolation(options: EmulateOptions) -> EmulateOptions:
    if options.debug is not None:
        if options.isolation == "process":
            raise ConfigurationError("--debug runs functions inline, where debuggers reach them; leave out --isolation")
        options = dataclasses.replace(options, isolation="inline")
    if options.inspect and options.isolation == "inline":
        raise ConfigurationError("--inspect is for functions of Node.js, which run in processes; leave out --isolation")
    return options


def _project(options: EmulateOptions) -> tuple[Project, dict[str, str]]:
    """The project that is emulated, and the variables of the shell and of its ``.env``."""
    if options.demo and options.target is not None:
        raise ConfigurationError(f"--demo runs the built-in demo, and {options.target!r} is something else; choose one")
    here = Path.cwd()
    is_bare = options.demo or options.control_plane
    project = read(here, options.stage) if is_bare else project_at(here, options.target, options.stage)
    project = dataclasses.replace(project, environment={**project.environment, **pairs(options.env)})
    return project, variables(project.folder, os.environ, options.env_file)


def _code(options: EmulateOptions, project: Project) -> Path | None:
    """Where modules of the project's own are found before all others; None: a template says it for each function."""
    if options.control_plane or (not options.demo and template_name(options.target, project) is not None):
        return None
    return project.code


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
