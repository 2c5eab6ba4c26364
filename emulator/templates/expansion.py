"""SAM's expansion of a template, kept between starts: the translator takes longer to import than all else together."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from streamer.errors import ConfigurationError

from ..foundation.files import write_whole
from .errors import Problem
from .language import NO_TRANSLATOR
from .source import Source

DISTRIBUTION: Final = "aws-sam-translator"
TYPES: Final = (
    *("Api", "Application", "CapacityProvider", "Connector", "Function", "GraphQLApi", "HttpApi", "LayerVersion"),
    *("MicrovmImage", "NetworkConnector", "SimpleTable", "StateMachine", "WebFunction", "WebSocketApi"),
)
"""SAM's own types. [DOC] sam-docs:sam-specification-resources-and-properties"""
_PREFIX: Final = "AWS::Serverless::"
FORM: Final = 2
"""Of what is kept; another one where we make something else of the translator's result."""
KEPT: Final = 20
"""Expansions that are kept in a folder; the oldest are forgotten first."""


def expanded_once(source: Source, parameters: Mapping[str, Any], region: str, folder: Path) -> Source:
    """The template in CloudFormation's own types, by the translator or as it was expanded before.

    Raises:
        TemplateError: the translator refuses the template.
        ConfigurationError: it is not installed.
    """
    _refuse_unknown(source)
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise ConfigurationError(NO_TRANSLATOR) from error
    asked = json.dumps([FORM, version, source.tree, dict(parameters), region], sort_keys=True)
    file = folder / f"{hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError):
        return source.with_tree(json.loads(file.read_text("utf-8")))
    from .sam import expanded  # noqa: PLC0415 - a third of a second, where nothing is kept

    found = expanded(source, parameters, region)
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time, nothing else
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(found.tree).encode())
        for old in sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
            old.unlink()
    return found


def own_types(tree: Mapping[str, Any]) -> Iterator[str]:
    """Names of a template's resources of SAM's own types."""
    for name, resource in tree["Resources"].items():
        if isinstance(resource, dict) and str(resource.get("Type")).startswith(_PREFIX):
            yield name


def _refuse_unknown(source: Source) -> None:
    """The translator leaves types as they are that it does not know."""
    for name, resource in source.tree["Resources"].items():
        kind = str(resource.get("Type")) if isinstance(resource, dict) else ""
        if kind.startswith(_PREFIX) and kind.removeprefix(_PREFIX) not in TYPES:
            have = ", ".join(TYPES)
            raise source.error(Problem(("Resources", name, "Type"), f"there is no type {kind}; SAM has {have}"))
