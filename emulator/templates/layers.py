"""Layers of functions: those that wait for a build, those of somebody else, and what code asks of ``/opt``."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from .stack import Resource


class _Known(NamedTuple):
    """A layer of somebody else."""

    instead: str
    """What to do here instead."""
    package: str | None = None
    """What functions import of it; None: they do not."""


_POWERTOOLS: Final = _Known("pip install aws-lambda-powertools", "aws_lambda_powertools")
_POWERTOOLS_OF_NODE: Final = _Known("npm install @aws-lambda-powertools/logger", "@aws-lambda-powertools/logger")
_PANDAS: Final = _Known("pip install awswrangler", "awswrangler")
_KNOWN_LAYERS: Final = {
    "AWSLambdaPowertoolsPython": _POWERTOOLS,
    "/aws/service/powertools/python/": _POWERTOOLS,
    "AWSLambdaPowertoolsTypeScript": _POWERTOOLS_OF_NODE,
    "/aws/service/powertools/typescript/": _POWERTOOLS_OF_NODE,
    "AWSSDKPandas": _PANDAS,
    "/aws/service/aws-sdk-pandas/": _PANDAS,
    "AWS-Parameters-and-Secrets-Lambda-Extension": _Known("nothing: its local port does not exist here"),
    "LambdaInsightsExtension": _Known("nothing: it only measures"),
}
"""By how their names begin, or the names under which AWS's parameter store has them."""
_MANIFESTS: Final = {"python": "requirements.txt", "nodejs": "package.json"}
"""What names the packages of a layer, by how its build method begins."""
_OPT: Final = re.compile(r"[\"'`]/opt/")
_FOUND: Final = re.compile(
    r"sys\.path\.(?:append|insert)\([^)\n]*[\"']/opt/python\b[^)\n]*\)"
    r"|\b(?:from|import|require)\b\s*\(?\s*[\"'`]/opt/"
)
"""What leads to the layers here too: the search path of Python, and the imports of Node.js."""


def wants_build(layer: Resource, folder: Path) -> bool:
    """Whether a layer's sources are not yet what functions find: packages are missing, or who knows what is made.

    [DOC] sam-docs:building-layers
    """
    method = str(layer.metadata.get("BuildMethod") or "")
    manifest = next((name for start, name in _MANIFESTS.items() if method.startswith(start)), None)
    return bool(method) and (manifest is None or (folder / manifest).is_file())


def foreign(arn: str) -> str:
    """What to say of a layer of somebody else."""
    known = _known(arn)
    if known is not None:
        return f"the layer {_layer_name(arn)} is not here; instead: {known.instead}"
    return f"the layer {arn} is not here: install what it has yourself"


def _known(arn: str) -> _Known | None:
    name = _layer_name(arn)
    return next((known for start, known in _KNOWN_LAYERS.items() if name.startswith(start)), None)


def _layer_name(arn: str) -> str:
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 else arn


def is_installed(arn: str, folders: Sequence[Path]) -> bool:
    """Whether functions whose code is in these folders find all the same what a layer of somebody else has."""
    known = _known(arn)
    if known is None or known.package is None:
        return False
    above = {each for folder in folders for each in (folder, *folder.parents)}
    places = (*folders, *map(Path, sys.path), *(each / "node_modules" for each in above))
    return any((each / known.package).is_dir() for each in places)


def mentions_opt(folder: str | None) -> bool:
    """Whether code in a folder seems to ask for what is in ``/opt`` on Lambda and not found here."""
    if folder is None:
        return False
    files = [path for path in sorted(Path(folder).glob("*")) if path.suffix in (".py", ".js", ".mjs", ".cjs", ".ts")]
    return any(_OPT.search(_FOUND.sub("", _text(path))) for path in files[:50] if path.is_file())


def _text(path: Path) -> str:
    """What can be read of a file, which need not be a part of the function."""
    try:
        return path.read_text("utf-8", "ignore")
    except OSError:
        return ""
