"""CloudFormation's intrinsic functions. Pure. [DOC] cfn-docs:intrinsic-function-reference"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from .errors import Path, Problem, shown
from .references import VARIABLE

NO_VALUE: Final = "AWS::NoValue"
ABSENT: Final = object()
"""What ``Ref: AWS::NoValue`` gives: its key or element is left out."""
_ZONES: Final[Mapping[str, str]] = {
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ca-central-1": "abd",
    "us-east-1": "abcdef",
    "us-west-1": "ab",
    "us-west-2": "abcd",
}
"""Letters of the availability zones of Regions whose three are not a, b, c. [SRC] moto ec2 availability_zones"""
_ACCOUNT: Final = re.compile(r"\d{12}")


class MadeUp(str):
    """A value that nobody here knows: what a function makes of it is made up, too, rather than refused."""

    __slots__ = ()


def is_true(value: Any) -> bool:
    """Whether a property is true, which may be written as text."""
    return value in (True, "true", "True")


class Names(Protocol):
    """What a template's names stand for."""

    def ref(self, name: str, path: Path) -> Any:
        """The value of a parameter, pseudo parameter or resource; raises `Problem`."""
        ...

    def attribute(self, logical_id: str, attribute: str, path: Path) -> Any:
        """An attribute of a resource; raises `Problem`."""
        ...

    def condition(self, name: str, path: Path) -> bool:
        """Whether a condition holds; raises `Problem`."""
        ...

    def mapping(self, name: str, path: Path) -> Mapping[str, Any]:
        """A mapping; raises `Problem`."""
        ...

    def imported(self, name: str, path: Path) -> Any:
        """What another stack exports under a name; raises `Problem`."""
        ...

    def stack_output(self, stack: str, output: str, path: Path) -> Any:
        """An output of another stack; raises `Problem`."""
        ...

    def note(self, text: str) -> None:
        """Tells whoever emulates the template of something that stands for what is not known."""
        ...

    def dynamic(self, text: str, path: Path) -> str:
        """The text with its dynamic references (``{{resolve:...}}``) replaced; raises `Problem`."""
        ...


