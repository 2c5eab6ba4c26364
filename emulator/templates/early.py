"""What of a template is known before its macros run: its parameters and mappings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import Problem
from .intrinsics import text_of, value_of
from .parameters import typed
from .resources.kind import Place
from .sam import CODE


class Early:
    """What can be known before anything is resolved. Implements `intrinsics.Names`."""

    def __init__(self, tree: Mapping[str, Any], given: Mapping[str, str], place: Place) -> None:
        """``given`` are values of the template's parameters."""
        self._declared: Mapping[str, Any] = tree.get("Parameters") or {}
        self._mappings: Mapping[str, Any] = tree.get("Mappings") or {}
        self._given = given
        self._pseudo = {
            "AWS::AccountId": place.account_id,
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::StackName": place.stack,
            "AWS::URLSuffix": place.url_suffix,
        }

    def collection(self, node: Any, path: tuple[str | int, ...]) -> list[str]:
        """Elements of a loop: a list as it stands, or what parameters and mappings give; raises `Problem`."""
        found = value_of(self, node, path)
        if isinstance(found, str):
            found = [each.strip() for each in found.split(",")]
        if not isinstance(found, list):
            raise Problem(path, "the collection of Fn::ForEach must be a list")
        return [str(each) for each in found]

    def name(self, node: Any, path: tuple[str | int, ...]) -> str:
        """The name that a function gives where a name is expected; raises `Problem`."""
        return text_of(value_of(self, node, path), path)

    def ref(self, name: str, path: Any) -> Any:
        """A parameter or pseudo parameter; raises `Problem`."""
        if name in self._pseudo:
            return self._pseudo[name]
        if name not in self._declared:
            raise Problem(path, f"a loop is made before there are resources: {name!r} is no parameter")
        declaration = self._declared[name]
        if not isinstance(declaration, dict):
            raise Problem(("Parameters", name), "a parameter has a Type")
        value = self._given.get(name, declaration.get("Default"))
        if value is None:
            raise Problem(path, f"no value for {name}: add --parameter {name}=VALUE")
        return typed(str(declaration.get("Type")), str(value))

    def attribute(self, logical_id: str, attribute: str, path: Any) -> Any:
        """None is known; raises `Problem`."""
        raise Problem(path, "a loop is made before there are resources")

    def condition(self, name: str, path: Any) -> bool:
        """None is known; raises `Problem`."""
        raise Problem(path, "a loop is made before there are conditions")

    def mapping(self, name: str, path: Any) -> Mapping[str, Any]:
        """A mapping; raises `Problem`."""
        if name not in self._mappings:
            raise Problem(path, f"there is no mapping {name!r}")
        found: Mapping[str, Any] = self._mappings[name]
        return found

    def imported(self, name: str, path: Any) -> Any:
        """None is known; raises `Problem`."""
        raise Problem(path, "a loop is made before there are imports")

    def stack_output(self, stack: str, output: str, path: Any) -> Any:
        """None is known; raises `Problem`."""
        raise Problem(path, "a loop is made before there are outputs")

    def note(self, text: str) -> None:
        """Nothing: the stack tells the same of what it resolves."""

    def dynamic(self, text: str, path: Any) -> str:
        """The text as it is."""
        return text


def with_code(tree: Mapping[str, Any], early: Early) -> dict[str, Any]:
    """A template of SAM's in which functions that name code are text, as far as that is known early.

    SAM's tools know what parameters and mappings give, and write such mappings themselves for code that a loop names.
    [DOC] aws-sam-cli:cfn-language-extensions ("SAMCodeUri...")
    """
    found = dict(tree)
    shared = tree.get("Globals")
    if isinstance(shared, dict) and isinstance(shared.get("Function"), dict):
        found["Globals"] = {**shared, "Function": _settled(shared["Function"], "CodeUri", early)}
    found["Resources"] = {name: _with_code(each, early) for name, each in tree["Resources"].items()}
    return found


def _with_code(resource: Any, early: Early) -> Any:
    if not isinstance(resource, dict) or not isinstance(resource.get("Properties"), dict):
        return resource
    name = CODE.get(str(resource.get("Type")))
    return resource if name is None else {**resource, "Properties": _settled(resource["Properties"], name, early)}


def _settled(properties: Mapping[str, Any], name: str, early: Early) -> Mapping[str, Any]:
    value = properties.get(name)
    if not isinstance(value, dict) or len(value) != 1 or not next(iter(value)).startswith(("Ref", "Fn::")):
        return properties
    try:
        return {**properties, name: value_of(early, value, ())}
    except Problem:  # it depends on more than that: the translator says what it makes of it
        return properties
