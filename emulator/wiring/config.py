"""How a topology is emulated: what the options of a command, a test or the console come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamer.errors import ConfigurationError
from streamer.topology import Topology

from ..foundation.place import ACCOUNT_ID, REGION
from ..functions.factory import Isolation
from ..functions.processes.kept import KeptTemplate
from ..functions.processes.launching import Launched
from ..gateway.rules.assumptions import Assumptions
from ..gateway.rules.domains import Domain
from ..gateway.rules.limits import Limits
from ..iam.call_log import folder_from
from ..iam.guard import Mode
from ..iam.roles import Roles
from ..port.http import REQUEST_SECONDS
from ..port.static import Pages
from ..services.calls import Call

if TYPE_CHECKING:
    from ..console.settings import ConsoleSettings

DEFAULT_ISOLATION: Final[Isolation] = "process"
"""As on Lambda; docs/decisions/0004 has the measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorConfig:
    """How a topology is emulated; the defaults are those of a test."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: a free one."""
    project_folder: Path = field(default_factory=Path.cwd)
    """Where functions without a ``code_root`` find their code."""
    state_folder: Path = Path(".streamer")
    """Keeps the certificate authority."""
    isolation: Isolation | None = None
    """Where functions run; None: `DEFAULT_ISOLATION`."""
    is_debugged: bool = False
    """Whether inline functions stop in a debugger."""
    inspected: Mapping[str, int] = field(default_factory=dict)
    """Functions of Node.js that a debugger may stop, and the port of each; 0: a free one."""
    concurrency: int | None = None
    """Executions of one function at once; None: the isolation's default."""
    dynamodb: str = "embedded"
    """``embedded``, or the URL of a DynamoDB."""
    state_file: Path | None = None
    """Keeps the embedded tables across restarts; None: they are gone in the end."""
    limits: Limits = field(default_factory=Limits)
    assumptions: Assumptions = field(default_factory=Assumptions)
    iam: Mode | None = None
    """Whether functions are held to their roles; None: ``enforce`` with the embedded DynamoDB, else ``off``."""
    roles: Roles | None = None
    """What functions run as, instead of what the topology grants; None: the topology says it."""
    iam_log: Path | None = field(default_factory=lambda: folder_from(os.environ))
    """Where each call of a function and what its role says of it is written; None: nowhere."""
    region: str = REGION
    account_id: str = ACCOUNT_ID
    request_seconds: float = REQUEST_SECONDS
    """How long a client may take to send its first byte, and a request from its first byte to its last."""
    console: ConsoleSettings | bool = False
    """What the console shows of the service besides its traffic, or whether there is one."""
    real: tuple[str, ...] = ()
    """Services that are not emulated and that AWS itself is asked for, as its command line names them."""
    aws_domain: bool = False
    """Whether ``domainName`` in events has AWS's form, which leads here from functions in processes."""
    domains: Mapping[str, tuple[Domain, ...]] = field(default_factory=dict)
    """API by name to the custom domains that lead to it, which functions in processes find here, too."""
    pages: Pages | None = None
    """Web pages that are served beside the API; None: there are none."""
    services: tuple[Call, ...] = ()
    """What is made in the services that are not embedded, before anything runs."""
    provide: Callable[[Topology], Topology] | None = None
    """Adds to functions that are deployed what Lambda brings. With it, deployment tools find CloudFormation and the
    management APIs of API Gateway and Lambda here; None: there is no control plane."""
    launched: Launched | KeptTemplate | None = None
    """A template process that was started for the emulator already, or where one may be kept; None: it starts one."""
    all_users: bool = False
    """Whether other users of this machine are answered; those of a network are, if ``host`` is open to it."""

    @property
    def domain_names(self) -> tuple[str, ...]:
        """The custom domains that lead to the emulator, sorted."""
        return tuple(sorted({domain.name for domains in self.domains.values() for domain in domains}))


def guarding_mode(config: EmulatorConfig) -> Mode:
    """Whether functions are held to their roles; raises ConfigurationError where that is wanted and cannot be."""
    if config.dynamodb == "embedded":
        return config.iam or "enforce"
    if config.iam in ("enforce", "record"):
        raise ConfigurationError(
            f"--iam {config.iam} needs the embedded DynamoDB: another one would not be asked what functions may do; "
            "leave out --dynamodb, or say --iam off"
        )
    return "off"
