"""``streamer emulate --check``: what would be emulated, without anything that emulates."""

from __future__ import annotations

from pathlib import Path

from streamer.errors import ConfigurationError

from ..options import EmulateOptions
from ..targets.candidates import no_service
from ..targets.from_template import open_template
from ..targets.which_project import has_app, project_at, template_name


def checked(options: EmulateOptions) -> list[str]:
    """All lines about the target of the options.

    Raises:
        ConfigurationError: it is no template, or something in it would be refused.
    """
    project = project_at(Path.cwd(), options.target, options.stage)
    name = template_name(options.target, project, Path.cwd())
    if name is None and options.target is None and project.app is None and not has_app(project.code):
        raise no_service(project)
    if name is None:
        raise ConfigurationError("--check is for templates, and the target is none")
    return open_template(name, options, project.folder, only_looks=True).lines(all_lines=True)
