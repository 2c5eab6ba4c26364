"""What CloudFormation refuses of a template whatever its resources are: sections, names, attributes, circles. Pure.

[DOC] cfn-docs:template-anatomy, cfn-docs:aws-product-attribute-reference, cfn-docs:cloudformation-limits;
[USR] names: cfn-lint #160, convox/rack #364; attributes: troposphere #140, senza #94; that resources may have a
Description: aws-cdk #10522, idea-cloudformation #117; counts: serverless #2387, serverless-nested-stack #5;
AllowedValues: cfn-lint #1295; values of outputs: cfn-lint #485, org-formation-cli #15; exports:
startup-kit-templates #45
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from streamer.aws_limits import TEMPLATE_PARTS

from .errors import Path, Problem
from .resources.conformity import nearest

VERSION: Final = "2010-09-09"
_SECTIONS: Final = frozenset(
    {
        *("AWSTemplateFormatVersion", "Conditions", "Description", "Hooks", "Mappings", "Metadata", "Outputs"),
        *("Parameters", "Resources", "Rules", "Transform"),
    }
)
ATTRIBUTES: Final = frozenset(
    {
        *("Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Description", "Metadata", "Properties"),
        *("Type", "UpdatePolicy", "UpdateReplacePolicy", "Version"),
    }
)
"""What a resource may have beside its properties."""
_POLICIES: Final = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}
_NAME: Final = re.compile(r"[A-Za-z0-9]+")
_OF_PARAMETERS: Final = frozenset(
    {
        *(
            "AllowedPattern",
            "AllowedValues",
            "ConstraintDescription",
            "Default",
            "Description",
            "MaxLength",
            "MaxValue",
        ),
        *("MinLength", "MinValue", "NoEcho", "Type"),
    }
)
_OF_OUTPUTS: Final = frozenset({"Condition", "Description", "Export", "Value"})
_OF_RULES: Final = frozenset({"Assertions", "RuleCondition"})
_OF_ASSERTIONS: Final = frozenset({"Assert", "AssertDescription"})
_TWO_LEVELS: Final = "a mapping has keys, and below each of them keys with values"
_PARAMETER_TYPE: Final = re.compile(r"String|Number|CommaDelimitedList|List<(Number|String|AWS::.+)>|AWS::.+")


def check(tree: Mapping[str, Any]) -> None:
    """Refuse a template, after its transforms, that has what no template has; raises Problem."""
    version = tree.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != VERSION:
        raise Problem(("AWSTemplateFormatVersion",), f"there is one version of templates, {VERSION}, not {version!r}")
    _refuse_sections(tree, _SECTIONS)
    for section, most in TEMPLATE_PARTS.items():
        count = len(tree.get(section) or {})
        if count > most:
            raise Problem((section,), f"a template has {most} {section.lower()} at most, not {count}")
    _check_all(tree, _CHECKS)
    _refuse_conditions(tree)


def check_early(tree: Mapping[str, Any]) -> None:
    """Refuse what SAM's translator would blame something else for: a part of `check` that can be done before it."""
    _refuse_sections(tree, _SECTIONS | {"Globals"})
    _check_all(tree, ("Parameters", "Mappings", "Rules"))
    for name, each in tree["Resources"].items():
        if not isinstance(each, dict) and not name.startswith("Fn::"):
            found = "a list" if isinstance(each, list) else repr(each)
            raise Problem(("Resources", name), f"a resource is a mapping with a Type, and there is {found}")


def _refuse_sections(tree: Mapping[str, Any], known: Iterable[str]) -> None:
    for name in tree:
        if name not in known:
            raise Problem((name,), f"a template has no section {name!r}{_similar(name, known)}")


def _check_all(tree: Mapping[str, Any], sections: Iterable[str]) -> None:
    for section in sections:
        for name, each in (tree.get(section) or {}).items():
            _CHECKS[section](each, (section, name))


def _refuse_conditions(tree: Mapping[str, Any]) -> None:
    """Refuse what holds by a condition that there is not, before somebody who takes the condition over is blamed."""
    known = tree.get("Conditions") or {}
    for section in ("Resources", "Outputs"):
        for name, each in (tree.get(section) or {}).items():
            condition = each.get("Condition")
            if condition is not None and (not isinstance(condition, str) or condition not in known):
                text = f"there is no condition {condition!r}{_similar(str(condition), known)}"
                raise Problem((section, name, "Condition"), text)


def _refuse_name(path: Path, what: str) -> None:
    if _NAME.fullmatch(str(path[1])) is None:
        raise Problem(path, f"the name of {what} has letters and digits alone, not {path[1]!r}")


def _refuse_others(given: Mapping[str, Any], known: Iterable[str], path: Path, what: str) -> None:
    for attribute in given:
        if attribute not in known:
            raise Problem((*path, attribute), f"{what} has no {attribute!r}{_similar(attribute, known)}")


