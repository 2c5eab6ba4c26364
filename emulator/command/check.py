"""``streamer emulate --check``: what would be emulated, without anything that emulates."""

from __future__ import annotations

from pathlib import Path

from streamer.errors import ConfigurationError

from .development_secret import FOLDER, make_state_folder
from .from_template import load_template, run_build
from .options import EmulateOptions
from .which_project import project_at, template_name


def checked(options: EmulateOptions) -> list[str]:
    """All lines about the target of the options.

    Raises:
        ConfigurationError: it is no template, or something in it would be refused.
    """
    project = project_at(Path.cwd(), options.target, options.stage)
    folder, name = project.folder, template_name(options.target, project)
    if name is None:
        raise ConfigurationError("--check is for templates, and the target is none")
    make_state_folder(folder / FOLDER)
    if options.build is not None:
        run_build(options.build, folder)
    found = load_template(name, options, folder=folder, state_folder=folder / FOLDER, only_looks=True)
    return found.lines(all_lines=True)
