"""What ``streamer emulate`` was asked to do, as the command line understood it. Frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from streamer.errors import ConfigurationError

_FOR_TEMPLATES: Final = {
    "parameters": "parameter",
    "overrides": "parameter-overrides",
    "imports": "import",
    "secrets": "secret",
    "env_vars": "env-vars",
    "config_file": "config-file",
    "config_env": "config-env",
    "stack": "stack",
    "api": "api",
    "build": "build",
    "code": "code",
    "commands": "command",
    "check": "check",
}


# Nobody compares or prints options, and to make the methods that would takes a millisecond of each command.
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class TemplateOptions:
    """What is said of a project that is emulated from its templates, by a command or a test."""

    stage: str | None = None
    """Name of the stage. None: what the template says; for an App ``dev``."""
    iam: Literal["enforce", "record", "off"] | None = None
    """Whether functions may do only what their roles allow. None: those of a template may do everything, others with
    the embedded DynamoDB only that."""
    parameters: tuple[str, ...] = ()
    """``NAME=VALUE`` of a template's parameters."""
    overrides: tuple[str, ...] = ()
    """The same in SAM's spellings; they win."""
    imports: tuple[str, ...] = ()
    """``NAME=VALUE`` of exports of stacks that are not here."""
    secrets: tuple[str, ...] = ()
    """``NAME=VALUE`` of secrets and stored parameters that dynamic references read."""
    env_vars: Path | None = None
    """Further environment variables of functions: SAM's JSON, or a ``.env`` file for all."""
    config_file: Path | None = None
    """SAM's configuration; None: ``samconfig.toml``, ``.yaml`` or ``.yml`` beside the template, if one is there."""
    config_env: str | None = None
    """Which part of SAM's configuration, which has to be there. None: ``default``, if it is."""
    stack: str | None = None
    """Which stack of a CDK assembly, or what a template's stack is called."""
    api: str | None = None
    """Which WebSocket API; None: all, each on a port of its own."""
    build: str | None = None
    """Command line that is run before the start, and after changes of sources."""
    code: tuple[str, ...] = ()
    """``ID=FOLDER``: other code for a function."""
    commands: tuple[str, ...] = ()
    """``ID=COMMAND``: a command line that speaks the Runtime API."""
    install: bool = True
    """Whether npm may fetch what Lambda provides to Node.js and this machine does not."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class EmulateOptions(TemplateOptions):
    """All options. Here is the only home of the command line's defaults; what is None is decided by who does it."""

    target: str | None = None
    """``module:attribute`` of an App or a topology, a template, or a folder of SAM, CDK or Serverless. None:
    what ``streamer.toml`` names, else ``app:app``, else the folder's template."""
    demo: bool = False
    """Whether to run the built-in demo instead."""
    control_plane: bool = False
    """Whether to run nothing but what is deployed to here."""
    env_file: Path | None = None
    """Variables for where the shell has none. None: ``.env`` of the project, if there is one."""
    env: tuple[str, ...] = ()
    """``NAME=VALUE`` that every function gets, before what ``streamer.toml`` and the shell say."""
    host: str = "127.0.0.1"
    port: int = 8787
    """0 picks a free one."""
    all_users: bool = False
    """Whether other users of this machine are answered."""
    static: Path | None = None
    """A folder of web pages to serve. None: there are none."""
    dynamodb: str = "embedded"
    """``embedded``, or the URL of a DynamoDB."""
    isolation: Literal["process", "inline"] | None = None
    """Where functions run. None: the emulator's default."""
    debug: int | None = None
    """Port on which to wait for a debugger before anything runs. None: none is waited for."""
    inspect: tuple[str, ...] = ()
    """``ID`` or ``ID=PORT`` of functions of Node.js that a debugger may stop."""
    reload: bool = True
    """Whether changed files replace the functions."""
    console: bool | None = None
    """Whether there is the console. None: unless ``host`` is open to a network."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which the console is reached."""
    otlp: str | None = None
    """URL of a collector of OpenTelemetry that is sent what the console records."""
    ready_file: Path | None = None
    """Written once everything accepts traffic, besides ``.streamer/emulator.json``."""
    log_format: Literal["pretty", "json"] = "pretty"
    verbose: bool = False
    """Whether to show everything, Lambda's own lines and all fields included."""
    quiet: bool = False
    """Whether to show nothing but errors."""
    idle_timeout: float | None = None
    """Seconds without a message after which a connection is closed. None: AWS's, as `Limits` says."""
    max_duration: float | None = None
    """Seconds that a connection may last. None: AWS's, as `Limits` says."""
    integration_timeout: float | None = None
    """Seconds the gateway waits for a function. None: what each route says (29 s unless it says otherwise)."""
    real: tuple[str, ...] = ()
    """Services that are not emulated and that AWS itself is asked for."""
    domain: Literal["aws", "local"] | None = None
    """What ``domainName`` in events is. None: AWS's form for templates, else the emulator's address."""
    limits: tuple[str, ...] = ()
    """``NAME=VALUE`` for further fields of `Limits`."""
    assumptions: tuple[str, ...] = ()
    """``NAME=VALUE`` for fields of `Assumptions`."""
    state_file: Path | None = None
    """Keeps the tables across restarts. None: they are gone when the emulator ends."""
    log_dir: Path | None = None
    """Gets a file of Lambda's own log lines per function. None: no files."""

    check: bool = False
    """Whether only to tell what would be emulated."""

    def refuse_for_templates_only(self) -> None:
        """Refuse options that mean nothing for an App or a topology.

        Raises:
            ConfigurationError: one of them is set.
        """
        for name in _FOR_TEMPLATES:
            if getattr(self, name):
                raise ConfigurationError(f"--{_FOR_TEMPLATES[name]} is for templates, and the target is none")
