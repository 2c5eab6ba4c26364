"""``streamer emulate template.yaml``: what the options mean for a project, and reading it again when it changes."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from streamer.errors import ConfigurationError
from streamer.project import dot_env
from streamer.topology.grants import Place

from ...foundation import log
from ...foundation.files import read_text
from ...foundation.place import REGION
from ...iam.managed import managed
from ...iam.roles import Roles
from ...templates import packages
from ...templates.assembly import BUILT, Project, find
from ...templates.catalogue import Catalogue
from ...templates.described import function_roles
from ...templates.project import Read, Settings, read_project
from ...templates.report import OF_ROLES, brief, ids, of_roles, outputs, report
from ...templates.samconfig import NAMES, SamConfig, overrides, read_config
from ...templates.topology import Wanted
from ..here.development_secret import state_folder
from ..options import TemplateOptions
from . import provided_sdk
from .provided_sdk import FOLDER as SDK

if TYPE_CHECKING:
    from ...wiring.config import EmulatorConfig

_LACKING: Final = 3
"""Most lines about packages before the rest is only counted."""
_SHOWN_OUTPUT: Final = 2000
"""Characters of a build's output that an error repeats."""


class TemplateTarget(Struct, frozen=True, kw_only=True):
    """A project that is emulated from its templates."""

    name: str
    options: TemplateOptions
    folder: Path
    state_folder: Path
    read: Read
    region: str
    roles: Roles | None = None
    """What functions run as, where they are held to it or recorded."""
    told_of_roles: tuple[str, ...] = ()
    """What is to be said of that."""
    missing: tuple[str, ...] = ()
    """What of Lambda's SDK is still to be fetched, where the project was only looked at."""
    lacking: tuple[str, ...] = ()
    """What is to be said of packages that functions would not find."""

    def again(self) -> TemplateTarget:
        """The project as it is on disk now; raises ConfigurationError."""
        return load_template(self.name, self.options, folder=self.folder, state_folder=self.state_folder)

    def lines(self, *, all_lines: bool = False) -> list[str]:
        """What is emulated, ignored and missing."""
        without = OF_ROLES if self.told_of_roles else ()
        lines = [*report(self.read, all_lines=all_lines, without=without), *self.told_of_roles]
        if self.missing:
            names = ", ".join(self.missing)
            lines.append(f"fetch      {names}: Lambda provides it to Node.js; npm fetches it at the start")
        shown = self.lacking if all_lines else tuple(map(brief, self.lacking[:_LACKING]))
        lines += [f"install    {text}" for text in shown]
        more = len(self.lacking) - len(shown)
        return [*lines, *([f"and {more} more to install, see --check"] if more else [])]

    def configured(self, config: EmulatorConfig) -> EmulatorConfig:
        """How the project is emulated, given what the options come to; raises ConfigurationError."""
        found, iam = self.read.described, self.options.iam or "off"
        config = dataclasses.replace(config, region=self.region, services=found.services, domains=found.domains)
        return dataclasses.replace(config, iam=iam, roles=self.roles)

    @property
    def function_ids(self) -> Mapping[str, str]:
        """Names of functions by their logical ids."""
        return {logical_id: name for name, logical_id in logical_ids(self.read).items()}

    def told(self) -> dict[str, Any]:
        """What the ready file says of it."""
        return {"resources": ids(self.read), "outputs": outputs(self.read)}

    @property
    def watched(self) -> frozenset[Path]:
        """Files and folders whose changes matter."""
        more = {path for path in (self.options.env_vars, self._config()) if path is not None}
        return frozenset({*self.read.watched, *(path.resolve() for path in more)})

    def _config(self) -> Path | None:
        return self.options.config_file or _config_beside(self.read.project)


def logical_ids(read: Read) -> dict[str, str]:
    """Logical ids of a project's functions, by their names."""
    stacks = [each for top in read.stacks for each in top.all()]
    found = [each for stack in stacks for each in stack.resources.values()]
    return {each.name: each.logical_id for each in found if each.type == "AWS::Lambda::Function"}


def open_template(name: str, options: TemplateOptions, folder: Path, *, only_looks: bool = False) -> TemplateTarget:
    """Build a project in a folder, if that is how it is made, and read it; what it keeps is beside it.

    Raises:
        ConfigurationError: it cannot be built or emulated; the message is one line.
    """
    if options.build is not None:
        run_build(options.build, folder)
    find(name, folder, stack=options.stack)  # before a folder is made where there is nothing
    return load_template(name, options, folder=folder, state_folder=state_folder(folder), only_looks=only_looks)


