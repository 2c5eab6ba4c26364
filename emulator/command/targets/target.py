"""What ``streamer emulate`` runs: an App, or a topology of plain Lambda handlers, found by name."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from streamer.app import App
from streamer.errors import ConfigurationError
from streamer.loading import load_service
from streamer.project import (
    BASE_PATH,
    CONFIG_FILE,
    DEFAULT_APP,
    DEFAULT_STAGE,
    DOMAIN,
    Project,
    undisturbed,
)
from streamer.service import separated
from streamer.settings import require_sense
from streamer.topology import CONNECT, Function, Topology
from streamer.topology.checks import validate
from streamer.topology.sizes import resized
from streamer.topology.variables import why_no_variable

from .candidates import no_service
from .which_project import has_app

if TYPE_CHECKING:
    from ...gateway.rules.domains import Domain
    from ...services.calls import Call
    from .control_plane import ControlTarget
    from .from_template import TemplateTarget

DEMO: Final = "streamer.demo:app"
"""The built-in app, for a first look."""
_LATER: Final = "of a resource"
"""Stands for a variable of ``environment_from`` until the resources are known."""


class Target(Struct, frozen=True, kw_only=True):
    """A service that is ready to be emulated."""

    name: str
    """``module:attribute``."""
    topology: Topology
    is_app: bool
    """Whether it is a streamer App; False: plain handlers, which need no token."""
    actions: tuple[str, ...] = ()
    """The App's, by name."""
    permissions: tuple[str, ...] = ()
    """What the App's actions ask for, which whoever develops it may do."""
    template: TemplateTarget | None = None
    """Where it comes from, if that is a template."""
    services: tuple[Call, ...] = ()
    """What ``resources`` of ``streamer.toml`` has made in the services that are not embedded."""
    domains: Mapping[str, tuple[Domain, ...]] = field(default_factory=dict)
    """API by name to the custom domains that lead to it."""
    told: str | None = None
    """What of ``resources`` is emulated and what is not, and that AWS has another Python; None: nothing of these."""

    @property
    def has_tokens(self) -> bool:
        """Whether its ``$connect`` verifies tokens itself."""
        connect = self.topology.api.route(CONNECT)
        return self.is_app and connect is not None and connect.authorizer is None and not connect.iam

    @property
    def is_signed(self) -> bool:
        """Whether API Gateway verifies signatures of its clients' handshakes."""
        connect = self.topology.api.route(CONNECT)
        return connect is not None and connect.iam

    control: ControlTarget | None = None
    """What is deployed to, if it is the control plane."""

    @property
    def function_ids(self) -> Mapping[str, str]:
        """Names of functions by their logical ids; none where no template has any."""
        return {} if self.template is None else self.template.function_ids

    @property
    def is_deployable(self) -> bool:
        """Whether what runs is described by templates, which is AWS's own form."""
        return self.template is not None or self.control is not None


def of_template(template: TemplateTarget) -> Target:
    """A project that is emulated from its templates, as they are read."""
    return Target(name=template.name, topology=template.read.described.topology, is_app=False, template=template)


def of_control_plane(control: ControlTarget) -> Target:
    """What runs nothing until something is deployed to it."""
    return Target(name=control.name, topology=control.topology, is_app=False, control=control)


def prepared(chosen: str, found: App | Topology, project: Project, *, environment: Mapping[str, str]) -> Target:
    """What `find_service` found, ready to be emulated.

    A function of stage and table prefix is given an empty prefix: nobody else's tables are here.

    Args:
        chosen: What names it.
        found: The App or topology.
        project: its stage is the API's (None: the topology's own, for an App ``dev``), and all functions get its
            environment.
        environment: Values for the variables that an App's functions need, and of the secrets of plain handlers.

    Raises:
        ConfigurationError: it is not what it should be.
    """
    if isinstance(found, App):
        given = {**dict.fromkeys(project.environment_from, _LATER), **project.environment, **environment}
        topology = found.topology(target=chosen, stage=project.stage or DEFAULT_STAGE, environment=given)
    elif project.stage is None:
        topology = found
    else:
        topology = dataclasses.replace(found, api=dataclasses.replace(found.api, stage=project.stage))
    topology = _with_secrets(topology, {**environment, **project.environment})
    topology = with_variables(topology, project.environment)
    _require_variables(topology)
    for each in filter(_is_ours, topology.functions):
        require_sense(each.environment, project.environment_from)
    topology = separated(resized(topology, project.functions))
    services: tuple[Call, ...] = ()
    told = other_python(project.python, sys.version_info[:2])
    if project.resources is not None or project.environment_from:
        # Templates cost some 50 ms to import, which no other target pays.
        from .own_resources import with_own_resources  # noqa: PLC0415

        own = with_own_resources(topology, project, frozenset(environment))
        topology, services = own.topology, own.services
        told = "\n".join([*filter(None, [told]), own.told])
    validate(topology)
    is_app = isinstance(found, App)
    return Target(
        name=chosen,
        topology=topology,
        is_app=is_app,
        actions=tuple(found.actions) if isinstance(found, App) else (),
        permissions=_permissions(found) if isinstance(found, App) else (),
        services=services,
        domains=_domains(topology, project),
        told=told,
    )