def _check_resource(resource: Any, path: Path) -> None:
    _refuse_name(path, "a resource")
    for attribute in resource:
        if attribute not in ATTRIBUTES:
            text = f"a resource has no attribute {attribute!r}{_similar(attribute, ATTRIBUTES)}"
            raise Problem((*path, attribute), f"{text}; what it is made of stands below Properties")


def _check_parameter(parameter: Any, path: Path) -> None:
    _refuse_name(path, "a parameter")
    if not isinstance(parameter, dict) or not isinstance(parameter.get("Type"), str):
        raise Problem(path, "a parameter has a Type")
    _refuse_others(parameter, _OF_PARAMETERS, path, "a parameter")
    if _PARAMETER_TYPE.fullmatch(parameter["Type"]) is None:
        raise Problem((*path, "Type"), f"there is no type of parameters {parameter['Type']!r}")
    if not isinstance(parameter.get("AllowedValues", []), list):
        raise Problem((*path, "AllowedValues"), "a list is expected")


def _check_output(output: Any, path: Path) -> None:
    _refuse_name(path, "an output")
    if not isinstance(output, dict) or "Value" not in output:
        raise Problem(path, "an output has a Value")
    _refuse_others(output, _OF_OUTPUTS, path, "an output")
    value = output["Value"]
    is_function = isinstance(value, dict) and len(value) == 1 and (*value,)[0].startswith(("Fn::", "Ref"))
    if isinstance(value, list | dict) and not is_function:
        kind = "list" if isinstance(value, list) else "mapping"
        raise Problem((*path, "Value"), f"the value of an output is text, not a {kind}")
    export = output.get("Export", {"Name": ""})
    if not isinstance(export, dict) or [*export] != ["Name"]:
        raise Problem((*path, "Export"), "an export has a Name, and nothing else")


def _check_mapping(mapping: Any, path: Path) -> None:
    _refuse_name(path, "a mapping")
    if not isinstance(mapping, dict):
        raise Problem(path, _TWO_LEVELS)
    for key, inner in mapping.items():
        if not isinstance(inner, dict):
            raise Problem((*path, key), _TWO_LEVELS)
        for name, value in inner.items():
            if isinstance(value, dict):
                raise Problem((*path, key, name), "a value of a mapping is text or a list")


def _check_rule(rule: Any, path: Path) -> None:
    _refuse_name(path, "a rule")
    if not isinstance(rule, dict) or not isinstance(rule.get("Assertions"), list):
        raise Problem(path, "a rule has a list of Assertions")
    _refuse_others(rule, _OF_RULES, path, "a rule")
    for position, each in enumerate(rule["Assertions"]):
        where = (*path, "Assertions", position)
        if not isinstance(each, dict) or "Assert" not in each:
            raise Problem(where, "an assertion has an Assert")
        _refuse_others(each, _OF_ASSERTIONS, where, "an assertion")


_CHECKS: Final[Mapping[str, Callable[[Any, Path], None]]] = {
    "Resources": _check_resource,
    "Parameters": _check_parameter,
    "Outputs": _check_output,
    "Mappings": _check_mapping,
    "Rules": _check_rule,
}


def policies(resource: Mapping[str, Any], path: Path, value: Callable[[Any, Path], Any]) -> dict[str, str]:
    """What becomes of a resource that goes or is replaced, where it says so; ``value`` resolves what it says.

    [DOC] cfn-docs:transform-aws-languageextensions: a policy may be a function. Raises Problem for what is no policy.
    """
    found = {}
    for attribute, known in _POLICIES.items():
        if attribute in resource:
            where = (*path, attribute)
            policy = value(resource[attribute], where)
            if policy not in known:
                raise Problem(where, f"{policy!r} is not one of {', '.join(known)}")
            found[attribute] = str(policy)
    return found


def needed(tree: Mapping[str, Any], name: str) -> list[str]:
    """The resources that one names in ``DependsOn``; raises Problem if they are none."""
    where: Path = ("Resources", name, "DependsOn")
    found = tree["Resources"][name].get("DependsOn") or []
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Problem(where, "the name of a resource, or a list of names, is expected")
    for each in found:
        if each not in tree["Resources"]:
            raise Problem(where, f"there is no resource {each!r}")
    return found


def refuse_circle(edges: Mapping[str, Iterable[str]]) -> None:
    """Refuse resources that wait for each other; ``edges`` has for each those that it needs. Raises Problem."""
    done: set[str] = set()
    for start in edges:
        trail: list[str] = [] if start in done else [start]
        waiting = [iter(edges[each]) for each in trail]
        while trail:
            found = next(waiting[-1], None)
            if found is None:
                done.add(trail.pop())
                waiting.pop()
            elif found in trail:
                circle = [*trail[trail.index(found) :], found]
                raise Problem(("Resources", trail[-1]), f"resources in a circle: {' -> '.join(circle)}")
            elif found in edges and found not in done:
                trail.append(found)
                waiting.append(iter(edges[found]))


def _similar(name: str, known: Iterable[str]) -> str:
    meant = nearest(name, known)
    return "" if meant is None else f"; there is {meant}"
