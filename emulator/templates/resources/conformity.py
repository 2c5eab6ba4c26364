"""Whether a resource's properties are as its type declares them, as CloudFormation asks before it makes it. Pure.

[DOC] cfn-docs:resource-type-schema; [USR] aws-cdk #28984 "#: extraneous key [KeyFormat] is not permitted": a stack is
rolled back; cloudformation-coverage-roadmap #1514: a property is ignored, with a line among the events;
iac-model-evaluation #29 "#: required key [Name] not found"; cfn-lint #3223 "expected type: JSONArray, found: String"
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from ..errors import Path, Problem
from ..intrinsics import MadeUp
from ..references import references
from .declarations import Declaration, Plain, Shape, declared, plain, similar_type

_WORDS: Final = {False: ("OFF", "NO", "off", "no", "Off", "No"), True: ("ON", "YES", "on", "yes", "On", "Yes")}
"""What else YAML 1.1 reads as a switch where it has no quotes. [DOC] yaml.org/type/bool"""


class Departure(Struct, frozen=True, kw_only=True):
    """Something in properties that their type does not declare."""

    path: Path
    text: str
    is_of_shape: bool
    """Whether a value is of another kind; otherwise a name is unknown or missing, or a value is none that may be."""
    is_out_of_bounds: bool = False
    """Whether a number, or how much there is of a value, is more or less than may be."""
    is_typo: bool = False
    """Whether a name is unknown that is like one that is known."""


def departures(properties: Any, resource_type: str, path: Path) -> Iterator[Departure]:
    """What of a resource's resolved properties, which stand at a path, CloudFormation would refuse."""
    declaration = declared(resource_type)
    if declaration is not None:
        yield from compared(properties, declaration, path)
    elif (meant := similar_type(resource_type)) is not None:
        text = f"CloudFormation knows no type {resource_type}; did you mean {meant}?"
        yield Departure(path=(*path[:-1], "Type"), text=text, is_of_shape=False, is_typo=True)


def compared(properties: Any, declaration: Declaration, path: Path) -> Iterator[Departure]:
    """Likewise, by a declaration."""
    return _Comparison(declaration).of(properties, declaration.properties, path, declaration.type)


def told(found: Iterable[Departure], error: Callable[[Problem], Exception]) -> list[str]:
    """Lines that tell of departures, in one what is the same of several resources; ``error`` places a problem."""
    alike: dict[tuple[Path, str], list[Departure]] = {}
    for each in found:
        alike.setdefault((each.path[2:], each.text), []).append(each)
    lines = []
    for first, *others in alike.values():
        names = ", ".join(str(each.path[1]) for each in others)
        text = f"{first.text}, which CloudFormation refuses" if first.is_of_shape else first.text
        lines.append(f"{error(Problem(first.path, text))}" + (f" (likewise {names})" if others else ""))
    return lines


def with_typo(
    problem: Problem, found: Iterable[Departure], resources: Mapping[str, Any], error: Callable[[Problem], Exception]
) -> Problem:
    """A problem with what probably caused it, if it did: a typing error in its resource or in one that this refers to.

    Args:
        problem: What is refused, at a place below ``Resources``.
        found: What departs from the types of a template's resources.
        resources: Those, as they are written.
        error: Places a problem.
    """
    if problem.path[:1] != ("Resources",) or len(problem.path) < 2:
        return problem
    name = str(problem.path[1])
    near = {name, *(each for _, each, _ in references(resources.get(name), ()))}
    typo = next((each for each in found if each.is_typo and each.path[1] in near and each.text != problem.text), None)
    if typo is None:
        return problem
    return Problem(problem.path, f"{problem.text} ({error(Problem(typo.path, typo.text))})")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Which of the known names was probably meant; None: none is like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - of use only where something is wrong

    lower = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), lower, n=1, cutoff=0.75)
    if found:
        return lower[found[0]]
    # BatchWindow for MaximumBatchingWindowInSeconds
    words = ".*".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", name))
    longer = [each for each in lower.values() if re.search(words, each)] if ".*" in words else []
    return min(longer, key=len, default=None)


