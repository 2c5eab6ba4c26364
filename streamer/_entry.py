"""Where the tools live: beside ``streamer`` in a checkout, inside it in an installed wheel.

The console script and the pytest plugin are declared against this module, so both layouts have the same entry points.
Imports, as the package itself, nothing that Python has not imported by then: a Ctrl-C before `main` is a traceback.
"""

from __future__ import annotations

import _thread
import codecs
import gc
import os
import sys
import time

_LEFT_SECONDS = 1.0
"""How long threads may take to end when the command is over."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def tool(name: str) -> ModuleType:
    """Import ``cli``, ``emulator.…`` or ``deploy.…`` from wherever this installation keeps it."""
    import importlib.util  # noqa: PLC0415 - see the module's docstring

    installed = f"streamer.{name}"
    parent = installed.rpartition(".")[0]
    try:
        found = importlib.util.find_spec(parent) is not None and importlib.util.find_spec(installed) is not None
    except ModuleNotFoundError:
        found = False
    return importlib.import_module(installed if found else name)


def _open_what_is_closed() -> None:
    """Let the standard streams lead nowhere that whoever started us closed.

    Else the next file or socket that is opened becomes one of them.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest that is free is taken, and those below are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What the output's encoding has no form for, as JSON escapes it: most of what is printed is JSON."""
    import json  # noqa: PLC0415 - for output that is not UTF-8

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _print_everything() -> None:
    """Let no character end a command, as in a terminal of another encoding than UTF-8."""
    import io  # noqa: PLC0415 - see the module's docstring: Python 3.14 has not imported it by then

    codecs.register_error("streamer.escaped", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="streamer.escaped")


def _hear_every_interrupt() -> None:
    """Let no Ctrl-C be lost that comes while Python can only print an exception, not raise it.

    That is in callbacks of weak references and in ``__del__``: importing a module calls some for each module. Such a
    Ctrl-C comes again a moment later. The handler of SIGINT stays Python's own, which asyncio asks for.
    """
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not KeyboardInterrupt or sys.is_finalizing():
            before(unraisable)
        else:
            # From another thread: here it could only be printed again. If it comes in another callback, so does this.
            _thread.start_new_thread(_interrupt_again, ())

    sys.unraisablehook = hook


def _interrupt_again() -> None:
    time.sleep(0.01)
    _thread.interrupt_main()


def _leave_threads(error: BaseException | None) -> None:
    """Let no thread keep the command that a project's code began when it was imported; Python waits for each.

    A moment is given to those that end by themselves, or with the pool that they are of.
    """
    threading = sys.modules.get("threading")
    if threading is not None and any(
        not each.daemon and each is not threading.main_thread() for each in threading.enumerate()
    ):
        code = error.code if isinstance(error, SystemExit) else error
        _thread.start_new_thread(_end, (code if isinstance(code, int) else int(code is not None),))


def _end(status: int) -> None:
    time.sleep(_LEFT_SECONDS)
    try:
        sys.stdout.flush()
    finally:  # whether anybody reads it any more or not
        os._exit(status)


def main() -> None:
    """Run the ``streamer`` command."""
    try:
        _hear_every_interrupt()
        _open_what_is_closed()
        _print_everything()
        # What is imported stays: looking for garbage among it, above all in the end, takes a fifth of a short command.
        gc.set_threshold(50_000, 20, 20)
        from contextlib import nullcontext  # noqa: PLC0415 - see the module's docstring

        emulates = sys.argv[1:2] == ["emulate"]
        with tool("emulator.command.emulate.early").begun(sys.argv[2:]) if emulates else nullcontext():
            tool("cli").main()
    except KeyboardInterrupt:  # while it was still being imported; 130 is 128 + SIGINT, as shells count
        sys.exit(130)
    except RuntimeError as error:  # what Python before 3.12 makes of it while a class is made
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        sys.exit(130)
    finally:
        gc.freeze()
        _leave_threads(sys.exc_info()[1])


def __getattr__(name: str) -> Any:
    if name == "pytest_plugin":
        return tool("emulator.testing.pytest_plugin")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
