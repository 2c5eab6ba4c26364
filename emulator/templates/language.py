"""What changes a template before it is resolved: included files and ``Fn::ForEach``. Pure.

[DOC] cfn-docs:transform-aws-languageextensions, cfn-docs:create-reusable-transform-function-snippets
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .errors import Path, Problem

SAM: Final = "AWS::Serverless-2016-10-31"
NO_TRANSLATOR: Final = "a SAM template needs AWS's translator: run pip install 'streamer-ws[templates]'"
LANGUAGE: Final = "AWS::LanguageExtensions"
INCLUDE: Final = "AWS::Include"
_LOOP: Final = "Fn::ForEach::"
Read = Callable[[str, Path], Any]
"""Gives what a file says whose location stands in a template; raises `Problem`."""


def declared(tree: Mapping[str, Any]) -> list[Any]:
    """Names of the macros that a template says it needs, in their order."""
    found = tree.get("Transform", [])
    listed = found if isinstance(found, list) else [found]
    return [each.get("Name") if isinstance(each, dict) else each for each in listed]


def transforms(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the template's macros, in their order, SAM's too where only its resource types show that it is meant."""
    names = declared(tree)
    for name in names:
        if name not in (SAM, LANGUAGE, INCLUDE):
            raise Problem(("Transform",), f"the macro {name} is not run here")
    types = [each.get("Type") for each in tree.get("Resources", {}).values() if isinstance(each, dict)]
    if SAM not in names and any(str(kind).startswith("AWS::Serverless::") for kind in types):
        names.append(SAM)
    return tuple(str(name) for name in names)


def included(tree: Mapping[str, Any], read: Read) -> dict[str, Any]:
    """The template with what ``AWS::Include`` brings in.

    Raises:
        Problem: a file cannot be read.
    """
    found = _included(tree, (), read)
    written = tree.get("Transform", [])
    for each in written if isinstance(written, list) else [written]:
        if isinstance(each, dict) and each.get("Name") == INCLUDE:
            more = read(_location(each, ("Transform",)), ("Transform",))
            found = {**more, **found} if isinstance(more, dict) else found
    return dict(found)


def _included(node: Any, path: Path, read: Read) -> Any:
    if isinstance(node, list):
        return [_included(each, (*path, position), read) for position, each in enumerate(node)]
    if not isinstance(node, dict):
        return node
    found = {key: _included(each, (*path, key), read) for key, each in node.items() if key != "Fn::Transform"}
    if "Fn::Transform" not in node:
        return found
    macro = node["Fn::Transform"]
    if not isinstance(macro, dict) or macro.get("Name") != INCLUDE:
        return {**found, "Fn::Transform": macro}
    more = read(_location(macro, path), path)
    if not found:
        return more
    if not isinstance(more, dict):
        raise Problem(path, "what is included beside other keys must be a mapping")
    return {**more, **found}


def _location(macro: Mapping[str, Any], path: Path) -> str:
    location = (macro.get("Parameters") or {}).get("Location")
    if not isinstance(location, str):
        raise Problem(path, "AWS::Include needs the Location of a local file")
    return location


def unrolled(tree: Mapping[str, Any], collection: Callable[[Any, Path], list[str]]) -> dict[str, Any]:
    """The template without ``Fn::ForEach``: each loop's body once for each element.

    ``collection`` gives the elements that a loop's second argument stands for.

    Raises:
        Problem: a loop is not well formed, or two of its rounds make the same key.
    """
    return {
        section: _unrolled(node, (section,), collection) if section in ("Resources", "Conditions", "Outputs") else node
        for section, node in tree.items()
    }


def named(tree: Mapping[str, Any], value: Callable[[Any, Path], Any]) -> dict[str, Any]:
    """The template with names where ``Ref`` and ``Fn::GetAtt`` have functions, which this transform lets them have.

    ``value`` gives what a function stands for that refers to parameters only.
    [DOC] cfn-docs:intrinsic-function-reference-ref

    Raises:
        Problem: a function refers to a resource, or does not give text.
    """
    return {
        section: _named(node, (section,), value) if section in ("Resources", "Conditions", "Outputs") else node
        for section, node in tree.items()
    }


def _named(node: Any, path: Path, value: Callable[[Any, Path], Any]) -> Any:
    if isinstance(node, list):
        return [_named(each, (*path, position), value) for position, each in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((key, argument),) = node.items()
        if key == "Ref" and isinstance(argument, dict):
            return {key: value(argument, path)}
        if key == "Fn::GetAtt" and isinstance(argument, list):
            return {key: [value(part, path) if isinstance(part, dict) else part for part in argument]}
    return {key: _named(each, path if key.startswith("Fn::") else (*path, key), value) for key, each in node.items()}


def _unrolled(node: Any, path: Path, collection: Callable[[Any, Path], list[str]]) -> Any:
    if isinstance(node, list):
        return [_unrolled(each, (*path, position), collection) for position, each in enumerate(node)]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, each in node.items():
        if not key.startswith(_LOOP):
            found[key] = _unrolled(each, (*path, key), collection)
            continue
        for made, body in _rounds(each, (*path, key), collection):
            if made in found:
                raise Problem((*path, key), f"the loop makes {made} twice")
            found[made] = body
    return found


def _rounds(loop: Any, path: Path, collection: Callable[[Any, Path], list[str]]) -> list[tuple[str, Any]]:
    if not isinstance(loop, list) or len(loop) != 3 or not isinstance(loop[0], str) or not isinstance(loop[2], dict):
        raise Problem(path, "Fn::ForEach takes a list of an identifier, a collection and a mapping")
    identifier, elements, body = loop
    made = []
    for element in collection(elements, path):
        bound = _bound(body, identifier, element)
        made += list(_unrolled(bound, path, collection).items())
    return made


def _bound(node: Any, identifier: str, element: str) -> Any:
    if isinstance(node, str):
        text = node.replace(f"${{{identifier}}}", element)
        # [DOC] cfn-docs: ``&{Identifier}`` is the element without what a logical id cannot have.
        return text.replace(f"&{{{identifier}}}", re.sub(r"[^A-Za-z0-9]", "", element))
    if isinstance(node, list):
        return [_bound(each, identifier, element) for each in node]
    if isinstance(node, dict):
        if node == {"Ref": identifier}:
            return element
        found = {_bound(key, identifier, element): _bound(each, identifier, element) for key, each in node.items()}
        # [REC] aws-sam-cli start_api/language-extensions-api: a path of SAM's, which must be text, may be made so
        made = found.get("Fn::Sub")
        return made if [*found] == ["Fn::Sub"] and isinstance(made, str) and "${" not in made else found
    return node
