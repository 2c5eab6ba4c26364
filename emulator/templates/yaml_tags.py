"""YAML 1.1 as CloudFormation reads it: short forms of intrinsic functions, no dates. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor

from .errors import Path, TemplateError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_YAML: Final = "tag:yaml.org,2002:"
_PLAIN: Final = ("Ref", "Condition")
_FUNCTIONS: Final = frozenset(
    (
        *("Base64", "Cidr", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Select", "Split", "Sub"),
        *("Transform", "And", "Equals", "Not", "Or", "Contains", "EachMemberEquals", "EachMemberIn", "RefAll"),
        *("ValueOf", "ValueOfAll", "ForEach", "Length", "ToJsonString", "GetStackOutput"),
    )
)
"""Functions with a short form. [DOC] cfn-docs:intrinsic-function-reference"""
_VALUES: Final = SafeConstructor()


class YamlText:
    """A document with its nodes, from which lines are found."""

    def __init__(self, text: str, name: str) -> None:
        """Raise TemplateError when it is no YAML that CloudFormation takes."""
        self._name = name
        self._made: dict[int, Any] = {}
        self.repeated: list[str] = []
        """What is told of keys that stand in a mapping twice, of which the last counts.
        [USR] cdk-real-drift #1074: CloudFormation takes such templates, and the last value"""
        try:
            self._root = _compose(text)
            self.tree = None if self._root is None else self._value(self._root)
            """What it says."""
        except yaml.MarkedYAMLError as error:
            raise TemplateError(f"{name}:{_said(error, text)}") from error
        except yaml.YAMLError as error:
            raise TemplateError(f"{name}:1: not YAML: {' '.join(str(error).split())}") from error
        except RecursionError as error:
            raise TemplateError(f"{name}: too deeply nested") from error

    def line(self, path: Path) -> int:
        """Line of the value at a path, or of the last part of the path that exists."""
        node, line = self._root, 1
        for part in path:
            found = None if node is None else _child(node, part)
            if found is None:
                break
            line, node = found
        return line

    def keys(self, path: Path) -> Sequence[str]:
        """The keys of the mapping at a path."""
        node = self._root
        for part in path:
            found = None if node is None else _child(node, part)
            node = None if found is None else found[1]
        return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []

    def _value(self, node: yaml.Node) -> Any:
        known = self._made.get(id(node), self)
        if known is None:
            raise self._error(node, "an alias stands inside what it stands for")
        if known is not self:
            return known
        self._made[id(node)] = None
        value = self._tagged(node)
        if value is None:
            del self._made[id(node)]
        else:
            self._made[id(node)] = value
        return value

    def _tagged(self, node: yaml.Node) -> Any:
        if not node.tag.startswith("!"):
            return self._untagged(node)
        name = node.tag[1:]
        if name not in _PLAIN and name not in _FUNCTIONS:
            raise self._error(node, f"there is no function {node.tag}")
        value = node.value if isinstance(node, yaml.ScalarNode) else self._untagged(node)
        if name == "GetAtt" and isinstance(value, str):
            # [DOC] cfn-docs: the short form names resource and attribute with a dot between.
            value = value.split(".", 1)
        return {name if name in _PLAIN else f"Fn::{name}": value}

    def _untagged(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(each) for each in node.value]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._error(node, "not understood")

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key must be text")
            if key.tag == f"{_YAML}merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if key.value in found:
                text = f"the key {key.value!r} stands here and in line {lines[key.value]}; what stands last counts"
                self.repeated.append(str(self._error(key, text)))
            found[key.value] = self._value(value)
            lines[key.value] = key.start_mark.line + 1
        for each in merged:
            more = self._value(each)
            if not isinstance(more, dict):
                raise self._error(each, "'<<' wants a mapping")
            found = {**more, **found}
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix(_YAML)
        try:
            if kind == "int":
                return _VALUES.construct_yaml_int(node)
            if kind == "float":
                return _VALUES.construct_yaml_float(node)
            if kind == "bool":
                return _VALUES.construct_yaml_bool(node)
        except (ValueError, KeyError) as error:
            raise self._error(node, f"{node.value!r} is no {kind}") from error
        if kind == "null":
            return None
        if kind in ("str", "timestamp", "value"):
            return str(node.value)
        raise self._error(node, f"CloudFormation knows no tag {node.tag}")

    def _error(self, node: yaml.Node, text: str) -> TemplateError:
        return TemplateError(f"{self._name}:{node.start_mark.line + 1}: {text}")


def _said(error: yaml.MarkedYAMLError, text: str) -> str:
    """Line and reason; of what began further up, where that was, as of a quotation mark that nothing closes."""
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    line, first = (each.line + 1 if each else 1 for each in (mark, begun))
    written = text.splitlines()[line - 1 : line]
    if written and "\t" in written[0][: len(written[0]) - len(written[0].lstrip())]:
        return f"{line}: not YAML: it is indented by a tab, where spaces belong"
    where = f" ({error.context} that begins in line {first})" if 1 < first < line else ""
    return f"{line}: not YAML: {error.problem}{where}"


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
