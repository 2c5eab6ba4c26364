"""What runs a function of each of Lambda's runtimes on this machine: command, variables, search paths.

The contract: `launch` is asked once for each execution environment, and what it answers is started in the function's
code folder with Lambda's variables. A `Launch` without a command is AWS's runtime client for Python, in this
interpreter; that of Node.js is our own client, in `processes/node`. `reason_not_run` says of a runtime's name why
nothing here runs it; a template's functions of that runtime are then described with ``Function.unavailable``. A runtime
is added by an entry of `_RUNTIMES`.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from streamer.topology import Function

from . import node

_NAME: Final = re.compile(
    r"(?P<family>nodejs|python|java|dotnetcore|dotnet|ruby|go|provided)(?P<version>\d[\w.]*|\.al\w+|)"
)
"""Names of runtimes. [DOC] lambda-docs:lambda-runtimes"""
_SAY_AND_END: Final = "import sys; sys.exit(sys.argv[1])"


class Launch(Struct, frozen=True, kw_only=True):
    """How an environment is started."""

    command: tuple[str, ...] | None = None
    """A command line that speaks the Runtime API; None: AWS's runtime client for Python."""
    inherits_channel: bool = False
    """Whether the command asks for events over a connection that it inherits, as descriptor 3, not through a port."""
    import_path: tuple[str, ...] = ()
    """For Python: folders after the function's own, before those of this interpreter."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """On top of those that every function has."""


def runtime_name(runtime: str | None) -> str | None:
    """The family of a runtime's name, such as ``nodejs`` of ``nodejs20.x``; None: it is a command line, or Python's."""
    found = _NAME.fullmatch(runtime or "")
    return None if found is None else found["family"]


def is_node(function: Function) -> bool:
    """Whether it is one of Node.js, run by a client of ours."""
    return runtime_name(function.runtime) == "nodejs"


def identity(function: Function) -> str:
    """The runtime as Lambda would call it, such as ``python3.11``; a command line is a custom runtime."""
    if function.runtime is None or runtime_name(function.runtime) == "python":
        return f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return "provided" if runtime_name(function.runtime) is None else function.runtime


def reason_not_run(runtime: str) -> str | None:
    """Why no function of a runtime can be run here; None: they can, or it is a command line."""
    family = runtime_name(runtime)
    if family == "nodejs" and node.program() is None:
        return f"{runtime} needs Node.js, and there is no program node on the PATH"
    if family is None or family in _RUNTIMES:
        return None
    return f'{runtime} is not run here; give it a command that speaks the Runtime API with --command ID="..."'


def launch(function: Function, *, code_folder: str) -> Launch:
    """How the environments of a function are started."""
    if function.unavailable is not None:
        return _refused(function.unavailable)
    family = runtime_name(function.runtime)
    if function.runtime is None:
        return _python(function, code_folder)
    if family is None:
        return Launch(command=tuple(shlex.split(function.runtime)), variables=_folders(function))
    if family not in _RUNTIMES:
        return _refused(reason_not_run(function.runtime) or "")
    return _RUNTIMES[family](function, code_folder)


def _refused(reason: str) -> Launch:
    """Ends during its init, as an entry point does that does not exist, and says why."""
    return Launch(command=(sys.executable, "-I", "-S", "-c", _SAY_AND_END, reason))


def _python(function: Function, code_folder: str) -> Launch:
    path: list[str] = []
    for folder in function.search_paths:
        # [DOC] lambda-docs:packaging-layers
        inside = [
            Path(folder, "python"),
            Path(folder, "python", "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages"),
        ]
        found = [str(each) for each in inside if each.is_dir()]
        path += found or [folder]
    return Launch(import_path=tuple(path), variables=_folders(function))


def _node(function: Function, code_folder: str) -> Launch:
    program = node.program()
    if program is None:
        return _refused(reason_not_run(function.runtime or "") or "")
    variables = {**_folders(function), "NODE_PATH": node.search_path(function, code_folder)}
    return Launch(command=node.command(program, function), inherits_channel=True, variables=variables)


def _provided(function: Function, code_folder: str) -> Launch:
    bootstrap = Path(code_folder, "bootstrap")
    if not bootstrap.is_file():
        return _refused(f"there is no file {bootstrap}: a function of {function.runtime} is started by it")
    return Launch(command=(str(bootstrap.absolute()),), variables=_folders(function))


def _go(function: Function, code_folder: str) -> Launch:
    binary = Path(code_folder, function.handler)
    if not binary.is_file():
        return _refused(f"there is no file {binary}: a function of {function.runtime} is that binary")
    return Launch(command=(str(binary.absolute()),), variables=_folders(function))


def _folders(function: Function) -> dict[str, str]:
    """Where the layers have programs and libraries, which on Lambda are in /opt."""
    found = {}
    for variable, name in (("PATH", "bin"), ("LD_LIBRARY_PATH", "lib")):
        folders = [str(Path(each, name)) for each in function.search_paths if Path(each, name).is_dir()]
        if folders:
            found[variable] = ":".join(folders)
    return found


_RUNTIMES: Final[Mapping[str, Callable[[Function, str], Launch]]] = {
    "python": _python,
    "nodejs": _node,
    "provided": _provided,
    "go": _go,
}
