"""Packages that folders of functions and their layers name and nobody finds: told before the first one fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from streamer.topology import Function

from ..functions.node import module_folders
from ..functions.runtimes import is_node, python_path

_PYTHON: Final = "requirements.txt"
_NODE: Final = "package.json"
_PROVIDED: Final = ("@aws-sdk/", "@smithy/", "aws-sdk")
"""How names begin of what Lambda has; what of it is not here is fetched, see `command.provided_sdk`."""
_BYTES: Final = 256 * 1024
"""Most of a file that is read."""


def told(functions: Iterable[Function], logical_ids: Mapping[str, str], folder: Path) -> list[str]:
    """A line for each set of packages that functions lack, with a file that names them and how to install them.

    Args:
        functions: of a project.
        logical_ids: theirs, by their names.
        folder: that commands are run in.
    """
    lacking: dict[tuple[Path | None, tuple[str, ...]], tuple[Path, list[str]]] = {}
    looked: dict[tuple[Path, tuple[str, ...]], tuple[str, ...]] = {}
    for function in functions:
        for file, places in _named(function):
            look = _of_python if file.name == _PYTHON else _of_node
            names = looked.get((file, places))
            if names is None:
                names = looked[file, places] = look(file, places)
            if names:
                # One interpreter runs all functions in Python; Node.js looks beside the code.
                where = None if file.name == _PYTHON else file
                of = lacking.setdefault((where, names), (file, []))[1]
                of += [logical_ids[function.name]] if logical_ids[function.name] not in of else []
    return [f"{', '.join(of)}: {_said(file, names, folder)}" for (_, names), (file, of) in lacking.items()]


def _named(function: Function) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files of a function and its layers that may name packages, each with where these are looked for."""
    if function.unavailable is not None or function.code_root is None:
        return
    folders = [Path(each) for each in (function.code_root, *function.search_paths)]
    if function.runtime is None:
        places = (function.code_root, *python_path(function), *sys.path)
        yield from ((folder / _PYTHON, places) for folder in folders)
    elif is_node(function):
        found = module_folders(function)
        for folder in (folders[0], *(folder / each for folder in folders[1:] for each in ("", "nodejs"))):
            at = folder.resolve()
            yield folder / _NODE, (*(str(each / "node_modules") for each in (at, *at.parents)), *found)


def _said(file: Path, names: tuple[str, ...], folder: Path) -> str:
    shown = Path(os.path.relpath(file, folder))
    how = f"pip install -r {shown}" if file.name == _PYTHON else f"npm install --prefix {shown.parent}"
    return f"{shown} names {', '.join(names)}, not installed where functions look: {how}"


def _of_python(file: Path, places: tuple[str, ...]) -> tuple[str, ...]:
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - most have no such file

    names = []
    for line in _lines(file):
        try:
            wanted = Requirement(line)
        except InvalidRequirement:  # an option of pip, or an address
            continue
        if (wanted.marker is None or wanted.marker.evaluate()) and not _is_installed(wanted.name, places):
            names.append(wanted.name)
    return tuple(names)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, a folder of somebody else's
        return False


def _beginning(file: Path) -> bytes:
    """Of a file; empty where there is none that can be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(_BYTES)
    except OSError:
        return b""


def _lines(file: Path) -> Iterator[str]:
    for line in _beginning(file).decode("utf-8-sig", "replace").splitlines():
        text = line.partition(" #")[0].split(" --", 1)[0].rstrip("\\ \t")
        if text and not text.startswith(("#", "-")):
            yield text.strip()


def _is_installed(name: str, places: tuple[str, ...]) -> bool:
    if next(iter(metadata.distributions(name=name, path=list(places))), None) is not None:
        return True
    folder = name.replace("-", "_").replace(".", "_")
    return any(_is_there(Path(place, each)) for place in places for each in (folder, folder.lower()))


class _Package(Struct):
    """What counts here of Node.js's file."""

    dependencies: dict[str, Any] | None = None


def _of_node(file: Path, places: tuple[str, ...]) -> tuple[str, ...]:
    try:
        wanted = msgspec.json.decode(_beginning(file), type=_Package).dependencies or {}
    except (msgspec.DecodeError, RecursionError):  # npm says what is wrong with it
        return ()
    return tuple(
        name
        for name in wanted
        if not name.startswith(_PROVIDED) and not any(_is_there(Path(place, name)) for place in places)
    )
