"""Tries whether changed code can be imported, in a process of its own, and says so at once if it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from streamer.topology import Function, Topology

from ...foundation import log
from ...functions.runtimes import identity, launch
from ...functions.tracebacks import Code, folded, own_place
from ...functions.variables import Endpoints, credentials, variables
from . import processes

SECONDS: Final = 30.0
"""How long an import may take here; on Lambda it has 10."""
_SCRIPT: Final = Path(__file__).with_name("trial_run.py")


class Problem(Struct, frozen=True, kw_only=True):
    """Why code cannot be imported."""

    text: str
    """One line."""
    file: str | None = None
    """Where, if that is the project's."""
    line: int | None = None
    lines: tuple[str, ...] = ()
    """The project's part of the traceback."""


class Part(Struct, frozen=True, kw_only=True):
    """What is imported in one process."""

    folder: str
    import_path: tuple[str, ...]
    modules: Mapping[str, list[str]]
    """Each with the attributes that are wanted of it."""


def parts(topology: Topology, target: str | None, folder: Path) -> list[Part]:
    """What a service's functions import; ``target`` is the ``module:attribute`` that describes it, if that does."""
    found: dict[tuple[str, tuple[str, ...]], dict[str, list[str]]] = {}
    if target is not None:
        module, _, attribute = target.partition(":")
        found[str(folder), ()] = {module: [attribute]}
    for function in topology.functions:
        if not _is_tried(function):
            continue
        root = str(function.code_root or folder)
        how = launch(function, code_folder=root)
        module, _, attribute = function.handler.rpartition(".")
        modules = found.setdefault((root, how.import_path), {})
        modules.setdefault(module.replace("/", "."), []).append(attribute)
    return [Part(folder=root, import_path=path, modules=modules) for (root, path), modules in found.items()]


def environment_of(topology: Topology, endpoints: Endpoints, folder: Path) -> dict[str, str]:
    """What functions see as their environment, all of them together, with the rights of the account's owner."""
    found: dict[str, str] = {}
    for function in reversed(topology.functions):
        found |= variables(
            function,
            endpoints,
            runtime=identity(function),
            task_root=str(function.code_root or folder),
            log_stream="trial",
        )
    return found | credentials(endpoints.owner)


def _is_tried(function: Function) -> bool:
    is_python = function.runtime is None and function.unavailable is None
    return is_python and "." in function.handler and not function.handler.startswith("streamer.handlers.")


async def problem_of(tried: list[Part], environment: Mapping[str, str], code: Code) -> Problem | None:
    """Import all of it; why that is not possible, or None."""
    for part in tried:
        found = await _result(part, environment)
        if found:
            return told(found, code)
    return None


def told(found: Mapping[str, Any], code: Code) -> Problem:
    """What the process said, in terms of the project."""
    trace = found.get("trace") or []
    place = own_place(trace, code)
    file, line = (code.shown(found["file"]), found["line"]) if found.get("file") else place or (None, None)
    return Problem(text=found["problem"], file=file, line=line, lines=tuple(folded(trace, code)))


async def _result(part: Part, environment: Mapping[str, str]) -> dict[str, Any]:
    import_path = [part.folder, *part.import_path, *(path for path in sys.path if path and path != part.folder)]
    # A file, for nobody reads a pipe meanwhile, and a traceback may be larger than that takes.
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as result:
        descriptor = result.fileno()
        spec = {"import_path": import_path, "folder": part.folder, "modules": part.modules, "result": descriptor}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "utf8", "-P", str(_SCRIPT), json.dumps(spec)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath), **environment, "HOME": home, "TMPDIR": home},
            pass_fds=(descriptor,),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                status = await process.wait()
        except TimeoutError:
            return {"problem": f"its import takes longer than {SECONDS:g} s"}
        finally:
            await processes.end(process)
        result.seek(0)
        text = result.read()
    if not text:
        return {"problem": f"its import ends the process (status {status})"}
    content: dict[str, Any] = json.loads(text)
    return content


class Trials:
    """Tells of code that cannot be imported, and when it can again."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._is_broken = False

    async def passed(self, tried: list[Part], environment: Mapping[str, str], changed: str) -> bool:
        """Whether the code can be imported; says what there is to say, with the files that changed."""
        problem = await problem_of(tried, environment, self._code)
        if problem is not None:
            self._is_broken = True
            log.error(
                "the code does not load",
                problem=problem.text,
                file=problem.file,
                line=problem.line,
                lines=problem.lines,
            )
            return False
        log.info("loads again" if self._is_broken else "reloaded", changed=changed)
        self._is_broken = False
        return True