def load_template(
    name: str, options: TemplateOptions, *, folder: Path, state_folder: Path, only_looks: bool = False
) -> TemplateTarget:
    """Read a project, and fetch what its code needs of Lambda's, unless it is only looked at.

    Raises:
        ConfigurationError: it cannot be emulated; the message is one line.
    """
    project = find(name, folder, stack=options.stack)
    config = _samconfig(project, options)
    if options.stack is None and config.stack is not None and len(project.parts) == 1:
        project = find(name, folder, stack=config.stack)
    region = config.region or (project.regions[0] if len(project.regions) == 1 else REGION)
    given = pairs("--parameter", options.parameters)
    overridden = overrides(options.overrides, "--parameter-overrides")
    settings = Settings(
        region=region,
        parameters={**config.parameters, **given, **overridden},
        options={
            **{each.partition("=")[0]: f"--parameter number {n}" for n, each in enumerate(options.parameters, start=1)},
            **dict.fromkeys(overridden, "a part of --parameter-overrides"),
        },
        imports=pairs("--import", options.imports),
        stored=pairs("--secret", options.secrets),
        code={each: _folder(folder, path) for each, path in pairs("--code", options.code).items()},
        wanted=Wanted(
            api=options.api,
            stage=options.stage,
            commands=pairs("--command", options.commands),
            variables=_variables(options.env_vars or _beside(project, config)),
        ),
    )
    read = read_project(project, settings, state_folder)
    missing: tuple[str, ...] = ()
    if only_looks:
        missing = provided_sdk.missing(read.described.topology, folder, state_folder / SDK)
    else:
        read = _with_sdk(read, options, folder, state_folder)
    roles, told = _roles(read, options, settings.account_id)
    return TemplateTarget(
        name=name,
        options=options,
        folder=folder,
        state_folder=state_folder,
        read=read,
        region=region,
        roles=roles,
        told_of_roles=told,
        missing=missing,
        lacking=tuple(packages.told(read.described.topology.functions, logical_ids(read), Path.cwd())),
    )


def _roles(read: Read, options: TemplateOptions, account_id: str) -> tuple[Roles | None, tuple[str, ...]]:
    if options.iam not in ("enforce", "record"):
        return None, ()
    catalogue = Catalogue(each for top in read.stacks for each in top.all())
    found = function_roles.roles(catalogue, managed, Place.of(read.region, account_id))
    functions = len(read.described.topology.functions)
    if options.iam == "record" or not functions:
        return found, ()
    return found, tuple(of_roles(len(found.of), functions, catalogue.warnings))


def _with_sdk(read: Read, options: TemplateOptions, folder: Path, state_folder: Path) -> Read:
    described = read.described
    topology = provided_sdk.provide(
        described.topology, folder, state_folder / SDK, may_install=options.install, tell=log.info
    )
    return structs.replace(read, described=structs.replace(described, topology=topology))


def run_build(command: str, folder: Path) -> None:
    """Run what makes a project's templates and code.

    Raises:
        ConfigurationError: it failed; the message has the end of its output.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command line
            shlex.split(command),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--build {command!r} cannot be run: {error}") from error
    if done.returncode != 0:
        said = " ".join((done.stderr.strip() or done.stdout.strip())[-_SHOWN_OUTPUT:].split())
        raise ConfigurationError(f"--build {command!r} ended with {done.returncode}: {said}")


def pairs(option: str, written: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` of an option that can be repeated.

    Raises:
        ConfigurationError: one has another form; its text is not repeated, since it may be a secret.
    """
    found = {}
    for number, each in enumerate(written, start=1):
        name, separator, value = each.partition("=")
        if not separator or not name:
            raise ConfigurationError(f"{option} number {number} is not NAME=VALUE")
        found[name] = value
    return found


def _folder(folder: Path, written: str) -> Path:
    found = (folder / written).resolve()
    if not found.is_dir():
        raise ConfigurationError(f"--code: there is no folder {found}")
    return found


def _samconfig(project: Project, options: TemplateOptions) -> SamConfig:
    path = options.config_file or _config_beside(project)
    if path is None or not path.is_file():
        if options.config_env is not None:
            raise ConfigurationError(f"--config-env: there is no {path or project.root / NAMES[0]}")
        return SamConfig()
    return read_config(read_text(path), str(path.name), options.config_env)


def _config_beside(project: Project) -> Path | None:
    return next((path for name in NAMES if (path := project.root / name).is_file()), None)


def _beside(project: Project, config: SamConfig) -> Path | None:
    if config.env_vars is None:
        return None
    found = project.root / config.env_vars
    return found if found.is_file() else None


def _variables(path: Path | None) -> Mapping[str, Mapping[str, str]]:
    """SAM's JSON by function, with ``Parameters`` for all, or a ``.env`` file for all."""
    if path is None:
        return {}
    text = read_text(path)
    if not text.lstrip().startswith("{"):
        return {"*": dot_env(text, path)}
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path}: not JSON: {error}") from error
    found = {}
    for name, values in tree.items():
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path}: {name} must have a mapping of variables")
        found["*" if name == "Parameters" else name] = {key: _plain(value) for key, value in values.items()}
    return found


def _plain(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


BUILD_OUTPUT: Final = (BUILT.parts[0], "cdk.out", ".serverless", "node_modules", ".git", "__pycache__", ".streamer")
"""Folders whose changes are no reason to build."""
