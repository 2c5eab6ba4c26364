"""Starts ``streamer emulate``: functions get ready in a process of their own while the emulator does in this one.

Imports next to nothing before that process is told which project is meant, since whoever connects first waits for it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.errors import ConfigurationError

from ...functions.processes.launching import PLAIN_AHEAD, Launched
from ..options import EmulateOptions
from .early import prepare, template

if TYPE_CHECKING:
    from streamer.project import Project


def start(options: EmulateOptions) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP (the terminal closes); a second signal ends it at once.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    try:
        options = _with_isolation(options)
        _refuse_one_file_for_two(options)
        prepare()
        with template(is_needed=options.isolation != "inline") as launched:
            from ..targets.which_project import project_of  # noqa: PLC0415 - while the other process starts

            project, shell = project_of(options)
            if launched is not None:
                _tell(launched, options, project)
            from .serve import serve  # noqa: PLC0415 - two hundred modules, while the other process imports its own

            serve(options, project, shell, launched)
    except ConfigurationError as error:
        if options.log_format == "json":
            from ..printing.output import fail  # noqa: PLC0415 - as above

            fail(error)
        raise


def _with_isolation(options: EmulateOptions) -> EmulateOptions:
    if options.debug is not None:
        if options.isolation == "process":
            raise ConfigurationError("--debug runs functions inline, where debuggers reach them; leave out --isolation")
        options = dataclasses.replace(options, isolation="inline")
    if options.isolation != "inline":
        return options
    inline = "--isolation inline" if options.debug is None else "--debug"
    for said, option, why in (
        (options.inspect, "--inspect", "functions of Node.js run there"),
        (options.domain == "aws", "--domain aws", "only there AWS's names lead to the emulator"),
        (options.real, "--real", "only from there requests come here, to be signed as yours"),
    ):
        if said:
            raise ConfigurationError(f"{option} needs functions in processes: {why}; leave out {inline}")
    return options


def _refuse_one_file_for_two(options: EmulateOptions) -> None:
    state, ready = options.state_file, options.ready_file
    if state is not None and ready is not None and state.resolve() == ready.resolve():
        raise ConfigurationError(
            f"--state and --ready-file are both {state}, which one would write over; name two files"
        )


def _tell(launched: Launched, options: EmulateOptions, project: Project) -> None:
    """Say what to import: of a template that no handler is ours, and where it has its code, is said for each function.

    What is deployed later may be an App.
    """
    from ..targets.which_project import template_name  # noqa: PLC0415 - as `start`

    if options.control_plane:
        launched.tell()
    elif not options.demo and template_name(options.target, project, Path.cwd()) is not None:
        launched.tell(PLAIN_AHEAD)
    else:
        launched.tell(code=project.code)
