"""Starts ``streamer emulate``: finds what is to run, and then lets functions get ready while the emulator does."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from streamer.errors import ConfigurationError
from streamer.project import Project, read, variables

from ..foundation import log
from ..functions.logs import LogSink
from ..functions.processes.launching import launched_ahead
from ..functions.runtimes import runtime_name
from ..port.front import bind
from . import provided_sdk
from .development_secret import FOLDER, development_secret, make_state_folder
from .identity import PUBLIC_KEY, PUBLISHED_KEYS, Access, Identity, key_kind
from .open_files import raise_file_limit
from .options import EmulateOptions
from .output import fail, output, tell_messages
from .target import DEMO, Target, find_service, pairs, prepared, project_at, template_name


def start(options: EmulateOptions) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP (the terminal closes); a second signal ends it at once.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    try:
        project, shell = _project(options)
        with output(options, project.folder) as sink:
            _start(options, project, shell, sink)
    except ConfigurationError as error:
        if options.log_format == "json":
            fail(error)
        raise


def _start(options: EmulateOptions, project: Project, shell: dict[str, str], sink: LogSink) -> None:
    if options.debug is not None:
        if options.isolation == "process":
            raise ConfigurationError("--debug runs functions inline, where debuggers reach them; leave out --isolation")
        options = dataclasses.replace(options, isolation="inline")
    if options.inspect and options.isolation == "inline":
        raise ConfigurationError("--inspect is for functions of Node.js, which run in processes; leave out --isolation")
    bind(options.host, options.port).close()  # before a folder is made in a place that is not to be
    _take_signals()
    raise_file_limit()
    _share_cores()
    folder, environment = project.folder, shell
    name = None if options.demo or options.control_plane else template_name(options.target, project)
    if options.control_plane:
        from .control_plane import control_plane  # noqa: PLC0415 - templates, which no other target pays for

        target = control_plane(options, folder, os.environ)
    elif name is not None:
        target = _load_template(name, options, folder)
    else:
        options.refuse_for_templates_only()
        chosen, found = find_service(DEMO if options.demo else options.target, project)
        environment = _with_secret(environment, folder / FOLDER)
        target = prepared(chosen, found, project, environment=environment)
        if any(runtime_name(function.runtime) == "nodejs" for function in target.topology.functions):
            target = _with_sdk(target, options, project)
    access = Access(
        identity=Identity.of_developer(environment, target.permissions),
        verifies_with=key_kind(shell, is_app=target.has_tokens, is_signed=target.is_signed),
        secret=environment.get("JWT_SECRET") if target.has_tokens else None,
    )
    _make_state_folder(folder / FOLDER)
    if options.verbose or not target.is_app:
        tell_messages()
    if options.debug is not None:
        from .debugger import wait_for_debugger  # noqa: PLC0415 - nobody else pays for it

        wait_for_debugger(options.debug)
    is_inline = options.isolation == "inline"
    with contextlib.nullcontext() if is_inline else launched_ahead() as launched:
        from .run import run_emulator  # noqa: PLC0415 - a hundred modules, while the other process imports its own

        run_emulator(options, target, project, access, sink=sink, launched=launched)


def _project(options: EmulateOptions) -> tuple[Project, dict[str, str]]:
    """The project that is emulated, and the variables of the shell and of its ``.env``."""
    if options.demo and options.target is not None:
        raise ConfigurationError(f"--demo runs the built-in demo, and {options.target!r} is something else; choose one")
    here = Path.cwd()
    is_bare = options.demo or options.control_plane
    project = read(here, options.stage) if is_bare else project_at(here, options.target, options.stage)
    project = dataclasses.replace(project, environment={**project.environment, **pairs(options.env)})
    return project, variables(project.folder, os.environ, options.env_file)


def _load_template(name: str, options: EmulateOptions, folder: Path) -> Target:
    # Templates cost some 50 ms to import, which no other target pays.
    from ..templates.assembly import find  # noqa: PLC0415
    from .from_template import load_template, run_build  # noqa: PLC0415

    if options.build is not None:
        run_build(options.build, folder)
    find(name, folder, stack=options.stack)  # before a folder is made where there is nothing
    _make_state_folder(folder / FOLDER)
    found = load_template(name, options, folder=folder, state_folder=folder / FOLDER)
    return Target(name=name, topology=found.read.described.topology, is_app=False, template=found)


def _with_sdk(target: Target, options: EmulateOptions, project: Project) -> Target:
    _make_state_folder(project.folder / FOLDER)
    into = project.folder / FOLDER / provided_sdk.FOLDER
    topology = provided_sdk.provide(target.topology, project.code, into, may_install=options.install, tell=log.info)
    return dataclasses.replace(target, topology=topology)


def _with_secret(environment: Mapping[str, str], state_folder: Path) -> dict[str, str]:
    """The variables an App's functions may get, with a secret to develop with."""
    given = {"STREAMER_ENV": "development", **environment}
    if not any(given.get(name) for name in ("JWT_SECRET", PUBLIC_KEY, PUBLISHED_KEYS)):
        given["JWT_SECRET"] = development_secret(state_folder).value
    return given


def _make_state_folder(folder: Path) -> None:
    try:
        make_state_folder(folder)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be used: {error.strerror}") from error


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
