"""From a configuration to what is deployed: the service's topology, its template and its code."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamer
import streamer.loading
from streamer.app import App
from streamer.topology import Topology

from .config import Config
from .package import bytecode
from .package.bundle import (
    RUNTIME_DISTRIBUTIONS,
    Bundle,
    bundle,
    combine,
    project_files,
    require_handlers,
    runtime_files,
)
from .package.requirements import installed_files, own_requirements, requirement_lines, resolve
from .plan import Wanted
from .stack.settings import StackSettings, secret_parameter
from .stack.template import template, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as it will be on AWS, without its code."""

    topology: Topology
    settings: StackSettings
    template: Mapping[str, Any]

    @property
    def secret_variables(self) -> Mapping[str, str]:
        """Parameter of the template to the environment variable whose secret value it carries."""
        names = {secret_parameter(v): v for function in self.topology.functions for v in function.secrets}
        return {name: names[name] for name in self.template["Parameters"] if name in names}


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
    if isinstance(target, Topology):
        return target
    # Values of the app's variables come from Secrets Manager; none is needed to describe the stack.
    values = dict.fromkeys(target.environment, "in Secrets Manager")
    return target.topology(
        target=config.app,
        table_prefix=config.prefix,
        stage=config.stage,
        environment={**values, **settings.environment},
    )


def _target(config: Config) -> App | Topology:
    folder = str(config.code)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return streamer.loading.load_service(config.app)


def build(config: Config, service: Service) -> Bundle:
    """Make the code of a service. Asks the package index only if there are requirements beyond the runtime's own.

    Raises:
        BundleError: something is missing, does not compile or has no wheel for Lambda.
    """
    python, architecture = service.settings.python, service.settings.architecture
    is_app = any(function.handler.startswith("streamer.") for function in service.topology.functions)
    # Also for plain handlers: the module that describes their topology imports it.
    runtime = runtime_files(Path(streamer.__file__).parent)
    own = [installed_files(name) for name in RUNTIME_DISTRIBUTIONS]
    lines = _requirements(config)
    if is_app and service.settings.jwt_public_key is not None:
        lines += own_requirements(["cryptography"])
    wheels = resolve(lines, python=python, architecture=architecture, folder=config.folder)
    # A requirement that the runtime has too comes as the user pinned it.
    taken = {path.split("/")[0] for path in wheels}
    own = [{path: file for path, file in files.items() if path.split("/")[0] not in taken} for files in own]
    files = combine(runtime, project_files(config.code, config.exclude), *own, wheels)
    handlers = [function.handler for function in service.topology.functions]
    if is_app:
        handlers.append(config.app.replace(":", "."))
    require_handlers(files, handlers)
    executable = bytecode.interpreter(python)
    if executable is None:
        note = f"no bytecode: there is no Python {python} here to make it with, so cold starts compile the code"
        return bundle(files, notes=[note])
    files = {**files, **bytecode.compiled(files, executable)}
    packed = bundle(files)
    if bytecode.has_native_code(files):
        return dataclasses.replace(packed, notes=("imports were not tried: the bundle holds native code for Lambda",))
    tried = bytecode.trial(files, handlers, executable, _trial_environment(config))
    notes = (f"not imported here, though it may be on Lambda: {tried.problem}",) if tried.problem else ()
    return dataclasses.replace(packed, notes=notes, import_ms=tried.import_ms)


def _requirements(config: Config) -> list[str]:
    if config.requirements is not None:
        return requirement_lines(config.folder / config.requirements)
    usual = config.code / "requirements.txt"
    return requirement_lines(usual) if usual.exists() else []


def _trial_environment(config: Config) -> dict[str, str]:
    region = config.region or "us-east-1"
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "TABLE_PREFIX": config.prefix,
        "STREAMER_APP": config.app,
        **config.environment,
    }


def want(config: Config, service: Service, code: Bundle, given: frozenset[str]) -> Wanted:
    """What should be on AWS, for the planner."""
    return Wanted(
        stack_name=config.stack,
        stage=config.stage,
        service=config.service,
        template=service.template,
        template_bytes=len(to_json(service.template).encode()),
        code_digest=code.digest,
        code_bytes=len(code.zipped),
        bucket=config.bucket,
        given=given,
        needs_logging_role=service.settings.access_logs and not service.settings.logging_role,
    )
