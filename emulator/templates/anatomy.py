"""What CloudFormation refuses of a template whatever its resources are: sections, names, attributes, circles. Pure.

[DOC] cfn-docs:template-anatomy, cfn-docs:aws-product-attribute-reference; [USR] cfn-lint #160, troposphere #140;
that resources may have a Description: aws-cdk #10522, idea-cloudformation #117
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from .errors import Path, Problem

VERSION: Final = "2010-09-09"
_SECTIONS: Final = frozenset(
    {
        *("AWSTemplateFormatVersion", "Conditions", "Description", "Hooks", "Mappings", "Metadata", "Outputs"),
        *("Parameters", "Resources", "Rules", "Transform"),
    }
)
_ATTRIBUTES: Final = frozenset(
    {
        *("Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Description", "Metadata", "Properties"),
        *("Type", "UpdatePolicy", "UpdateReplacePolicy", "Version"),
    }
)
_POLICIES: Final = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}
_NAME: Final = re.compile(r"[A-Za-z0-9]+")


def check(tree: Mapping[str, Any]) -> None:
    """Refuse a template, after its transforms, that has what no template has; raises Problem."""
    version = tree.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != VERSION:
        raise Problem(("AWSTemplateFormatVersion",), f"there is one version of templates, {VERSION}, not {version!r}")
    for name in tree:
        if name not in _SECTIONS:
            raise Problem((name,), f"a template has no section {name!r}{_similar(name, _SECTIONS)}")
    for name, resource in tree["Resources"].items():
        path: Path = ("Resources", name)
        if _NAME.fullmatch(name) is None:
            raise Problem(path, f"the name of a resource has letters and digits alone, not {name!r}")
        for attribute in resource:
            if attribute not in _ATTRIBUTES:
                text = f"a resource has no attribute {attribute!r}{_similar(attribute, _ATTRIBUTES)}"
                raise Problem((*path, attribute), f"{text}; what it is made of stands below Properties")


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
    same = next((each for each in known if each.lower() == name.lower()), None)
    return "" if same is None else f"; there is {same}"
