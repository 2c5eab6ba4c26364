"""The JavaScript SDK that Lambda provides and this machine does not: what code asks for, found or fetched by npm.

Lambda has ``@aws-sdk/*`` from nodejs18.x on and ``aws-sdk`` before; code that relies on it brings none. What of it the
code names is installed once into a folder of the emulator's, without scripts, and found by ``NODE_PATH`` there.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError
from streamer.topology import Function, Topology

from ...functions.node import module_folders, wanted_version
from ...functions.runtimes import is_node

FOLDER: Final = "node"
"""In the state folder: what was fetched."""
OLD: Final = "aws-sdk"
_NAMED: Final = re.compile(
    r"""(?:\brequire\s*\(|\bresolve\s*\(|\bfrom|\bimport\s*\(?)\s*["'`]"""
    r"""(?P<name>@(?:aws-sdk|smithy)/[a-z0-9][\w.-]*|aws-sdk)(?=["'`/])"""
)
"""Where code asks for a package; a bundle also has the names of those that are in it."""
_IN_MESSAGES: Final = frozenset({"@aws-sdk/signature-v4-crt", "@aws-sdk/signature-v4a"})
"""What the SDK says, in a message that is in every bundle of it, to ``require``: who needs it brings it, "installed
explicitly". [REC] that message of @aws-sdk/signature-v4-multi-region
"""
_SUFFIXES: Final = (".js", ".mjs", ".cjs")
_NOT_CODE: Final = ("node_modules", ".git", ".streamer", "cdk.out", ".aws-sam", ".serverless")
_FILES: Final = 2_000
_FILE_BYTES: Final = 4 * 1024 * 1024
"""Most files that are looked through, and how much of each."""
_SECONDS: Final = 600.0
_FIRST_WITH_NEW: Final = 18
"""From this version of Node.js on Lambda has the new SDK. [DOC] lambda-docs:lambda-nodejs"""


def missing(topology: Topology, project_folder: Path, folder: Path) -> tuple[str, ...]:
    """Packages of the SDK that functions in Node.js name, that Lambda would have, and that are nowhere here.

    Args:
        topology: whose functions.
        project_folder: where functions without a folder of their own have their code.
        folder: where earlier runs put what they fetched.
    """
    found: set[str] = set()
    for function in topology.functions:
        if is_node(function) and function.unavailable is None:
            code = Path(function.code_root or project_folder)
            places = [*_above(code), *map(Path, module_folders(function)), folder / "node_modules"]
            named = _named(_code(code)).union(*(_named(_of_layer(Path(each))) for each in function.search_paths))
            found |= {
                name
                for name in named
                if _is_provided(name, function) and not any((place / name).is_dir() for place in places)
            }
    return tuple(sorted(found))


def provide(
    topology: Topology, project_folder: Path, folder: Path, *, may_install: bool, tell: Callable[[str], None]
) -> Topology:
    """The topology whose functions in Node.js find what Lambda provides, fetched if need be.

    Raises:
        ConfigurationError: something is missing and may not, or cannot, be fetched; the message has the command.
    """
    wanted = missing(topology, project_folder, folder)
    if wanted:
        command = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted)
        if not may_install:
            raise ConfigurationError(
                f"Lambda provides {', '.join(wanted)}, and this machine does not: run {shlex.join(command)}"
            )
        tell(f"fetching what Lambda provides, once, into {folder}: {', '.join(wanted)}")
        _install(command, folder)
    if not (folder / "node_modules").is_dir():
        return topology
    return _with_folder(topology, str(folder))


def _with_folder(topology: Topology, folder: str) -> Topology:
    functions = tuple(
        dataclasses.replace(each, search_paths=(*each.search_paths, folder)) if is_node(each) else each
        for each in topology.functions
    )
    return dataclasses.replace(topology, functions=functions)


def _install(command: tuple[str, ...], folder: Path) -> None:
    npm = shutil.which(command[0])
    if npm is None:
        raise ConfigurationError(f"there is no npm on the PATH to fetch them with; run {shlex.join(command)} elsewhere")
    folder.mkdir(parents=True, exist_ok=True)
    # Without a package.json of its own npm would look for one above, which is the user's.
    if not (folder / "package.json").is_file():
        (folder / "package.json").write_text('{"private": true}\n', "utf-8")
    try:
        done = subprocess.run(  # noqa: S603 - npm with names of AWS's SDK
            [npm, *command[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"npm could not be run: {error}; run {shlex.join(command)}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-300:]
        raise ConfigurationError(f"npm could not fetch them: {said}; run {shlex.join(command)}")


def _is_provided(name: str, function: Function) -> bool:
    """Whether Lambda has a package for a function's version; 0 stands for a runtime without one."""
    is_old = 0 < wanted_version(function.runtime or "") < _FIRST_WITH_NEW
    return (name == OLD) is is_old and name not in _IN_MESSAGES


def _above(folder: Path) -> Iterator[Path]:
    """Where Node.js looks for packages from a folder on."""
    for each in (folder.resolve(), *folder.resolve().parents):
        yield each / "node_modules"


def _named(code: Iterable[Path]) -> set[str]:
    """Packages of the SDK that code names."""
    found: set[str] = set()
    for path in itertools.islice(code, _FILES):
        with path.open("rb") as file:
            text = file.read(_FILE_BYTES).decode("utf-8", "ignore")
        found |= {match["name"] for match in _NAMED.finditer(text)}
    return found


def _code(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_CODE)
        yield from (Path(root, name) for name in sorted(files) if name.endswith(_SUFFIXES))


def _of_layer(folder: Path) -> Iterator[Path]:
    """The code of a layer, also where it stands among packages; those that npm installed bring what they need."""
    for root, folders, files in os.walk(folder):
        if "package.json" in files and "node_modules" in Path(root).relative_to(folder).parts:
            folders.clear()
            continue
        folders.sort()
        yield from (Path(root, name) for name in sorted(files) if name.endswith(_SUFFIXES))
