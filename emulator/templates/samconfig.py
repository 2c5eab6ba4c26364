"""SAM's ``samconfig.toml``, or ``.yaml``: what of it matters to who runs a project locally. Pure."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from streamer.errors import ConfigurationError

NAMES: Final = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")
"""In the order in which they are looked for. [DOC] sam-docs:serverless-sam-cli-config"""
COMMANDS: Final = ("global", "deploy", "local_start_api")
"""Tables that are read, later ones first: people keep their parameters with ``deploy``."""
DEFAULT: Final = "default"
"""The part that is read where none is named. [DOC] sam-docs:serverless-sam-cli-config"""
_PAIR: Final = re.compile(r"ParameterKey=(?P<key>[^,]+),ParameterValue=(?P<value>.*)", re.DOTALL)


class SamConfig(Struct, frozen=True, kw_only=True):
    """What was found."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    stack: str | None = None
    env_vars: str | None = None
    """A file, relative to the configuration."""


def read_config(text: str, name: str, environment: str | None = None) -> SamConfig:
    """Read a part of a configuration; None: ``default``, if there is one.

    Raises:
        ConfigurationError: it is not TOML (YAML where it is called so), a table is none, or it has no such part.
    """
    tree = _tree(text, name)
    if environment is not None and isinstance(tree, dict) and environment not in tree:
        parts = ", ".join(part for part, each in tree.items() if isinstance(each, dict)) or "none"
        raise ConfigurationError(f"{name} has no part {environment!r}; it has {parts}")
    tables = _table(tree, environment or DEFAULT, name)
    found: dict[str, Any] = {}
    parameters: dict[str, str] = {}
    for command in COMMANDS:
        settings = _table(_table(tables, command, name), "parameters", name)
        found |= settings
        parameters |= overrides(settings.get("parameter_overrides"))
    return SamConfig(
        parameters=parameters,
        region=_text(found.get("region")),
        stack=_text(found.get("stack_name")),
        env_vars=_text(found.get("env_vars")),
    )


def _tree(text: str, name: str) -> Any:
    if name.endswith((".yaml", ".yml")):
        from .yaml_tags import YamlText  # noqa: PLC0415 - 30 ms that TOML need not pay

        return YamlText(text, name).tree
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, too many digits or too deep for Python
        raise ConfigurationError(f"{name}: not TOML: {error}") from error


def _table(tree: Any, key: str, name: str) -> Mapping[str, Any]:
    """A table in a table; without it, an empty one."""
    found = (tree or {}).get(key) if isinstance(tree, dict | None) else tree
    if not isinstance(found, dict | None):
        raise ConfigurationError(f"{name}: a table is expected at {key}")
    return found or {}


def overrides(written: Any, said: str = "parameter_overrides") -> dict[str, str]:
    """Parameters in any of SAM's spellings: ``A=1 B=2``, ``ParameterKey=A,ParameterValue=1``, tables, lists of them.

    [SRC] aws-sam-cli 1.164 cli/types.py CfnParameterOverridesType, which takes the first word of a value without quotes

    Args:
        written: All of them.
        said: Where that stands, for errors.

    Raises:
        ConfigurationError: a part has no ``=``, a quote is not closed, or it is of another kind; it is not repeated,
            since it may be a secret.
    """
    found: dict[str, str] = {}
    numbers = itertools.count(1)
    for each in _flat([written]):
        if isinstance(each, Mapping):
            found |= {str(name): _joined(value) for name, value in each.items()}
        elif isinstance(each, str):
            found |= _pairs(each, said, numbers)
        elif each is not None:
            raise ConfigurationError(f"{said}: neither texts nor tables, but {type(each).__name__}")
    return found


def _pairs(text: str, said: str, numbers: Iterator[int]) -> dict[str, str]:
    if text.startswith("file://"):
        raise ConfigurationError(f"{said}: {text} is not read: write what it has in its place")
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise ConfigurationError(f"{said}: {error}") from error
    found: dict[str, str] = {}
    for part, number in zip(parts, numbers, strict=False):
        pair = _PAIR.fullmatch(part)
        name, separator, value = (pair["key"], "=", pair["value"]) if pair else part.partition("=")
        if not separator or not name:
            quotes = "; a value with spaces stands in quotes" if found else ""
            raise ConfigurationError(f"{said}: part number {number} is not NAME=VALUE{quotes}")
        found[name] = value
    return found


def _flat(written: Iterable[Any]) -> Iterator[Any]:
    for each in written:
        if isinstance(each, list | tuple):
            yield from _flat(each)
        else:
            yield each


def _joined(value: Any) -> str:
    """A value of a table; a list is what a template calls one."""
    if isinstance(value, list):
        return ",".join(str(each).strip() for each in value if each not in (None, ""))
    return "" if value is None else str(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
