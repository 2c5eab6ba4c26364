"""Imports a project's code in a process of its own, and writes what came of it: run by `trial`, as a script.

Its one argument is JSON: ``import_path``, ``folder``, ``modules`` with the attributes that are wanted of each, and
``result``, the descriptor to write to.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any


def main(spec: dict[str, Any]) -> None:
    """Import everything, up to the first failure; write nothing else than ``{}``, or the failure."""
    sys.path[:] = spec["import_path"]
    sys.dont_write_bytecode = True
    os.chdir(spec["folder"])
    with os.fdopen(spec["result"], "w", encoding="utf-8", errors="backslashreplace") as result:
        json.dump(_failure(spec["modules"]), result)
    os._exit(0)  # whatever threads the code began must not keep this process


def _failure(modules: dict[str, list[str]]) -> dict[str, Any]:
    for name, attributes in modules.items():
        try:
            module: Any = importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - it is what is looked for, SystemExit included
            return {
                "problem": "".join(traceback.format_exception_only(error)).rstrip().rpartition("\n")[2],
                "file": getattr(error, "filename", None) if isinstance(error, SyntaxError) else None,
                "line": getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None,
                "trace": "".join(traceback.format_exception(error)).splitlines(),
            }
        for attribute in attributes:
            found = module
            for part in attribute.split("."):
                found = getattr(found, part, None)
            if found is None:
                return {"problem": f"module {name!r} has no {attribute!r}", "trace": [], "file": None, "line": None}
    return {}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
