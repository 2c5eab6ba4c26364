"""Which target ``streamer emulate`` means, and the variables that it is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from streamer.project import Project

from ...foundation import log
from ...functions.runtimes import is_node
from ..here.development_secret import development_secret, state_folder
from ..here.identity import PUBLIC_KEY, PUBLISHED_KEYS
from ..options import EmulateOptions
from . import provided_sdk
from .target import DEMO, Target, find_service, of_control_plane, of_template, prepared
from .which_project import template_name


def target_of(options: EmulateOptions, project: Project, said: dict[str, str]) -> tuple[Target, Mapping[str, str]]:
    """What is to run, and the variables that it is told: those, and a secret to develop with where an App needs one."""
    if options.control_plane:
        from .control_plane import control_plane  # noqa: PLC0415 - templates, which no other target pays for

        return of_control_plane(control_plane(options, project.folder, os.environ)), said
    name = None if options.demo else template_name(options.target, project, Path.cwd())
    if name is not None:
        return _load_template(name, options, project.folder), said
    options.refuse_for_templates_only()
    chosen, found = find_service(
        DEMO if options.demo else options.target, project, undoes=options.isolation != "inline"
    )
    environment = _with_secret(said, project.folder)
    target = prepared(chosen, found, project, environment=environment)
    if any(is_node(function) for function in target.topology.functions):
        target = _with_sdk(target, options, project)
    return target, environment


def _load_template(name: str, options: EmulateOptions, folder: Path) -> Target:
    # Templates cost some 50 ms to import, which no other target pays.
    from .from_template import open_template  # noqa: PLC0415

    return of_template(open_template(name, options, folder))


def _with_sdk(target: Target, options: EmulateOptions, project: Project) -> Target:
    into = state_folder(project.folder) / provided_sdk.FOLDER
    topology = provided_sdk.provide(target.topology, project.code, into, may_install=options.install, tell=log.info)
    return structs.replace(target, topology=topology)


def _with_secret(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables an App's functions may get, with a secret to develop with."""
    given = {"STREAMER_ENV": "development", **environment}
    if not any(given.get(name) for name in ("JWT_SECRET", PUBLIC_KEY, PUBLISHED_KEYS)):
        given["JWT_SECRET"] = development_secret(state_folder(folder)).value
    return given
