"""What a folder may hold to emulate: read, not imported, for those who did not say what they mean."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError
from streamer.project import CONFIG_FILE, Project, is_everybodys, is_meant, parsed

from ...templates.assembly import folders_below, unread

_SKIPPED: Final = frozenset(
    {"tests", "test", "node_modules", "venv", "env", "build", "dist", "site-packages", "__pycache__", "cdk.out"}
)
_OTHERS: Final = frozenset({"aws_cdk", "chalice", "flask", "slack_bolt", "typer"})
"""Packages with an ``App`` that is none of ours."""
_DEPTH: Final = 4
"""How many folders deep services are looked for."""
_FILES: Final = 2_000
_MADE: Final = re.compile(rb"\b(App|Topology)\s*\(")
"""What a module that makes a service has somewhere: parsing takes a hundred times as long as looking for it."""


def candidates(code: Path) -> list[str]:
    """Targets that a folder seems to hold, as ``module:attribute``: what modules assign an App or a Topology to.

    Read, not imported; tests, hidden folders and virtual environments are left out, and all below a home folder: macOS
    asks its user about each of some of them.
    """
    found: list[str] = []
    for path in islice(_modules(code, 1 if is_everybodys(code) else _DEPTH), _FILES):
        try:
            source = path.read_bytes()
            if _MADE.search(source) is None:
                continue
            tree = parsed(source)
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue  # somebody else's mistake; a module that is asked for says what is wrong with it
        parts = path.relative_to(code).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.extend(f"{module}:{name}" for name in _services(tree))
    return found


def _modules(folder: Path, depth: int) -> Iterable[Path]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda each: each.name)
    except OSError:
        return
    for entry in entries:  # what one is stands in its folder: a file that may not be looked at is in nobody's way
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        if entry.name.endswith(".py") and entry.is_file(follow_symlinks=False):
            yield Path(entry)
        elif depth > 1 and entry.is_dir(follow_symlinks=False) and not os.access(f"{entry.path}/pyvenv.cfg", os.F_OK):
            yield from _modules(Path(entry), depth - 1)


def _services(tree: ast.Module) -> Iterable[str]:
    of_others = {*_of_others(tree)}
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=ast.Call(func=called)):
                pass
            case ast.AnnAssign(target=target, value=ast.Call(func=called)):
                targets = [target]
            case _:
                continue
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        whose = called.value if isinstance(called, ast.Attribute) else called
        if name in ("App", "Topology") and getattr(whose, "id", "") not in of_others:
            yield from (each.id for each in targets if isinstance(each, ast.Name))


def _of_others(tree: ast.Module) -> Iterable[str]:
    """Names that a module has from packages with an ``App`` that is none of ours."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 0 and str(node.module).partition(".")[0] in _OTHERS:
            yield from (each.asname or each.name for each in node.names)
        elif isinstance(node, ast.Import):
            named = [each for each in node.names if each.name.partition(".")[0] in _OTHERS]
            yield from (each.asname or each.name.partition(".")[0] for each in named)


def no_service(project: Project) -> ConfigurationError:
    """What to say where a command finds no service; it names what could be meant."""
    is_one = not is_everybodys(project.folder)
    others = folders_below(project.folder) if is_one else []
    of_others = unread(project.folder) if is_one else None
    source = project.code / "src"
    is_package = (source / "__init__.py").is_file()
    seen = [each for each in candidates(project.code) if is_package or not each.startswith("src.")]
    src = [] if seen else candidates(source)
    if seen:
        known = ", ".join(seen[:5])
        hint = f"it has {known}: name one, such as `streamer emulate {seen[0]}`, or set app in {CONFIG_FILE}"
    elif src:
        hint = f'src/ has {", ".join(src[:5])}: write project = "src" and app = "{src[0]}" to {CONFIG_FILE}'
    elif others:
        hint = f"there are templates, or what makes them, in {', '.join(others[:5])}: `streamer emulate {others[0]}`"
    elif of_others is not None:
        hint = of_others
    else:
        hint = "`streamer init` makes a new one, `streamer emulate --demo` runs a demo"
    is_said = is_meant(project.folder / CONFIG_FILE)
    lacks = (
        f"{CONFIG_FILE} names no app, and there is no app.py or template"
        if is_said
        else f"no {CONFIG_FILE}, app.py or template"
    )
    return ConfigurationError(f"there is no service in {project.code}: {lacks}; {hint}")
