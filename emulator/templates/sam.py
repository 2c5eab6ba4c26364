"""SAM's transform, by AWS's own translator, offline.

aws-sam-translator is optional (``streamer-ws[templates]``), takes a third of a second to import, and is imported only
for templates that need it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamer.errors import ConfigurationError

from .errors import Problem
from .language import NO_TRANSLATOR, SAM
from .resources.conformity import nearest
from .source import Source

SOURCE_ID: Final = "SamResourceId"
"""Metadata with a resource's name in the template that SAM builds, as ``sam build`` writes it."""
LOCAL: Final = "streamer-local"
"""Bucket of the addresses that stand for code on this machine: their key is the path, in hexadecimal digits."""
CODE: Final = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
    "AWS::Serverless::Api": "DefinitionUri",
    "AWS::Serverless::HttpApi": "DefinitionUri",
    "AWS::Serverless::Application": "Location",
}
"""Properties that may name a local path."""
_NO_GLOBAL: Final = re.compile(
    r"(?P<said>.*'(?P<name>\w+)' is not a supported property of '\w+')\. .*(?P<known>\[.*\])"
)
_NO_PROPERTY: Final = re.compile(
    r"property (?P<name>\w+) not defined for resource of type AWS::Serverless::(?P<kind>\w+)$"
)
"""What the translator says of names that there are not. [REC] aws-sam-translator 1.115"""
_ELSEWHERE: Final = "https://serverlessrepo/application"
"""For an application of the Serverless Application Repository, of which the translator would ask AWS."""
_MISSING: Final = "s3://streamer-local/2e"
"""For a function that says nothing of its code: the template's folder."""


def expanded(source: Source, parameters: Mapping[str, Any], region: str) -> Source:
    """The template in CloudFormation's own types.

    Local paths become addresses in the bucket `LOCAL`; `local_path` gives them back.

    Raises:
        TemplateError: the translator refuses the template.
        ConfigurationError: it is not installed.
    """
    tree = copy.deepcopy(dict(source.tree))
    tree.setdefault("Transform", SAM)
    _localize(tree)
    try:
        with _silent():
            return source.with_tree(_named(_translated(tree, parameters, region), source.tree["Resources"]))
    except Problem as problem:
        raise source.error(problem) from problem


def _named(tree: Any, sources: Mapping[str, Any]) -> Any:
    """The expanded template, where a layer says as what, and how, SAM builds it.

    The translator gives each of a layer's states a name of its own, and drops the layer's metadata.
    """
    for name, source in sources.items():
        if not isinstance(source, dict) or source.get("Type") != "AWS::Serverless::LayerVersion":
            continue
        for made, resource in tree["Resources"].items():
            if resource.get("Type") == "AWS::Lambda::LayerVersion" and re.fullmatch(rf"{name}[0-9a-f]{{10}}", made):
                resource["Metadata"] = {**(source.get("Metadata") or {}), SOURCE_ID: name}
    return tree


def local_path(bucket: Any, key: Any) -> str | None:
    """The path that an address in the bucket `LOCAL` stands for; None: it is another address."""
    if bucket != LOCAL or not isinstance(key, str):
        return None
    return bytes.fromhex(key).decode()


def address(path: str) -> str:
    """The address that stands for a local path."""
    return f"s3://{LOCAL}/{path.encode().hex()}"


def _localize(tree: dict[str, Any]) -> None:
    shared = (tree.get("Globals") or {}).get("Function")
    if isinstance(shared, dict):
        _replace(shared, "CodeUri")
    for resource in tree["Resources"].values():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind not in CODE:
            continue
        properties = resource.setdefault("Properties", {})
        if isinstance(properties, dict):
            _replace(properties, CODE[kind])
            if kind == "AWS::Serverless::Application" and isinstance(properties.get("Location"), dict):
                properties["Location"] = _ELSEWHERE
            if kind == "AWS::Serverless::Function":
                _complete(properties, shared)


def _replace(properties: dict[str, Any], name: str) -> None:
    value = properties.get(name)
    if isinstance(value, str) and not value.startswith(("s3://", "https://", "http://")):
        properties[name] = address(value) if name != "Location" else f"https://{LOCAL}/{value.encode().hex()}"


def _complete(properties: dict[str, Any], shared: Any) -> None:
    has_code = "CodeUri" in properties or (isinstance(shared, dict) and "CodeUri" in shared)
    if not has_code and "InlineCode" not in properties and properties.get("PackageType") != "Image":
        properties["CodeUri"] = _MISSING
    if properties.get("PackageType") == "Image" and "ImageUri" not in properties:
        properties["ImageUri"] = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{LOCAL}:latest"


def _translated(tree: dict[str, Any], parameters: Mapping[str, Any], region: str) -> Any:
    try:
        from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415 - optional, and slow
        from samtranslator.parser.parser import Parser  # noqa: PLC0415
        from samtranslator.translator.translator import Translator  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(NO_TRANSLATOR) from error
    translator = Translator({}, Parser(), boto_session=_Session(region))
    values = {name: value for name, value in parameters.items() if value is not None}
    values["AWS::Region"] = region
    try:
        return translator.translate(tree, parameter_values=values)
    except InvalidDocumentException as error:
        raise _problem(error) from error
    except Exception as error:
        raise Problem(("Resources",), f"SAM's translator failed: {_line(error)}") from error


class _Session:
    """What the translator asks of a boto3 session."""

    def __init__(self, region: str) -> None:
        self.region_name = region

    def client(self, service: str, **_: Any) -> Any:
        """Nothing is asked of AWS."""
        raise ConfigurationError(f"this template needs {service} of AWS to be expanded, which is not asked here")


def _problem(error: Any) -> Problem:
    cause = error.causes[0] if error.causes else error
    logical_id = getattr(cause, "_logical_id", None)
    path: tuple[str, ...] = ("Resources", logical_id) if isinstance(logical_id, str) else ("Resources",)
    path = path[1:] if logical_id == "Globals" else path  # which is a section, not a resource
    text = _line(getattr(cause, "message", cause))
    return Problem(path, _meant(text.removeprefix(f"Resource with id [{logical_id}] is invalid. ").strip()))


def _meant(text: str) -> str:
    """What the translator says, with the name that was probably meant."""
    of_globals, of_resource = _NO_GLOBAL.match(text), _NO_PROPERTY.match(text)
    if of_globals is not None:
        meant = nearest(of_globals["name"], re.findall(r"'(\w+)'", of_globals["known"]))
        return text if meant is None else f"{of_globals['said']}; did you mean {meant}?"
    if of_resource is None:
        return text
    from samtranslator.model import sam_resources  # noqa: PLC0415 - optional, and slow

    known = getattr(getattr(sam_resources, f"Sam{of_resource['kind']}", None), "property_types", ())
    meant = nearest(of_resource["name"], known)
    return text if meant is None else f"{text}; did you mean {meant}?"


def _line(error: Any) -> str:
    return " ".join(str(error).split())


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the translator's log lines and its notices on standard output and error."""
    logger = logging.getLogger("samtranslator")
    before, logger.disabled = logger.disabled, True
    root_level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.disabled = before
        logging.disable(root_level)
