"""Why a function's program is not run. Loaded where that happens, in what was to become the program: imports little."""

from __future__ import annotations

import errno
import os


def reason(error: OSError, program: str) -> str:
    """One line: the system's words, and what to do about it where that is known."""
    hint = _hint(error, program)
    return f"cannot run {program!r}: {error}" + (f"; {hint}" if hint else "")


def _hint(error: OSError, program: str) -> str:
    if isinstance(error, PermissionError) and os.path.isfile(program):  # noqa: PTH113 - pathlib is no part of an environment
        return "make it executable: chmod +x"
    if error.errno == errno.ENOEXEC:
        return "it is no program for this machine, and no script whose first line begins with #!"
    if isinstance(error, FileNotFoundError) and os.path.isfile(program):  # noqa: PTH113 - likewise
        with open(program, "rb") as file:  # noqa: PTH123 - likewise
            first = file.readline(256)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            return "its lines end with CR and LF, as on Windows; give it lines that end with LF"
        if first.startswith(b"#!"):
            return f"there is no {first[2:].split()[0].decode(errors='replace')}, which its first line names"
        return "what loads it is not here: it is a program for another system"
    return ""