class _Comparison:
    def __init__(self, declaration: Declaration) -> None:
        self._definitions = declaration.definitions

    def of(self, value: Any, shape: Shape, path: Path, what: str) -> Iterator[Departure]:
        """``what`` has the value, in words: a type, or the name of a property."""
        if isinstance(shape, str) and shape.startswith("?"):
            if isinstance(value, str):
                return
            shape = shape[1:]
        if isinstance(shape, str) and shape.startswith("#"):
            shape = self._definitions[shape[1:]]
        if isinstance(value, MadeUp) or shape == "*":
            return
        if isinstance(shape, str):
            yield from _plain(value, shape, path)
        elif isinstance(shape, list):
            yield from self._of_list(value, shape, path, what)
        elif isinstance(value, dict):
            yield from self._of_mapping(value, shape, path, what)
        else:
            yield _wrong(path, "a mapping", value)

    def _of_list(self, value: Any, shape: list[Any], path: Path, what: str) -> Iterator[Departure]:
        if not isinstance(value, list):
            yield _wrong(path, "a list", value)
            return
        for position, each in enumerate(value):
            yield from self.of(each, shape[0], (*path, position), what)
        for bounds in shape[1:]:
            yield from _outside(len(value), plain(bounds), path, "{} elements are")

    def _of_mapping(self, value: dict[str, Any], shape: dict[str, Any], path: Path, what: str) -> Iterator[Departure]:
        known = {key.removesuffix("!"): each for key, each in shape.items() if key != "*"}
        others = shape.get("*")
        unknown = [name for name in value if name not in known] if others is None else []
        for name in unknown:
            hint = self._hint(name, known)
            text = f"{what} has no property {name!r}: CloudFormation refuses or ignores it{hint}"
            yield Departure(path=(*path, name), text=text, is_of_shape=False, is_typo=hint != "")
        for key in shape:
            name = key.removesuffix("!")
            if name != key and name not in value:
                instead = next((each for each in unknown if nearest(each, known) == name), None)
                text = f"{what} needs {name}: CloudFormation refuses it" + (f"; there is {instead}" if instead else "")
                yield Departure(path=path, text=text, is_of_shape=False)
        for name, each in value.items():
            found = known.get(name, others)
            if found is not None:
                yield from self.of(each, found, (*path, name), name)

    def _hint(self, name: str, known: Iterable[str]) -> str:
        meant = nearest(name, known)
        if meant is None:
            meant = next((f"{way}.{name}" for way in self._ways_to(name)), None)
        return f"; did you mean {meant}?" if meant else ""

    def _ways_to(self, name: str) -> Iterator[str]:
        """Properties of the resource that have one of this name."""
        top = self._definitions[""]
        for key, shape in top.items() if isinstance(top, dict) else ():
            inner = shape[0] if isinstance(shape, list) else shape
            found = self._definitions.get(inner.lstrip("?#"), {}) if isinstance(inner, str) else inner
            if isinstance(found, dict) and found.keys() & {name, f"{name}!"}:
                yield key.removesuffix("!")


def _plain(value: Any, shape: str, path: Path) -> Iterator[Departure]:
    kind = shape[0]
    if isinstance(value, dict | list):
        expected = {"n": "a number", "b": "true or false"}.get(kind, "text")
        yield _wrong(path, expected, value)
    elif kind == "n" and not is_number(value):
        yield _wrong(path, "a number", value)
    elif kind == "b" and str(value).lower() not in ("true", "false"):
        yield _wrong(path, "true or false", value)
    elif len(shape) > 1:
        yield from _out_of_bounds(value, plain(shape), path)


def _out_of_bounds(value: Any, wanted: Plain, path: Path) -> Iterator[Departure]:
    if wanted.choices:
        if str(value) not in wanted.choices:
            meant = next((each for each in wanted.choices if isinstance(value, bool) and each in _WORDS[value]), None)
            why = "" if meant is None else f"; YAML takes {meant} for it where it has no quotes"
            yield _refused(path, f"{value!r} is not one of {', '.join(wanted.choices)}{why}")
    elif wanted.kind == "n":
        yield from _outside(float(value), wanted, path, "{} is")
    elif isinstance(value, str):
        yield from _outside(len(value), wanted, path, "{} characters are")
        if wanted.pattern is not None and wanted.pattern.search(value) is None:
            yield _refused(path, f"{value!r} does not match {wanted.pattern.pattern}")


def _outside(size: float, wanted: Plain, path: Path, text: str) -> Iterator[Departure]:
    said = text.format(f"{size:.15g}")
    if wanted.most is not None and size > wanted.most:
        yield _refused(path, f"{said} more than {wanted.most:.15g}", is_out_of_bounds=True)
    elif wanted.least is not None and size < wanted.least:
        yield _refused(path, f"{said} less than {wanted.least:.15g}", is_out_of_bounds=True)


def _refused(path: Path, text: str, *, is_out_of_bounds: bool = False) -> Departure:
    text = f"{text}: CloudFormation refuses it"
    return Departure(path=path, text=text, is_of_shape=False, is_out_of_bounds=is_out_of_bounds)


def _wrong(path: Path, expected: str, value: Any) -> Departure:
    return Departure(path=path, text=f"{expected} is expected, and there is {kind_of_value(value)}", is_of_shape=True)


def is_number(value: Any) -> bool:
    """Whether it is a number, perhaps as text; NaN and what is infinite are none."""
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def kind_of_value(value: Any) -> str:
    """How a message calls a value of a wrong kind."""
    if isinstance(value, bool):
        return "a boolean"
    names: tuple[tuple[Any, str], ...] = ((str | float, repr(value)), (list, "a list"), (dict, "a mapping"))
    return next((name for kind, name in names if isinstance(value, kind)), "a number")
