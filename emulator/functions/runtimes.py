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
from collections.abc import Callable, Mapping, Sequence
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


def program_missing(runtime: str | None, handler: str, folders: Sequence[str]) -> str | None:
    """Why a function of ``provided.*`` or ``go1.x`` has nothing to be started by; None: it has, or needs none.

    ``folders`` are that of its code and those of its layers.
    """
    family = runtime_name(runtime)
    if family not in ("provided", "go") or not folders or _program(family, handler, folders) is not None:
        return None
    what = "such a function is started by it" if family == "provided" else "such a function is that binary"
    return f"there is no file {_names(family, handler, folders)[0]}, and {what} ({runtime}): build it"


def _program(family: str, handler: str, folders: Sequence[str]) -> Path | None:
    """[DOC] lambda-docs:runtimes-custom: the runtime is found in the function's code, then in its layers."""
    return next((each for each in _names(family, handler, folders) if each.is_file()), None)


def _names(family: str, handler: str, folders: Sequence[str]) -> list[Path]:
    return [Path(folder, "bootstrap" if family == "provided" else handler) for folder in folders]


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
    return Launch(import_path=python_path(function), variables=_folders(function))


def python_path(function: Function) -> tuple[str, ...]:
    """Where Python finds modules after the function's own: layers, and what was built.

    A layer's packages of another minor version count where there are none of this one's: functions of all versions run
    in this interpreter. [DOC] lambda-docs:packaging-layers
    """
    path: list[str] = []
    for folder in function.search_paths:
        of_versions = sorted(Path(folder, "python", "lib").glob("python3.*/site-packages"))
        own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        found = [Path(folder, "python"), *([each for each in of_versions if each.parent.name == own] or of_versions)]
        path += [str(each) for each in found if each.is_dir()] or [folder]
    return tuple(path)


def _node(function: Function, code_folder: str) -> Launch:
    program = node.program()
    if program is None:
        return _refused(reason_not_run(function.runtime or "") or "")
    variables = {**_folders(function), "NODE_PATH": node.search_path(function, code_folder)}
    return Launch(command=node.command(program, function), inherits_channel=True, variables=variables)


def _binary(function: Function, code_folder: str) -> Launch:
    family, folders = runtime_name(function.runtime) or "", (code_folder, *function.search_paths)
    found = _program(family, function.handler, folders)
    if found is None:
        return _refused(program_missing(function.runtime, function.handler, folders) or "")
    return Launch(command=(str(found.absolute()),), variables=_folders(function))


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
    "provided": _binary,
    "go": _binary,
}
