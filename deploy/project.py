"""From a configuration to what is deployed: the service's topology, its template and its code."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamer
import streamer.loading
import streamer.project
from streamer.app import App
from streamer.errors import ConfigurationError
from streamer.project import CONFIG_FILE, DEFAULT_APP
from streamer.service import separated
from streamer.topology import Topology
from streamer.topology.sizes import resized

from .config import Config
from .errors import BundleError
from .package import bytecode, imports
from .package.bundle import Bundle, File, bundle, combine, require_handlers, runtime_files
from .package.dependencies import Dependencies, canonical, dependencies, unread
from .package.project_files import project_files
from .package.requirements import needed_by_the_runtime, own_requirements, resolve
from .planning.plan import Wanted, code_key
from .stack.settings import StackSettings
from .stack.template import secret_variables, template, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as it will be on AWS, without its code."""

    topology: Topology
    settings: StackSettings
    template: Mapping[str, Any]

    @property
    def secret_variables(self) -> Mapping[str, str]:
        """Parameter of the template to the environment variable whose secret value it carries."""
        return secret_variables(self.template)

    def snapshots_with(self, parameters: Iterable[str]) -> list[str]:
        """Functions whose snapshots hold the values of these parameters: what is read in init stays in them."""
        given = {self.secret_variables[each] for each in parameters if each in self.secret_variables}
        return [each.name for each in self.topology.functions if each.snap_start and not given.isdisjoint(each.secrets)]

    @property
    def has_tokens(self) -> bool:
        """Whether clients must show a token: the functions are the runtime's own."""
        return any(function.handler.startswith("streamer.") for function in self.topology.functions)


def load_service(config: Config) -> Service:
    """Import the user's app and describe its stack.

    Raises:
        ConfigurationError: the app cannot be imported, or something in it or in the settings is impossible.
    """
    settings, target = config.settings(), _target(config)
    if isinstance(target, App):
        settings = dataclasses.replace(settings, actions=tuple(target.actions))
    topology = _topology(config, settings, target)
    return Service(topology=topology, settings=settings, template=template(topology, settings))


def _topology(config: Config, settings: StackSettings, target: App | Topology) -> Topology:
    sizes = streamer.project.read(config.folder, config.stage).functions
    if isinstance(target, Topology):
        return separated(resized(target, sizes), settings.reserved_concurrency)
    # Values of the app's variables come from Secrets Manager; none is needed to describe the stack.
    values = dict.fromkeys(target.environment, "in Secrets Manager")
    topology = target.topology(
        target=config.app,
        table_prefix=config.prefix,
        stage=config.stage,
        environment={**values, **settings.environment},
    )
    return separated(resized(topology, sizes), settings.reserved_concurrency)


def _target(config: Config) -> App | Topology:
    folder = str(streamer.project.read(config.folder, config.stage).code)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if config.app == DEFAULT_APP and importlib.util.find_spec("app") is None:
        raise ConfigurationError(
            f"there is no service in {folder}: no app.py, and {CONFIG_FILE} names no other; go to its folder, "
            "name it as module:attribute, or make a new one: streamer init"
        )
    # What the code prints is no part of a template.
    with streamer.project.undisturbed(), contextlib.redirect_stdout(sys.stderr):
        return streamer.loading.load_service(config.app, stage=config.stage, table_prefix=config.prefix)


