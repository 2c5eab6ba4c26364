"""``resources`` and ``environment_from`` of ``streamer.toml`` for a service that is emulated: reads the file."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from streamer.errors import ConfigurationError
from streamer.project import Project
from streamer.topology import Topology

from ...templates.own_resources import Own, own
from ...templates.project import Settings, place_of
from ...templates.source import Source, load


def with_own_resources(topology: Topology, project: Project, given: frozenset[str]) -> Own:
    """A service with what its project's file adds to it, and the variables that refer to that.

    Args:
        topology: The service.
        project: Names the file.
        given: Variables that the user set here; they stay as they are.

    Raises:
        ConfigurationError: the file cannot be read, or something in it cannot be.
    """
    twice = sorted(project.environment.keys() & project.environment_from.keys())
    if twice:
        raise ConfigurationError(f"{twice[0]} is in environment and in environment_from; leave it in one of them")
    found = own(topology, _source(project), project.environment_from, place_of(project.stack, Settings()))
    functions = []
    for function in found.topology.functions:
        kept = {
            name: each for name, each in function.environment.items() if name in given or name not in found.variables
        }
        functions.append(replace(function, environment={**found.variables, **kept}))
    return structs.replace(found, topology=replace(found.topology, functions=tuple(functions)))


def _source(project: Project) -> Source:
    if project.resources is None:
        return Source(name="streamer.toml", text="", tree={"Resources": {}})
    try:
        text = (project.folder / project.resources).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"resources: {project.resources} cannot be read: {error}") from error
    return load(text, project.resources)
