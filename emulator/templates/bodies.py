"""What stands beside a template: definitions of state machines and of APIs. Pure: what files say, it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .errors import Path, Problem
from .intrinsics import Names, value_of

_FILES: Final = {
    "AWS::Serverless::StateMachine": ("DefinitionUri", "Definition"),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", "Definition"),
}
"""Properties that may name a file beside the template, and those that hold what it says."""
_OBJECTS: Final = {
    "AWS::ApiGateway::RestApi": ("BodyS3Location", "Body"),
    "AWS::ApiGatewayV2::Api": ("BodyS3Location", "Body"),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", "Definition"),
}
"""Those that name an object of S3, or a file that tools put there, and those that hold what it says."""

Read = Callable[[str, Any], Any]
"""What a file says, given its path and where in the template it stands; raises `Problem`."""


def inlined(tree: Mapping[str, Any], read: Read) -> dict[str, Any]:
    """A template with the definitions of state machines that stand in files of their own."""
    resources = dict(tree["Resources"])
    for name, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind not in _FILES:
            continue
        source, whole = _FILES[kind]
        properties = dict(resource.get("Properties") or {})
        if isinstance(properties.get(source), str) and not properties[source].startswith("s3://"):
            path = ("Resources", name, "Properties", source)
            properties[whole] = read(properties.pop(source), path)
            resources[name] = {**resource, "Properties": properties}
    return {**tree, "Resources": resources}


def brought(
    tree: Mapping[str, Any], names: Names, find: Callable[[Any, Any, Path], str | None], read: Read
) -> tuple[dict[str, Any], list[str]]:
    """A template, after its macros, with what stands in objects of S3, and what is to be told.

    ``names`` are those that are known early, ``find`` gives the file that has what is in a bucket under a key; None: it
    is not on this machine.

    Raises:
        Problem: there is no such file, or it cannot be read.
    """
    resources, notes = dict(tree["Resources"]), []
    for name, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        source, whole = _OBJECTS.get(kind if isinstance(kind, str) else "", ("", ""))
        if not isinstance(properties, dict) or not source or source not in properties:
            continue
        path: Path = ("Resources", name, "Properties", source)
        where = properties[source]
        file = where if isinstance(where, str) else None
        if isinstance(where, dict):
            file = find(_known(names, where.get("Bucket")), _known(names, where.get("Key")), path)
        if file is None or file.startswith("s3://"):
            if kind != "AWS::StepFunctions::StateMachine":
                notes.append(f"{name}: what its {source} names is not on this machine: it has no routes of it")
            continue
        found = read(file, path)
        functions = sorted({*_functions(found)})
        if functions:
            what = f"{name}: {file} has {', '.join(functions)}"
            notes.append(f"{what}, which is done here and not on AWS: what S3 has is taken as it is")
        rest = {each: value for each, value in properties.items() if each != source}
        resources[name] = {**resource, "Properties": {**rest, whole: found}}
    return {**tree, "Resources": resources}, notes


def _known(names: Names, node: Any) -> Any:
    try:
        return value_of(names, node, ())
    except Problem:  # such as a bucket of the stack's own
        return None


def _functions(node: Any) -> Iterator[str]:
    """Names of the intrinsic functions below a node."""
    if isinstance(node, list):
        for each in node:
            yield from _functions(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if key == "Ref" or str(key).startswith("Fn::"):
                yield str(key)
            yield from _functions(each)
