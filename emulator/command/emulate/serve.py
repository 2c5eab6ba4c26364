"""What ``streamer emulate`` serves: finds it, and hands it to the emulator with all that it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.project import Project
from streamer.settings import wanted_of

from ...functions.processes.launching import Launched
from ...port.front import bind
from ..here.development_secret import state_folder
from ..here.identity import Access, Identity, key_kind
from ..options import EmulateOptions
from ..printing.output import output, tell_messages
from ..targets.which_target import target_of


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