def build(config: Config, service: Service) -> Bundle:
    """Make the code of a service. Asks the package index only if there are requirements beyond the runtime's own.

    Raises:
        BundleError: something is missing, does not compile or has no wheel for Lambda.
    """
    python = service.settings.python
    wheels, source = _wheels(config, service)
    mine = project_files(config.code, config.exclude)
    # The runtime also for plain handlers: the module that describes their topology imports it.
    own = needed_by_the_runtime(wheels)
    files = combine(runtime_files(Path(streamer.__file__).parent), mine.files, *own, wheels)
    handlers = [function.handler for function in service.topology.functions]
    if service.has_tokens:
        handlers.append(config.app.replace(":", "."))
    why_not = {each.path: each.reason for each in mine.left_out}
    require_handlers(files, handlers, why_not)
    notes = [f"left out: {each.path} is {each.reason}" for each in mine.left_out if each.is_told]
    modules = [name.rpartition(".")[0] for name in handlers]
    architecture = service.settings.architecture
    notes += imports.check(files, modules, python=python, architecture=architecture, left_out=why_not)
    shadows = imports.shadows(files, python)
    notes += [shadows] if shadows is not None else []
    notes += [f"requirements are those of {source}; {name} beside it is not read" for name in unread(source)]
    executable = bytecode.interpreter(python)
    compiled = bytecode.compiled(files, executable) if executable is not None else {}
    tried = bytecode.Trial(import_ms={})
    if executable is None:
        notes.append(f"no bytecode: there is no Python {python} here to make it with, so cold starts compile the code")
    if executable is None or bytecode.has_native_code(files):
        why = f"there is no Python {python} here" if executable is None else "the bundle holds native code for Lambda"
        notes.append(f"imports were read and not run: {why}")
    else:
        try:
            tried = bytecode.trial({**files, **compiled}, handlers, executable, _trial_environment(config))
        except BundleError as exc:
            raise exc if shadows is None else BundleError(f"{exc}; {shadows}") from exc
        notes += [f"not imported here, though it may be on Lambda: {tried.problem}"] if tried.problem else []
    packed = bundle(files, python=python, bytecode=compiled, notes=notes)
    return dataclasses.replace(packed, import_ms=tried.import_ms, left_out=mine.left_out, source=source)


def _wheels(config: Config, service: Service) -> tuple[dict[str, File], str]:
    """The files of all requirements, and where those were read."""
    python, architecture = service.settings.python, service.settings.architecture
    named = config.folder / config.requirements if config.requirements is not None else None
    wanted = dependencies(
        named,
        [config.code, *_between(config.code, config.folder.resolve())],
        python=python,
        architecture=architecture,
        extras=config.extras,
        groups=config.groups,
    )
    needs_crypto = service.has_tokens and service.settings.verifies_by_public_keys
    own = own_requirements(["cryptography"]) if needs_crypto else []
    if any(canonical(line) == "cryptography" for line in wanted.lines):
        own = []
    is_closed = wanted.is_complete or wanted.is_hashed  # nothing may be added to a list that is complete
    groups = [wanted if is_closed else dataclasses.replace(wanted, lines=(*wanted.lines, *own))]
    groups += [Dependencies(source="", lines=tuple(own))] if is_closed else []
    found = [resolve(each, python=python, architecture=architecture, folder=config.folder) for each in groups]
    return combine(*found), wanted.source


def _between(inner: Path, outer: Path) -> list[Path]:
    """The folders above the code up to that of ``streamer.toml``."""
    if not inner.is_relative_to(outer):
        return [outer]
    return [each for each in inner.parents if each.is_relative_to(outer)]


def _trial_environment(config: Config) -> dict[str, str]:
    region = config.region or "us-east-1"
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "TABLE_PREFIX": config.prefix,
        "STREAMER_APP": config.app,
        **config.environment,
    }


def want(
    config: Config, service: Service, code: Bundle, given: frozenset[str], adopt: frozenset[str] = frozenset()
) -> Wanted:
    """What should be on AWS, for the planner."""
    return Wanted(
        stack_name=config.stack,
        stage=config.stage,
        service=config.service,
        template=service.template,
        template_bytes=len(to_json(service.template).encode()),
        code_key=code_key(config.service, code.digest),
        code_bytes=len(code.zipped),
        bucket=config.bucket,
        given=given,
        needs_logging_role=service.settings.access_logs and not service.settings.logging_role,
        adopt=adopt,
    )
