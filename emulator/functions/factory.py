"""Builds the functions of a topology in the wanted isolation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, Self

from streamer.errors import ConfigurationError
from streamer.topology import Topology

from ..foundation.recording import Recording
from .logs import LogSink
from .outcome import EnvironmentNow, StreamingFunctions
from .processes.functions import ProcessFunctions
from .processes.kept import KeptTemplate
from .processes.launching import Launched
from .variables import Endpoints

Isolation = Literal["inline", "process"]


class RunningFunctions(StreamingFunctions, Protocol):
    """What both isolations offer: an async context manager that owns all threads and processes."""

    async def apply(self, topology: Topology) -> None:
        """Go by another description of the functions; events that run finish as they started."""
        ...

    async def reload(self) -> None:
        """Let the next events run the code as it is now on disk; events that run finish as they started."""
        ...

    async def retire(self, function: str) -> None:
        """Let the next event of a function find no warm environment; inline, all functions import their code anew."""
        ...

    def now(self, function: str) -> Sequence[EnvironmentNow]:
        """What the environments of a function do now; inline, those that run."""
        ...

    def warm(self) -> None:
        """Prepare for the first event of each function, in the background; import errors are logged now."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


def create_functions(
    topology: Topology,
    isolation: Isolation,
    *,
    endpoints: Endpoints,
    project_folder: Path,
    log_sink: LogSink,
    concurrency: int | None = None,
    recording: Recording | None = None,
    is_debugged: bool = False,
    inspected: Mapping[str, int] | None = None,
    launched: Launched | KeptTemplate | None = None,
) -> RunningFunctions:
    """The functions of a topology, not yet running: enter the result.

    ``concurrency`` is the most executions of one function at once where it has no reserved concurrency of its own;
    None: the isolation's default. ``is_debugged``: inline ones stop in a debugger, and no time-out ends them; so it is
    with those of Node.js that are ``inspected``, each at its port. ``launched``: a template process that was started
    already for those in processes.
    """
    other = next((each for each in topology.functions if each.runtime is not None), None)
    if isolation == "inline" and other is not None:
        raise ConfigurationError(
            f"function {other.name} runs by {other.runtime}: only Python runs inline; use --isolation process"
        )
    kind: Callable[..., RunningFunctions] = functools.partial(ProcessFunctions, inspected=inspected, launched=launched)
    if isolation == "inline":
        from .inline.functions import InlineFunctions  # noqa: PLC0415 - it imports AWS's client, and the default does not

        kind = functools.partial(InlineFunctions, is_debugged=is_debugged)
    return kind(
        topology,
        endpoints=endpoints,
        project_folder=project_folder,
        log_sink=log_sink,
        concurrency=concurrency,
        recording=recording,
    )
