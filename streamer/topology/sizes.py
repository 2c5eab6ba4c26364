"""What ``[functions.NAME]`` of ``streamer.toml`` changes about a function, here and on AWS. Pure: no I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.topology import LOG_LEVELS, SYSTEM_LOG_LEVELS, Topology, names_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a function is; None: as the topology has it."""

    memory_mb: int | None = None
    timeout_seconds: float | None = None
    ephemeral_storage_mb: int | None = None
    reserved_concurrency: int | None = None
    layers: tuple[str, ...] | None = None
    provisioned_concurrency: int | None = None
    snap_start: bool | None = None
    log_format: str | None = None
    log_level: str | None = None
    system_log_level: str | None = None


_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "memory_mb": (128, 10_240),
    "timeout_seconds": (1, 900),
    "ephemeral_storage_mb": (512, 10_240),
    "reserved_concurrency": (0, 1_000_000),
    "provisioned_concurrency": (1, 1_000_000),
}
"""[DOC] lambda-docs:gettingstarted-limits; a concurrency of 0 switches a function off"""


_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "log_format": ("JSON", "Text"),
    "log_level": LOG_LEVELS,
    "system_log_level": SYSTEM_LOG_LEVELS,
}


def read_sizes(table: Any, where: str) -> dict[str, Sizes]:
    """The sizes of functions by name, from a table of tables; ``where`` begins the messages.

    Raises:
        ConfigurationError: it is none, or one of them is nothing that Lambda takes.
    """
    if not isinstance(table, Mapping) or not all(isinstance(each, Mapping) for each in table.values()):
        raise ConfigurationError(f"{where}: write a function's settings below [functions.NAME]")
    return {name: _read(values, f"{where}: functions.{name}") for name, values in table.items()}


def _read(values: Mapping[str, Any], where: str) -> Sizes:
    known = [field.name for field in dataclasses.fields(Sizes)]
    for name, value in values.items():
        if name not in known:
            raise ConfigurationError(f"{where} has an unknown key {name!r}; it knows {', '.join(known)}")
        if name == "layers":
            if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
                raise ConfigurationError(f"{where}.layers is {value!r}; write a list of ARNs of layer versions")
            continue
        if name in _WORDS:
            if not isinstance(value, str) or value not in _WORDS[name]:
                raise ConfigurationError(f"{where}.{name} is {value!r}; it must be one of {', '.join(_WORDS[name])}")
            continue
        if name == "snap_start":
            if not isinstance(value, bool):
                raise ConfigurationError(f"{where}.snap_start is {value!r}, which is not true or false")
            continue
        low, high = _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigurationError(f"{where}.{name} is {value!r}; it must be a whole number from {low} to {high}")
    chosen: dict[str, Any] = {name: tuple(value) if name == "layers" else value for name, value in values.items()}
    return Sizes(**chosen)


def resized(topology: Topology, sizes: Mapping[str, Sizes]) -> Topology:
    """The topology with functions of these sizes.

    Raises:
        ConfigurationError: it has no such function.
    """
    unknown = sorted(set(sizes) - {function.name for function in topology.functions})
    if unknown:
        raise ConfigurationError(
            f"[functions.{unknown[0]}] is about a function that there is not; there are: {names_of(topology.functions)}"
        )
    functions = []
    for function in topology.functions:
        chosen = sizes.get(function.name, Sizes())
        said = {field.name: getattr(chosen, field.name) for field in dataclasses.fields(Sizes)}
        functions.append(dataclasses.replace(function, **{n: value for n, value in said.items() if value is not None}))
    return dataclasses.replace(topology, functions=tuple(functions))