def other_python(wanted: str | None, here: tuple[int, int]) -> str | None:
    """That functions run in another Python here than ``streamer.toml`` wants on AWS; None: they do not, or may."""
    own = ".".join(map(str, here))
    return None if wanted in (None, own) else f"functions run in Python {own} here, and on AWS in {wanted}"


def _is_ours(function: Function) -> bool:
    """Whether its handler is a part of streamer; others take what variables they like."""
    return function.handler.startswith("streamer.handlers.")


def _require_variables(topology: Topology) -> None:
    """Refuse variables that Lambda does not take: the deployment would end there."""
    for name, value in sorted({pair for each in topology.functions for pair in each.environment.items()}):
        why = "its value holds a NUL character" if "\0" in value else why_no_variable(name)
        if why is not None:
            raise ConfigurationError(f"{name!r} cannot be an environment variable: {why}")


def _domains(topology: Topology, project: Project) -> dict[str, tuple[Domain, ...]]:
    name, base_path = project.domain, project.base_path
    if name is None:
        if base_path:
            raise ConfigurationError(f"{CONFIG_FILE}: base_path belongs to a domain; name it, too")
        return {}
    if DOMAIN.fullmatch(name) is None:
        raise ConfigurationError(f"{CONFIG_FILE}: domain is {name!r}, which is no name of one, such as ws.example.com")
    if BASE_PATH.fullmatch(base_path) is None:
        raise ConfigurationError(f"{CONFIG_FILE}: base_path is {base_path!r}, which is no path such as chat or chat/v1")
    from ...gateway.rules.domains import Domain  # noqa: PLC0415 - of the emulator, which `describe` does without

    return {topology.api.name: (Domain(name=name.lower(), base_path=base_path),)}


def find_service(name: str | None, project: Project, *, undoes: bool = True) -> tuple[str, App | Topology]:
    """What a project's target names, and the target.

    Args:
        name: ``module:attribute``; None: what ``streamer.toml`` names, else ``app:app`` if there is such a module.
        project: its code is put first on the import path, as Lambda does with the function's.
        undoes: whether what the code makes of this process is undone, since functions do not run here.

    Raises:
        ConfigurationError: there is no such thing, or it is not what it should be.
    """
    if name is not None and not name.strip():
        raise ConfigurationError("the target is empty, as an unset variable is; name one, such as app:app, or none")
    if str(project.code) not in sys.path:
        sys.path.insert(0, str(project.code))
    chosen = name or project.app or (DEFAULT_APP if has_app(project.code) else None)
    if chosen is None:
        raise no_service(project)
    _forget_another(chosen.partition(":")[0].partition(".")[0], project.code)
    with _without_bytecode(), undisturbed() if undoes else contextlib.nullcontext():
        return chosen, load_service(chosen, stage=project.stage or DEFAULT_STAGE, table_prefix="")


def _forget_another(name: str, code: Path) -> None:
    """Drop a module of that name that this process has from elsewhere, such as from another project, if this has one.

    Otherwise that project's code would be run in the name of this one: nearly every project has an ``app``.
    """
    file = getattr(sys.modules.get(name), "__file__", None)
    if name == "streamer" or file is None or Path(file).resolve().is_relative_to(code.resolve()):
        return
    if (code / f"{name}.py").is_file() or (code / name).is_dir():
        for each in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[each]


def _with_secrets(topology: Topology, values: Mapping[str, str]) -> Topology:
    """The topology whose plain functions have their secrets in variables, as they find them on AWS."""
    functions = []
    for function in topology.functions:
        if _is_ours(function):
            functions.append(function)
            continue
        secrets = {name: values[name] for name in function.secrets if values.get(name)}
        given = {**function.environment, **secrets}
        missing = [name for name in function.secrets if not given.get(name)]
        if missing:
            raise ConfigurationError(
                f"function {function.name!r} needs {', '.join(missing)}; set it in the environment or in .env"
            )
        functions.append(dataclasses.replace(function, environment=given))
    return dataclasses.replace(topology, functions=tuple(functions))


def with_variables(topology: Topology, variables: Mapping[str, str]) -> Topology:
    """The topology with variables that every function gets, as the deployer gives them those of ``streamer.toml``."""
    if not variables:
        return topology
    functions = tuple(
        dataclasses.replace(each, environment={**each.environment, **variables}) for each in topology.functions
    )
    return dataclasses.replace(topology, functions=functions)


def _permissions(app: App) -> tuple[str, ...]:
    return tuple(sorted({permission for action in app.actions.values() for permission in action.permissions}))


@contextlib.contextmanager
def _without_bytecode() -> Iterator[None]:
    """Write no bytecode: a change within the second, of the same size, would go unnoticed when the code is reloaded."""
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_bytecode
