"""A template's text and what it says, and where in the text each value stands. Pure."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from .errors import Path, Problem, TemplateError, shown

if TYPE_CHECKING:
    from .yaml_tags import YamlText

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SECTIONS: Final = ("Resources", "Conditions", "Outputs")
_MAPPINGS: Final = ("Parameters", "Mappings", "Rules", "Conditions", "Outputs", "Globals")
"""Sections that are mappings where they are there. [DOC] cfn-docs:template-anatomy"""
_LOOP: Final = "Fn::ForEach::"
_IN_KEY: Final = re.compile(r"[$&]\{\w+\}")
"""Where a key of a loop's body has the element."""
NESTED: Final = 200
"""How deep values may be nested: whatever walks through them makes a few calls for each level. [INF]"""
VALUES: Final = 1_000_000
"""How many mappings and lists there may be at one depth: with aliases, a page of YAML can stand for any. [INF]"""


class Source(Struct, frozen=True, kw_only=True):
    """One template as it was read; its places are looked up only when something is wrong."""

    name: str
    """How messages call it, such as ``template.yaml``."""
    text: str
    tree: Any
    """Mappings, lists and plain values; the short forms of YAML stand in their long form."""
    yaml: YamlText | None = None
    """Its nodes; None: it is JSON."""
    notes: tuple[str, ...] = ()
    """What is to be told of how it is written."""

    def with_tree(self, tree: Any) -> Source:
        """The same text, after a transform has changed what it says."""
        return structs.replace(self, tree=tree)

    def line(self, path: Path) -> int:
        """Line, from 1, of the value at a path, or of the nearest thing around it that the text has.

        What a transform made has no place; it is found in the loop that makes such names, else where the resource is
        whose logical id its own begins with.
        """
        if self.yaml is not None:
            return self.yaml.line(self._known(path))
        return _json_line(self.text, self._known(path))

    def error(self, problem: Problem) -> TemplateError:
        """A problem with file, line and path."""
        path = shown(problem.path)
        where = f"{self.name}:{self.line(problem.path)}"
        text = f"{where}: {path}: {problem.text}" if path else f"{where}: {problem.text}"
        return TemplateError(text, problem.path)

    def _known(self, path: Path) -> Path:
        if len(path) < 2 or path[0] not in _SECTIONS:
            return path
        written = self.yaml.keys((path[0],)) if self.yaml is not None else _json_keys(self.text, path[0])
        if path[1] in written:
            return path
        looped = None if self.yaml is None else _looped(self.yaml, str(path[1]), path[:1])
        if looped is not None:
            return (*looped, *path[2:])
        origins = [key for key in written if str(path[1]).startswith(key)]
        return (path[0], max(origins, key=len)) if origins else path[:1]


def _looped(yaml: YamlText, name: str, path: Path) -> Path | None:
    """What a loop below a path makes a name of, or a name that begins so; None: no loop does."""
    for key in yaml.keys(path):
        if key.startswith(_LOOP):
            found = _looped(yaml, name, (*path, key, 2))
            if found is not None:
                return found
        elif len(path) > 1 and re.match("[A-Za-z0-9]+".join(map(re.escape, _IN_KEY.split(key))), name):
            return (*path, key)
    return None


