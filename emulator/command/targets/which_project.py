"""Which project ``streamer emulate`` means, and whether its target is a template; imports next to nothing."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Final

from streamer.errors import ConfigurationError
from streamer.project import Project, folder_of, read, variables

from ...templates.assembly import find_default, is_of_a_tool, is_template
from ..options import EmulateOptions

_APP: Final = re.compile(r"^app\b\s*[:=]|^from\s.*\bimport\b.*\bapp\b", re.MULTILINE)
_OTHERS: Final = re.compile(r"^(from|import)\s+(aws_cdk|chalice|fastapi|flask)\b", re.MULTILINE)
"""What gives an ``app`` that is none of ours, as that of every project of CDK in Python."""


def project_of(options: EmulateOptions) -> tuple[Project, dict[str, str]]:
    """The project that is emulated, and the variables of the shell and of its ``.env``.

    Raises:
        ConfigurationError: ``--demo`` stands beside a target, or what is read of the project cannot be.
    """
    if options.demo and options.target is not None:
        raise ConfigurationError(f"--demo runs the built-in demo, and {options.target!r} is something else; choose one")
    here = Path.cwd()
    is_bare = options.demo or options.control_plane
    project = read(here, options.stage) if is_bare else project_at(here, options.target, options.stage)
    project = dataclasses.replace(project, environment={**project.environment, **pairs(options.env)})
    return project, variables(project.folder, os.environ, options.env_file)


def project_at(here: Path, name: str | None, stage: str | None) -> Project:
    """The project of a target that is named in a folder: the folder's own if it holds the target, else one above it.

    Raises:
        ConfigurationError: ``streamer.toml`` cannot be read.
    """
    return read(here if _has_own_service(here, name) else folder_of(here), stage)


def _has_own_service(folder: Path, name: str | None) -> bool:
    if name is None:
        return has_app(folder) or find_default(folder) is not None or is_of_a_tool(folder)
    if ":" not in name and is_template(name, folder):
        return True
    module = folder.joinpath(*name.partition(":")[0].split("."))
    return module.with_suffix(".py").is_file() or module.is_dir()


def template_name(name: str | None, project: Project, here: Path) -> str | None:
    """The template or folder that a target means, which is named from ``here``; None: ``module:attribute``."""
    if name is None:
        if project.app is not None:
            return None
        found = find_default(project.folder) or ("." if is_of_a_tool(project.folder) else None)
        # Many projects with a template keep their handler in app.py, too.
        return None if found is None or has_app(project.code, named=True) else found
    is_path = name.strip() and (":" not in name or (here / name).exists())
    return name if is_path and is_template(name, here) else None


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` of ``--env``.

    Raises:
        ConfigurationError: one has another form; its text is not repeated, since it may be a secret.
    """
    found = {}
    for number, text in enumerate(given, 1):
        name, separator, value = text.partition("=")
        if not separator or not name.isidentifier():
            raise ConfigurationError(f"--env number {number} is not NAME=VALUE, such as --env GREETING=hello")
        found[name] = value
    return found


def has_app(folder: Path, *, named: bool = False) -> bool:
    """Whether a folder has a module ``app``; with ``named``, one whose text names an ``app`` of ours."""
    files = [path for path in (folder / "app.py", folder / "app" / "__init__.py") if path.is_file()]
    return any(not named or _names_app(path.read_text("utf-8", "ignore")) for path in files)


def _names_app(text: str) -> bool:
    return _APP.search(text) is not None and (_OTHERS.search(text) is None or "streamer" in text)
