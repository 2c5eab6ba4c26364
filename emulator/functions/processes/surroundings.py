"""What all execution environments of an emulator share, and the variables that each gets from it."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from streamer.topology import Function

from ...foundation.recording import Recording
from .. import variables
from ..held import DAY_SECONDS
from ..logs import LogSink
from ..runtimes import Launch, identity, is_node
from .callers import Callers
from .descendants import Descendants
from .means import Means
from .meter import Meter
from .template import Template


class Surroundings(Struct, frozen=True, kw_only=True):
    """Made once, when the functions start."""

    template: Template
    endpoints: variables.Endpoints
    sink: LogSink
    randomness: random.Random
    project_folder: Path
    means: Means
    meter: Meter
    callers: Callers
    descendants: Descendants
    init_seconds: float
    recording: Recording
    inspected: Mapping[str, int]
    """Functions whose Node.js lets a debugger stop it, and the port of each; no time-out ends them."""

    def seconds(self, function: Function) -> float:
        """How long an invocation may take."""
        return DAY_SECONDS if function.name in self.inspected else function.timeout_seconds

    def command(self, function: Function, how: Launch) -> tuple[str, ...] | None:
        """The command line of an environment; None: AWS's client for Python."""
        port = self.inspected.get(function.name)
        if port is None or how.command is None:
            return how.command
        return (how.command[0], f"--inspect=127.0.0.1:{port}", *how.command[1:])

    def code_folder(self, function: Function) -> str:
        """Where a function's code is, and where its process starts."""
        return str(function.code_root or self.project_folder)

    def inherits_channel(self, how: Launch) -> bool:
        """Whether a function's events come over a connection that its process inherits, not through a port."""
        return how.inherits_channel or (how.command is None and not self.means.native_client)

    def variables(self, function: Function, how: Launch, *, folder: Path, port: int, version: str) -> Mapping[str, str]:
        """The variables of one environment: ``folder`` is its own, ``port`` that of its Runtime API.

        Port 0, to which nothing can connect, stands for an inherited connection.
        """
        found = {
            # Lambda has no home folder; here the user's own must not lend its AWS profile to functions.
            "HOME": str(folder),
            "PATH": os.environ.get("PATH", os.defpath),
            **variables.variables(
                function,
                self.endpoints,
                runtime=identity(function),
                task_root=self.code_folder(function),
                log_stream=variables.log_stream_name(datetime.now(UTC), self.randomness, version),
                version=version,
            ),
            **variables.home_variables(
                function, self.endpoints, by_proxy=how.command is not None and not how.inherits_channel
            ),
            **(variables.queue_variables(function, self.endpoints) if is_node(function) else {}),
            **how.variables,
            "TMPDIR": str(folder),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        }
        if "PATH" in how.variables:
            found["PATH"] = f"{how.variables['PATH']}:{os.environ.get('PATH', os.defpath)}"
        return found