def load(text: str, name: str) -> Source:
    """Read a template, YAML 1.1 as CloudFormation reads it, or JSON.

    Short forms (``!Ref``) become long ones, dates stay text, keys are text. [DOC] cfn-docs:template-formats

    Raises:
        TemplateError: it is neither.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        repeated: list[str] = []

        def an_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) < len(pairs):
                names = [name for name, _ in pairs]
                twice = next(each for each in names if names.count(each) > 1)
                repeated.append(f"{name}: the key {twice!r} stands twice in one object; what stands last counts")
            return found

        try:
            tree = json.loads(text, object_pairs_hook=an_object)
        except json.JSONDecodeError as error:
            if name.endswith((".json", ".template")):
                raise TemplateError(f"{name}:{error.lineno}: not JSON: {error.msg}") from error
        except RecursionError as error:
            raise TemplateError(f"{name}: too deeply nested") from error
        else:
            return _checked(Source(name=name, text=text, tree=tree, notes=tuple(repeated)))
    from .yaml_tags import YamlText  # noqa: PLC0415 - 30 ms that JSON need not pay

    yaml = YamlText(text, name)
    return _checked(Source(name=name, text=text, tree=yaml.tree, yaml=yaml, notes=tuple(yaml.repeated)))


def _checked(source: Source) -> Source:
    check_values(source.name, source.text, source.tree)
    if not isinstance(source.tree, dict):
        raise TemplateError(f"{source.name}:1: not a template: a mapping with Resources is expected")
    resources = source.tree.get("Resources")
    if not isinstance(resources, dict) or not resources:
        if resources is None and {"service", "provider"} <= source.tree.keys():
            text = "it is a service of the Serverless Framework: package it, and emulate the folder .serverless"
            raise TemplateError(f"{source.name}: {text}")
        raise source.error(Problem(("Resources",), "a template has at least one resource"))
    for name in _MAPPINGS:
        if not isinstance(source.tree.get(name, {}) or {}, dict):
            raise source.error(Problem((name,), "a mapping is expected"))
    return source


def check_values(name: str, text: str, tree: Any) -> None:
    """Refuse what nobody could walk through or write, without a recursion of its own; raises TemplateError."""
    level: dict[int, tuple[Any, int]] = {0: (tree, 1)}
    for depth in itertools.count():
        inside: dict[int, tuple[Any, int]] = {}
        for node, count in level.values():  # each once on its level, with how often it stands there: YAML has aliases
            for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
                if isinstance(each, dict | list):
                    inside[id(each)] = (each, count + inside.get(id(each), (each, 0))[1])
        if not inside:
            break
        if depth >= NESTED or sum(count for _, count in inside.values()) > VALUES:
            raise TemplateError(f"{name}: too {'deeply nested' if depth >= NESTED else 'many values'}")
        level = inside
    if "\\u" not in text:
        return
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        where = ascii(error.object[max(0, error.start - 20) : error.end])
        raise TemplateError(f"{name}: half a surrogate pair is no character: {where}") from error


def refuse_nulls(source: Source, *, but: Collection[str] = ()) -> None:
    """Raise `Problem` for a key or an element without a value. [USR] CloudFormation's message

    ``but`` are names of resources that may have some, as those have that a transform is to change.
    """
    for section in ("Resources", *_MAPPINGS):
        for name, each in (source.tree.get(section) or {}).items():
            path = None if section == "Resources" and name in but else _null(each, (section, name))
            if path is not None:
                raise Problem(path, "'null' values are not allowed in templates")


def _null(node: Any, path: Path) -> Path | None:
    if node is None:
        return path
    pairs: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = (_null(each, (*path, key)) for key, each in pairs)
    return next((each for each in found if each is not None), None)


# JSON: its places are found by reading it again up to there


def _json_line(text: str, path: Path) -> int:
    position = _skip(text, 0)
    for part in path:
        found = _children(text, position).get(part)
        if found is None:
            break
        position = found
    return text.count("\n", 0, position) + 1


def _json_keys(text: str, section: str | int) -> list[str]:
    found = _children(text, _skip(text, 0)).get(section)
    return [] if found is None else [str(key) for key in _children(text, found)]


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return position if match is None else match.end()


def _children(text: str, position: int) -> dict[str | int, int]:
    """Where the values of an object or array begin; for others nothing."""
    found: dict[str | int, int] = {}
    opening = text[position : position + 1]
    if opening not in ("{", "["):
        return found
    decoder = json.JSONDecoder()
    position = _skip(text, position + 1)
    while text[position] not in "}]":
        key: str | int = len(found)
        if opening == "{":
            key, position = decoder.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
        found[key] = position
        _, position = decoder.raw_decode(text, position)
        position = _skip(text, position)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found
