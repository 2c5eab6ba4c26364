"""What a project's target is, ready to be emulated, as the command and the pytest plugin come to it."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.command.targets.target import Target, find_service, prepared
from streamer.project import Project


def load_target(name: str | None, project: Project, *, environment: Mapping[str, str]) -> Target:
    """Find and prepare it; takes its arguments, and raises, as these two."""
    chosen, found = find_service(name, project)
    return prepared(chosen, found, project, environment=environment)
