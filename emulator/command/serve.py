"""What ``streamer emulate`` serves: finds it, and hands it to the emulator with all that it needs."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streamer.project import Project
from streamer.settings import wanted_of

from ..foundation import log
from ..functions.processes.launching import Launched
from ..functions.runtimes import is_node
from ..port.front import bind
from . import provided_sdk
from .here.development_secret import FOLDER, development_secret, state_folder
from .here.identity import PUBLIC_KEY, PUBLISHED_KEYS, Access, Identity, key_kind
from .options import EmulateOptions
from .printing.output import output, tell_messages
from .target import DEMO, Target, find_service, of_template, prepared
from .which_project import template_name


def serve(options: EmulateOptions, project: Project, shell: dict[str, str], launched: Launched | None) -> None:
    """Run a project until SIGINT, SIGTERM or SIGHUP (the terminal closes); a second signal ends it at once.

    Args:
        options: What was asked for.
        project: What is emulated.
        shell: The variables of the shell and of the project's ``.env``.
        launched: The process that forks functions; None: they run inline.

    Raises:
        ConfigurationError: it cannot start; the message is one line for the user.
    """
    with output(options, project.folder) as sink:
        bind(options.host, options.port).close()  # before a folder is made in a place that is not to be
        # What streamer.toml and --env say wins, as it does in the functions.
        said = {**shell, **project.environment}
        with _own_modules_first(project.code):
            target, environment = target_of(options, project, said)
        access = Access(
            identity=Identity.of_developer(environment, target.permissions),
            verifies_with=key_kind(said, is_app=target.has_tokens, is_signed=target.is_signed),
            secret=environment.get("JWT_SECRET") if target.has_tokens else None,
            wanted=wanted_of(environment) if target.has_tokens else {},
        )
        state_folder(project.folder)
        if options.verbose or not target.is_app:
            tell_messages()
        if options.debug is not None:
            from .debugger import wait_for_debugger  # noqa: PLC0415 - nobody else pays for it

            wait_for_debugger(options.debug)
        from .run import run_emulator  # noqa: PLC0415 - a hundred modules, which no mistake in the target waits for

        run_emulator(options, target, project, access, sink=sink, launched=launched)


@contextmanager
def _own_modules_first(code: Path) -> Iterator[None]:
    """Take a project's code off the import path again: a ``queue.py`` of its own is not what the emulator imports."""
    was_there = str(code) in sys.path
    try:
        yield
    finally:
        if not was_there and str(code) in sys.path:
            sys.path.remove(str(code))


def target_of(options: EmulateOptions, project: Project, said: dict[str, str]) -> tuple[Target, Mapping[str, str]]:
    """What is to run, and the variables that it is told: those, and a secret to develop with where an App needs one."""
    if options.control_plane:
        from .control_plane import control_plane  # noqa: PLC0415 - templates, which no other target pays for

        return control_plane(options, project.folder, os.environ), said
    name = None if options.demo else template_name(options.target, project, Path.cwd())
    if name is not None:
        return _load_template(name, options, project.folder), said
    options.refuse_for_templates_only()
    chosen, found = find_service(DEMO if options.demo else options.target, project)
    environment = _with_secret(said, project.folder / FOLDER)
    target = prepared(chosen, found, project, environment=environment)
    if any(is_node(function) for function in target.topology.functions):
        target = _with_sdk(target, options, project)
    return target, environment


def _load_template(name: str, options: EmulateOptions, folder: Path) -> Target:
    # Templates cost some 50 ms to import, which no other target pays.
    from .from_template import open_template  # noqa: PLC0415

    return of_template(open_template(name, options, folder))


def _with_sdk(target: Target, options: EmulateOptions, project: Project) -> Target:
    into = state_folder(project.folder) / provided_sdk.FOLDER
    topology = provided_sdk.provide(target.topology, project.code, into, may_install=options.install, tell=log.info)
    return dataclasses.replace(target, topology=topology)


def _with_secret(environment: Mapping[str, str], state_folder: Path) -> dict[str, str]:
    """The variables an App's functions may get, with a secret to develop with."""
    given = {"STREAMER_ENV": "development", **environment}
    if not any(given.get(name) for name in ("JWT_SECRET", PUBLIC_KEY, PUBLISHED_KEYS)):
        given["JWT_SECRET"] = development_secret(state_folder).value
    return given
