"""A template's ``Rules``: what it asserts of its parameters. Pure.

[DOC] cfn-docs:rules-section-structure, cfn-docs:intrinsic-function-reference-rules; [USR] that a rule takes neither
``Condition`` nor ``Fn::If``: cloudformation-coverage-roadmap #1183, #921
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .errors import Path, Problem
from .intrinsics import Names, arguments, comparable, text_of, value_of
from .parameters import Parameters
from .references import references

_OF_AWS: Final = ("Fn::ValueOf", "Fn::ValueOfAll")
"""Functions that ask AWS for what a parameter names, such as the VPC of a subnet."""


def refuse_what_rules_refuse(
    rules: Mapping[str, Any], names: Names, declared: Mapping[str, Any], parameters: Parameters
) -> None:
    """Refuse parameters of which an assertion does not hold; what depends on a value that nobody here knows, passes.

    Args:
        rules: The template's ``Rules``, of the form that `anatomy.check` wants.
        names: What ``Ref`` gives.
        declared: The template's ``Parameters``.
        parameters: Their values.

    Raises:
        Problem: an assertion does not hold, or is made of something that a rule cannot have.
    """
    made = _Rules(names, declared, parameters)
    for name, rule in rules.items():
        path: Path = ("Rules", name)
        if "RuleCondition" in rule and made.holds(rule["RuleCondition"], (*path, "RuleCondition")) is not True:
            continue
        for position, each in enumerate(rule["Assertions"]):
            where = (*path, "Assertions", position)
            if made.holds(each["Assert"], (*where, "Assert")) is False:
                said = " ".join(str(each.get("AssertDescription", "its assertion does not hold")).split())
                raise Problem(where, f"the parameters are not what the rule {name} asserts: {said}")


class _Rules:
    def __init__(self, names: Names, declared: Mapping[str, Any], parameters: Parameters) -> None:
        self._names = names
        self._declared = declared
        self._parameters = parameters

    def holds(self, node: Any, path: Path) -> bool | None:
        """Whether a condition or an assertion holds; None: that depends on what nobody here knows."""
        return None if self._is_unknown(node) else self._holds(node, path)

    def _is_unknown(self, node: Any) -> bool:
        if any(name in self._parameters.unknown for _, name, _ in references(node, ())):
            return True
        return any(
            key in _OF_AWS or (key == "Fn::RefAll" and not self._parameters.unknown.isdisjoint(self._of_type(argument)))
            for key, argument in _functions(node)
        )

    def _holds(self, node: Any, path: Path) -> bool:
        if isinstance(node, bool):
            return node
        ((key, argument),) = node.items() if isinstance(node, dict) and len(node) == 1 else (("", None),)
        if key == "Fn::Not":
            return not self._holds(arguments(key, argument, path, 1, 1)[0], path)
        if key in ("Fn::And", "Fn::Or"):
            parts = [self._holds(each, path) for each in arguments(key, argument, path, 2, 10)]
            return all(parts) if key == "Fn::And" else any(parts)
        if key not in _TESTS:
            made_of = ", ".join(sorted({"Fn::And", "Fn::Not", "Fn::Or", *_TESTS}))
            raise Problem(path, f"what a rule asserts is made of {made_of}")
        left, right = (self._value(each, path) for each in arguments(key, argument, path, 2, 2))
        return _TESTS[key](left, right)

    def _value(self, node: Any, path: Path) -> Any:
        if isinstance(node, dict) and [*node] == ["Fn::RefAll"]:
            kind = text_of(node["Fn::RefAll"], path)
            return [each for name in self._of_type(kind) for each in _listed(self._parameters.values[name])]
        found = value_of(self._names, node, path)
        # [USR] cfn-lint #979: a list of parameters that is empty has the empty text
        return [""] if found == [] and isinstance(node, dict) else found

    def _of_type(self, kind: Any) -> list[str]:
        return [name for name, each in self._declared.items() if each["Type"] in (kind, f"List<{kind}>")]


def _functions(node: Any) -> list[tuple[str, Any]]:
    if isinstance(node, list):
        return [found for each in node for found in _functions(each)]
    if not isinstance(node, dict):
        return []
    return [*node.items(), *(found for each in node.values() for found in _functions(each))]


def _listed(value: Any) -> list[Any]:
    return [comparable(each) for each in value] if isinstance(value, list) else [comparable(value)]


_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Fn::Contains": lambda strings, string: comparable(string) in _listed(strings),
    "Fn::EachMemberEquals": lambda strings, string: all(each == comparable(string) for each in _listed(strings)),
    "Fn::EachMemberIn": lambda strings, known: all(each in _listed(known) for each in _listed(strings)),
    "Fn::Equals": lambda left, right: bool(comparable(left) == comparable(right)),
}
