"""Node.js of this machine: whether it is there, and how it is started as Lambda starts it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from streamer.topology import Function

_RUNTIME: Final = Path(__file__).parent / "processes" / "node" / "runtime.cjs"
_HOME: Final = _RUNTIME.with_name("home.cjs")
_VERSION: Final = re.compile(r"nodejs(\d+)")
_SECONDS: Final = 10.0
"""How long ``node --version`` may take."""


def program() -> str | None:
    """The program; None: it is not on the PATH."""
    return shutil.which("node")


def wanted_version(runtime: str) -> int:
    """The major version that a runtime's name says; 0: none (``nodejs``)."""
    found = _VERSION.match(runtime)
    return int(found[1]) if found else 0


@functools.cache
def version(node: str) -> tuple[int, int]:
    """Major and minor version of a program; (0, 0): it does not say."""
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - found on the PATH
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def command(node: str, function: Function) -> tuple[str, ...]:
    """The command line of an environment.

    The heap is what the function's memory leaves room for, and modules are told apart as on Lambda, where code that
    only a newer Node.js would take for a module is none; a function's own ``NODE_OPTIONS`` win. What comes last are the
    folders of its layers, from which the client takes what code imports from ``/opt``.
    [DOC] lambda-docs:lambda-nodejs (experimental features are off); sizes [INF]
    """
    own = function.environment.get("NODE_OPTIONS", "")
    flags = []
    for name, since in (("require-module", ((20, 17), (22, 0))), ("detect-module", ((20, 10), (22, 0)))):
        if _has(version(node), since) and f"experimental-{name}" not in own:
            flags.append(f"--no-experimental-{name}")
    if "--max-old-space-size" not in own:
        flags.append(f"--max-old-space-size={function.memory_mb * 9 // 10}")
    if "--max-http-header-size" not in own:
        flags.append("--max-http-header-size=81920")
    return (node, "--require", str(_HOME), *flags, str(_RUNTIME), *function.search_paths)


def _has(found: tuple[int, int], since: tuple[tuple[int, int], ...]) -> bool:
    """Whether a version is one of a line that has something, or a later one."""
    return any(found[0] == major and found >= (major, minor) for major, minor in since) or found[0] > since[-1][0]


def module_folders(function: Function) -> list[str]:
    """Where modules are found after the function's own: layers, what was built, what Lambda itself provides.

    [DOC] lambda-docs:packaging-layers (``nodejs/node_modules``, ``nodejs/nodeNN/node_modules``)
    """
    major = wanted_version(function.runtime or "")
    found = []
    for folder in function.search_paths:
        inside = (f"nodejs/node{major}/node_modules", "nodejs/node_modules", "node_modules")
        found += [str(Path(folder, each)) for each in inside if Path(folder, each).is_dir()]
    return found


def search_path(function: Function, code_folder: str) -> str:
    """``NODE_PATH``: those folders, then the code's own."""
    return os.pathsep.join([*module_folders(function), code_folder])