def plain(value: Any) -> Any:
    """A value in which what is made up is text like any other, as encoders want it."""
    if isinstance(value, MadeUp):
        return str(value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def value_of(names: Names, node: Any, path: Path) -> Any:
    """What a node of a template stands for; `ABSENT` for no value.

    Raises:
        Problem: a function is used wrongly, or refers to something that does not exist.
    """
    if isinstance(node, str):
        return names.dynamic(node, path) if "{{resolve:" in node else node
    if isinstance(node, list):
        values = [value_of(names, each, (*path, position)) for position, each in enumerate(node)]
        return [value for value in values if value is not ABSENT]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((key, argument),) = node.items()
        function = _FUNCTIONS.get(key)
        if function is not None:
            found = function(names, argument, path)
            return names.dynamic(found, path) if isinstance(found, str) and "{{resolve:" in found else found
    found = {}
    for key, each in node.items():
        if key.startswith("Fn::"):
            text = "an intrinsic function stands alone in its mapping" if key in _FUNCTIONS else "there is no such one"
            raise Problem(path, f"{key}: {text}")
        value = value_of(names, each, (*path, key))
        if value is not ABSENT:
            found[key] = value
    return found


def holds(names: Names, node: Any, path: Path) -> bool:
    """Whether a condition holds: a node of ``Conditions``, or the first argument of one of its functions."""
    if isinstance(node, bool):
        return node
    if isinstance(node, dict) and len(node) == 1:
        ((key, argument),) = node.items()
        if key == "Condition" and isinstance(argument, dict) and [*argument] == ["Condition"]:
            argument = argument["Condition"]  # [REC] as SAM's transform writes it for destinations under a condition
        if key == "Condition" and isinstance(argument, str):
            return names.condition(argument, path)
        if key == "Fn::Equals":
            left, right = (value_of(names, each, path) for each in arguments(key, argument, path, 2, 2))
            return bool(comparable(left) == comparable(right))
        if key == "Fn::Not":
            return not holds(names, arguments(key, argument, path, 1, 1)[0], path)
        if key in ("Fn::And", "Fn::Or"):
            parts = [holds(names, each, path) for each in arguments(key, argument, path, 2, 10)]
            return all(parts) if key == "Fn::And" else any(parts)
    raise Problem(path, "a condition is made of Condition, Fn::Equals, Fn::Not, Fn::And and Fn::Or")


def comparable(value: Any) -> Any:
    """A value as functions compare it: numbers and truths as text."""
    return text_of(value, ()) if isinstance(value, bool | int | float) else value


def text_of(value: Any, path: Path) -> str:
    """A plain value as text; raises `Problem` for a list or mapping."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    kind = "a list" if isinstance(value, list) else "no value" if value is ABSENT or value is None else "a mapping"
    raise Problem(path, f"text is needed here, and there is {kind}")


def arguments(function: str, argument: Any, path: Path, fewest: int, most: int) -> list[Any]:
    """The list that a function takes; raises `Problem` if it is none, or too short or long."""
    if not isinstance(argument, list) or not fewest <= len(argument) <= most:
        count = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise Problem(path, f"{function} takes a list of {count}")
    return argument


def _ref(names: Names, argument: Any, path: Path) -> Any:
    if not isinstance(argument, str):
        raise Problem(path, "Ref takes a name")
    return ABSENT if argument == NO_VALUE else names.ref(argument, path)


def _get_att(names: Names, argument: Any, path: Path) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):
        raise Problem(path, "Fn::GetAtt takes a resource and an attribute")
    attribute = ".".join(text_of(value_of(names, part, path), path) for part in parts[1:])
    return names.attribute(parts[0], attribute, path)


def _sub(names: Names, argument: Any, path: Path) -> str:
    own: Mapping[str, Any] = {}
    if isinstance(argument, list):
        argument, own = arguments("Fn::Sub", argument, path, 2, 2)
    if not isinstance(argument, str) or not isinstance(own, dict):
        raise Problem(path, "Fn::Sub takes a text, or a list of a text and a mapping")

    def one(match: Any) -> str:
        literal, name = match.groups()
        if literal:
            return f"${{{name}}}"
        if name in own:
            return text_of(value_of(names, own[name], path), path)
        logical_id, dot, attribute = name.partition(".")
        found = names.attribute(logical_id, attribute, path) if dot else _ref(names, name, path)
        return text_of(found, path)

    if "${" in VARIABLE.sub("", argument):
        names.note(f"{shown(path)}: a ${{ without its }} stays as it is")
    return VARIABLE.sub(one, argument)


def _join(names: Names, argument: Any, path: Path) -> str:
    delimiter, parts = arguments("Fn::Join", argument, path, 2, 2)
    values = value_of(names, parts, path)
    if isinstance(values, MadeUp):
        return values
    if not isinstance(delimiter, str) or not isinstance(values, list):
        raise Problem(path, "Fn::Join takes a text and a list")
    return delimiter.join(text_of(value, path) for value in values)


def _split(names: Names, argument: Any, path: Path) -> list[str] | MadeUp:
    delimiter, text = arguments("Fn::Split", argument, path, 2, 2)
    if not isinstance(delimiter, str) or not delimiter:
        raise Problem(path, "Fn::Split takes a text to split at, and a text")
    value = value_of(names, text, path)
    return value if isinstance(value, MadeUp) else text_of(value, path).split(delimiter)


def _select(names: Names, argument: Any, path: Path) -> Any:
    index, node = arguments("Fn::Select", argument, path, 2, 2)
    values, position = value_of(names, node, path), value_of(names, index, path)
    if isinstance(values, MadeUp):
        return values
    if isinstance(position, MadeUp):
        return position
    if not isinstance(values, list) or not str(position).isdecimal():
        raise Problem(path, "Fn::Select takes a position from 0 and a list")
    if int(position) >= len(values) and any(isinstance(each, MadeUp) for each in values):
        return MadeUp(values[0])
    if int(position) >= len(values):
        raise Problem(path, f"Fn::Select wants element {position} of a list of {len(values)}")
    return values[int(position)]


def _if(names: Names, argument: Any, path: Path) -> Any:
    name, then, otherwise = arguments("Fn::If", argument, path, 3, 3)
    if not isinstance(name, str):
        raise Problem(path, "Fn::If takes the name of a condition first")
    return value_of(names, then if names.condition(name, path) else otherwise, path)


def _find_in_map(names: Names, argument: Any, path: Path) -> Any:
    parts = arguments("Fn::FindInMap", argument, path, 3, 4)
    given = [value_of(names, part, path) for part in parts[:3]]
    keys = [text_of(each, path) for each in given]
    has_default = len(parts) == 4 and isinstance(parts[3], dict) and "DefaultValue" in parts[3]
    try:
        found: Any = names.mapping(keys[0], path)
    except Problem:
        if not has_default:
            raise
        found = {}
    for number, key in enumerate(keys[1:], 1):
        within, found = found, found.get(key) if isinstance(found, dict) else None
        if found is not None:
            continue
        if has_default:
            return value_of(names, parts[3]["DefaultValue"], path)
        if isinstance(given[number], MadeUp):
            return given[number]
        if number > 1 or not within or key != names.ref("AWS::AccountId", path) or not _is_by_account(within):
            raise Problem(path, f"the mapping {'.'.join(keys[:number])} has no key {key!r}")
        first = next(iter(within))
        names.note(f"the mapping {keys[0]} has no account {key}, which is nobody's: what it has for {first} stands")
        found = within[first]
    return found


def _is_by_account(mapping: Mapping[Any, Any]) -> bool:
    return all(_ACCOUNT.fullmatch(str(key)) for key in mapping)


def _base64(names: Names, argument: Any, path: Path) -> str:
    return base64.b64encode(text_of(value_of(names, argument, path), path).encode()).decode()


def _get_azs(names: Names, argument: Any, path: Path) -> list[str]:
    region = text_of(value_of(names, argument, path), path) or names.ref("AWS::Region", path)
    return [f"{region}{letter}" for letter in _ZONES.get(region, "abc")]


def _cidr(names: Names, argument: Any, path: Path) -> list[str] | MadeUp:
    parts = value_of(names, arguments("Fn::Cidr", argument, path, 2, 3), path)
    made_up = next((each for each in parts if isinstance(each, MadeUp)), None)
    if made_up is not None:
        return made_up
    try:
        block = ipaddress.ip_network(str(parts[0]), strict=False)
        bits = int(parts[2]) if len(parts) > 2 else 8
        subnets = block.subnets(new_prefix=block.max_prefixlen - bits)
        found = [str(subnet) for subnet, _ in zip(subnets, range(int(parts[1])), strict=False)]
    except (ValueError, IndexError, TypeError) as error:
        raise Problem(path, f"Fn::Cidr: {error}") from error
    if len(found) < int(parts[1]):
        raise Problem(path, f"Fn::Cidr: {parts[0]} has room for {len(found)} blocks of {bits} bits, not {parts[1]}")
    return found


def _import_value(names: Names, argument: Any, path: Path) -> Any:
    return names.imported(text_of(value_of(names, argument, path), path), path)


def _get_stack_output(names: Names, argument: Any, path: Path) -> Any:
    # [DOC] cfn-docs:intrinsic-function-reference-getstackoutput; Region and RoleArn change nothing here
    if not isinstance(argument, dict) or not {"StackName", "OutputName"} <= {*argument}:
        raise Problem(path, "Fn::GetStackOutput takes a mapping with StackName and OutputName")
    stack, output = (text_of(value_of(names, argument[key], path), path) for key in ("StackName", "OutputName"))
    return names.stack_output(stack, output, path)


def _to_json(names: Names, argument: Any, path: Path) -> str:
    return json.dumps(value_of(names, argument, path), separators=(",", ":"), ensure_ascii=False)


def _length(names: Names, argument: Any, path: Path) -> int:
    values = value_of(names, argument, path)
    if not isinstance(values, list):
        raise Problem(path, "Fn::Length takes a list")
    return len(values)


def _transform(names: Names, argument: Any, path: Path) -> Any:
    name = argument.get("Name") if isinstance(argument, dict) else argument
    raise Problem(path, f"the macro {name} is not run here; AWS::Include with a local file is")


_FUNCTIONS: Final[Mapping[str, Callable[[Names, Any, Path], Any]]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::GetAZs": _get_azs,
    "Fn::Cidr": _cidr,
    "Fn::ImportValue": _import_value,
    "Fn::GetStackOutput": _get_stack_output,
    "Fn::ToJsonString": _to_json,
    "Fn::Length": _length,
    "Fn::Transform": _transform,
}
