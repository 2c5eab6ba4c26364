"""What ``streamer emulate`` runs: an App, or a topology of plain Lambda handlers, found by name."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamer.app import App, load_app
from streamer.errors import ConfigurationError
from streamer.topology import Topology, validate

DEMO: Final = "streamer.demo:app"
"""The built-in app, for a first look."""
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
    found = _find(chosen)
    if isinstance(found, App):
        topology = found.topology(target=chosen, stage=stage or "dev", environment=environment)
        return Target(name=chosen, topology=topology, is_app=True)
    topology = found if stage is None else dataclasses.replace(found, api=dataclasses.replace(found.api, stage=stage))
    validate(topology)
    return Target(name=chosen, topology=topology, is_app=False)


def _has_app(folder: Path) -> bool:
    return (folder / "app.py").is_file() or (folder / "app" / "__init__.py").is_file()


def _find(name: str) -> App | Topology:
    module_name, _, attribute = name.partition(":")
    found: Any = getattr(sys.modules.get(module_name), attribute, None)
    if not isinstance(found, Topology):
        try:
            return load_app(name)
        except ConfigurationError as error:
            # It may be a topology: the module was imported, only the attribute is not an App.
            found = getattr(sys.modules.get(module_name), attribute, None)
            if isinstance(found, Topology):
                return found
            if found is None:
                raise
            raise ConfigurationError(
                f"{name!r} is of type {type(found).__name__}; a target is an App or a streamer.topology.Topology"
            ) from error
    return found
