"""``streamer describe``: loads the App, and has the runtime's emitters describe it."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.app import App
from streamer.describe import Described, Info, asyncapi, describe, markdown, python, typescript
from streamer.describe.changes import changes
from streamer.errors import ConfigurationError

from .targets.target import find_service
from .targets.which_project import project_at

if TYPE_CHECKING:
    from streamer.project import Project
    from streamer.topology import Topology


def made(target: str | None, *, kind: str, version: str, url: str | None, no_builtins: bool) -> tuple[str, Any]:
    """The text in the wanted format, and the plain document that all formats come from.

    Raises:
        ConfigurationError: there is no App to describe.
    """
    project = project_at(Path.cwd(), target, None)
    name, found = _loaded(target, project)
    if not isinstance(found, App):
        raise ConfigurationError(f"{name!r} describes plain handlers, of which only their code knows what they take")
    described = describe(found, Info(title=project.folder.resolve().name or "service"))
    return _text(described, kind, version, url, built_ins=not no_builtins), described.document()


def names_of_actions(target: str | None) -> tuple[list[str], str]:
    """The App's actions; or none, and the functions of plain handlers, in words.

    Raises:
        ConfigurationError: there is no service here.
    """
    _, found = _loaded(target, project_at(Path.cwd(), target, None))
    if isinstance(found, App):
        return list(found.actions), ""
    return [], ", ".join(function.name for function in found.functions)


def _loaded(target: str | None, project: Project) -> tuple[str, App | Topology]:
    """As `find_service`; what the code prints meanwhile is no part of what is asked for."""
    with contextlib.redirect_stdout(sys.stderr):
        return find_service(target, project)


def _text(described: Described, kind: str, version: str, url: str | None, *, built_ins: bool) -> str:
    match kind:
        case "typescript":
            return typescript.text(described)
        case "python":
            return python.text(described)
        case "markdown":
            return markdown.text(described)
        case "json":
            content = described.document()
        case _:
            content = asyncapi.document(described, version=version, url=url, built_ins=built_ins)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def written(file: Path, text: str) -> None:
    """Put the text into a file, and that into a folder which is made if it is not there.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error


def compared(file: Path, text: str, document: Any) -> list[str]:
    """What differs from a file that was written before, a line each; nothing: it is the same.

    What breaks clients can be told of documents that are JSON: the plain one and AsyncAPI.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        old = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    if old == text:
        return []
    renew = f"streamer: {file} is not what the App is now; write it anew with --output"
    try:
        known = json.loads(old)
        if "asyncapi" in known:
            found = changes(asyncapi.plain(known), asyncapi.plain(json.loads(text)))
        else:
            found = changes(known, json.loads(json.dumps(document))) if known["describe"] == 1 else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = []
    return [f"{'breaking' if each.is_breaking else 'compatible'}: {each.text}" for each in found] + [renew]
