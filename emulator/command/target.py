"""What ``streamer emulate`` runs: an App, or a topology of plain Lambda handlers, found by name."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamer.app import App
from streamer.loading import load_service
from streamer.topology import Topology
from streamer.topology_checks import validate

from ..templates.assembly import find_default, is_template
from .options import APP_STAGE

if TYPE_CHECKING:
    from .from_template import TemplateTarget

DEMO: Final = "streamer.demo:app"
"""The built-in app, for a first look."""
_APP: Final = re.compile(r"^app\b\s*[:=]|^from\s.*\bimport\b.*\bapp\b", re.MULTILINE)
DEFAULT: Final = "app:app"
"""Where an App is looked for when no target is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service that is ready to be emulated."""

    name: str
    """``module:attribute``."""
    topology: Topology
    is_app: bool
    """Whether it is a streamer App; False: plain handlers, which need no token."""
    template: TemplateTarget | None = None
    """Where it comes from, if that is a template."""


def template_name(name: str | None, folder: Path) -> str | None:
    """The template or folder that a target means; None: ``module:attribute``, or the demo app."""
    if name is None:
        found = find_default(folder)
        # Many projects with a template keep their handler in app.py, too.
        return None if found is None or _has_app(folder, named=True) else found
    return name if is_template(name, folder) else None


def load_target(name: str | None, *, folder: Path, environment: Mapping[str, str], stage: str | None = None) -> Target:
    """Load a target from a project's folder.

    Args:
        name: ``module:attribute``; None: ``app:app`` if the folder has such a module, else the demo app.
        folder: Put first on the import path, as Lambda does with the function's code.
        environment: Values for the variables that an App's functions need.
        stage: The API's stage; None: the topology's own, for an App ``dev``.

    Raises:
        ConfigurationError: there is no such thing, or it is not what it should be.
    """
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    chosen = name or (DEFAULT if _has_app(folder) else DEMO)
    with _without_bytecode():
        found = load_service(chosen)
    if isinstance(found, App):
        topology = found.topology(target=chosen, stage=stage or APP_STAGE, environment=environment)
        return Target(name=chosen, topology=topology, is_app=True)
    topology = found if stage is None else dataclasses.replace(found, api=dataclasses.replace(found.api, stage=stage))
    validate(topology)
    return Target(name=chosen, topology=topology, is_app=False)


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """Write no bytecode: a change within the second, of the same size, would go unnoticed when the code is reloaded."""
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_bytecode


def _has_app(folder: Path, *, named: bool = False) -> bool:
    """Whether a folder has a module ``app``; with ``named``, one whose text names an ``app``."""
    files = [path for path in (folder / "app.py", folder / "app" / "__init__.py") if path.is_file()]
    return any(not named or _APP.search(path.read_text("utf-8", "ignore")) is not None for path in files)
