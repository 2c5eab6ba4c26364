"""What ``streamer emulate`` was asked to do, as the command line understood it. Frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulateOptions:
    """All options. Here is the only home of the command line's defaults; what is None is decided by who does it."""

    target: str | None = None
    """``module:attribute`` of an App or a topology. None: ``app:app`` in the current folder, else the demo app."""
    host: str = "127.0.0.1"
    port: int = 8787
    """0 picks a free one."""
    all_users: bool = False
    """Whether other users of this machine are answered."""
    stage: str = "dev"
    dynamodb: str = "embedded"
    """``embedded``, or the URL of a DynamoDB."""
    isolation: Literal["process", "inline"] | None = None
    """Where functions run. None: the emulator's default."""
    iam: Literal["enforce", "record", "off"] | None = None
    """Whether functions may do only what their roles allow. None: with the embedded DynamoDB they may."""
    reload: bool = True
    """Whether changed files replace the functions."""
    ready_file: Path | None = None
    """Written once everything accepts traffic, besides ``.streamer/emulator.json``."""
    log_format: Literal["pretty", "json"] = "pretty"
    idle_timeout: float | None = None
    """Seconds without a message after which a connection is closed. None: AWS's, as `Limits` says."""
    max_duration: float | None = None
    """Seconds that a connection may last. None: AWS's, as `Limits` says."""
    integration_timeout: float | None = None
    """Seconds the gateway waits for a function. None: what each route says (29 s unless it says otherwise)."""
    limits: tuple[str, ...] = ()
    """``NAME=VALUE`` for further fields of `Limits`."""
    assumptions: tuple[str, ...] = ()
    """``NAME=VALUE`` for fields of `Assumptions`."""
    state_file: Path | None = None
    """Keeps the tables across restarts. None: they are gone when the emulator ends."""
    log_dir: Path | None = None
    """Gets a file of Lambda's own log lines per function. None: no files."""
