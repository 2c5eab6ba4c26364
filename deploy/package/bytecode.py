"""Bytecode for Lambda, made by the same minor version that will run it, and a trial import of what was packed.

``/var/task`` is read-only, so a bundle without bytecode compiles every module at every cold start. ``unchecked-hash``
files are taken as they are: Python neither stats nor hashes their sources.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import BundleError
from .bundle import File, Files, unpack
from .target import PROVIDED

TASK: Final = "/var/task"
"""Where Lambda unpacks the bundle; stack traces name files there."""

_TRIAL: Final = """
import importlib, json, os, sys, time
# Not to standard output: modules print what they like.
said = open(sys.argv[2], "w", buffering=1)
for name in json.loads(sys.argv[1]):
    begun = time.perf_counter()
    try:
        module = importlib.import_module(name.rpartition(".")[0].replace("/", "."))
        getattr(module, name.rpartition(".")[2])
    except BaseException as error:
        kind = "broken" if isinstance(error, ImportError) else ""
        kind = "missing" if isinstance(error, ModuleNotFoundError) else kind
        what = error.name if kind == "missing" else f"{type(error).__name__}: {error}"
        print(json.dumps({"handler": name, "error": what, "kind": kind}), file=said)
        break
    print(json.dumps({"handler": name, "ms": round((time.perf_counter() - begun) * 1000, 1)}), file=said)
os._exit(0)  # whatever threads the modules began
"""
TRIAL_SECONDS: Final = 60.0
"""How long all imports together may take; Lambda gives init 10 seconds, and what takes longer the function's time-out.
[DOC] lambda-docs:lambda-runtime-environment"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How the handlers imported from the unpacked bundle alone."""

    import_ms: Mapping[str, float]
    """Handler to milliseconds; in one process, so what the first one imports is free for the others."""
    problem: str | None = None
    """Why one could not be imported here though it may be on Lambda, such as a missing variable."""


def interpreter(python: str) -> str | None:
    """Path of an interpreter of that minor version, such as ``3.13``; None when this machine has none."""
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    uv = shutil.which("uv")
    known = _output([uv, "python", "find", "--no-project", "--offline", python]) if uv is not None else None
    for found in (shutil.which(f"python{python}"), known):
        # A version manager's stand-in exists for versions that are not there: ask it.
        if found and _output([found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]) == python:
            return found
    return None


def _output(arguments: list[str]) -> str | None:
    try:
        ran = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - looked for
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def compiled(files: Files, executable: str) -> dict[str, File]:
    """The bytecode files to add to ``files``.

    A module of the project that does not compile is an error; one of a requirement (a template, say) is left alone.

    Raises:
        BundleError: a module of the project or a handler has a syntax error.
    """
    sources = {name: file for name, file in files.items() if name.endswith(".py")}
    with tempfile.TemporaryDirectory(prefix="streamer-bytecode-") as folder:
        unpack(sources, Path(folder))
        options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", TASK]
        ran = subprocess.run(  # noqa: S603 - an interpreter that we looked for
            [executable, "-I", "-m", "compileall", *options, folder],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        found: dict[str, File] = {}
        for name, file in sources.items():
            made = _cached(Path(folder, name))
            if made is not None:
                found[made.relative_to(folder).as_posix()] = File(made.read_bytes(), file.part)
            elif file.part == "project":
                raise BundleError(f"{name} does not compile with {Path(executable).name}: {_syntax(ran.stdout, name)}")
    return found


def _cached(source: Path) -> Path | None:
    return next(iter(sorted((source.parent / "__pycache__").glob(f"{glob.escape(source.stem)}.cpython-*.pyc"))), None)


def _syntax(output: str, name: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = next((line for line in lines if "Error:" in line and not line.startswith("***")), None)
    return last or next((line for line in lines if name in line), "syntax error")


def trial(
    files: Files,
    handlers: Iterable[str],
    executable: str,
    environment: Mapping[str, str],
    *,
    seconds: float = TRIAL_SECONDS,
) -> Trial:
    """Import every handler from the unpacked bundle with nothing but it, boto3 and the standard library.

    What has not been imported after so many ``seconds`` is a problem of the trial.

    Raises:
        BundleError: a module is not in the bundle.
    """
    with tempfile.TemporaryDirectory(prefix="streamer-trial-") as folder:
        task, provided = Path(folder, "task"), Path(folder, "provided")
        unpack(files, task)
        provide(provided)
        setup = f"import sys; sys.path[:0] = [{str(task)!r}, {str(provided)!r}]\n"
        said, names = Path(folder, "said"), list(handlers)
        said.touch()
        arguments = [executable, "-I", "-S", "-B", "-c", setup + _TRIAL, json.dumps(names), str(said)]
        is_ended = _run(arguments, task, environment, seconds)
        results = [json.loads(line) for line in said.read_text(encoding="utf-8").splitlines()]
    return _judge(results, names, "the interpreter ended" if is_ended else f"{seconds:g} seconds were not enough")


def _run(arguments: list[str], folder: Path, environment: Mapping[str, str], seconds: float) -> bool:
    """Run modules of the user's, which may ask, talk, wait and begin what they like; whether it came to its end.

    Processes that they leave behind end with it, but for those that leave its session on purpose.
    """
    nothing = subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603 - an interpreter that we looked for
        arguments, cwd=folder, env=dict(environment), stdin=nothing, stdout=nothing, stderr=nothing,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            # Out of time; or Ctrl-C, which does not reach another session; or it left others behind. If it left none,
            # there is no such group any more, or on macOS one of processes that have ended, which may not be told.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    return True


def _judge(results: list[dict[str, str]], names: list[str], why: str) -> Trial:
    times = {result["handler"]: float(result["ms"]) for result in results if "ms" in result}
    failed = next((result for result in results if "error" in result), None)
    if failed is None:
        ended = next((name for name in names if name not in times), None)
        problem = f"{ended}: {why} while importing it" if ended is not None else None
        return Trial(import_ms=times, problem=problem)
    handler, error = failed["handler"], failed["error"]
    if failed["kind"] == "missing" and error in PROVIDED:
        return Trial(import_ms=times, problem=f"{handler} imports {error!r}, which Lambda has and this machine has not")
    if failed["kind"] == "missing":
        raise BundleError(f"{handler} imports {error!r}, which is not in the bundle: add it to the requirements file")
    if failed["kind"] == "broken":
        raise BundleError(f"{handler} cannot be imported from the bundle alone: {error}")
    return Trial(import_ms=times, problem=f"{handler}: {error}")


def provide(folder: Path) -> None:
    """Link what Lambda has beside the standard library, as far as this environment has it, into a folder."""
    folder.mkdir()
    for name in PROVIDED:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            found = origin.parent if spec.submodule_search_locations else origin
            (folder / found.name).symlink_to(found)


def has_native_code(files: Files) -> bool:
    """Whether something in the bundle runs on one architecture only."""
    return any(name.endswith(".so") or ".so." in name for name in files)
