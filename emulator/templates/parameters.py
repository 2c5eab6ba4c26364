"""A template's parameters: their values, what is missing, and what CloudFormation would refuse. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from .errors import Path, Problem
from .intrinsics import MadeUp, is_true
from .resources.conformity import is_number

SSM: Final = "AWS::SSM::Parameter::Value<"
"""How types of parameters begin whose values are in the parameter store."""
_SSM: Final = re.compile(rf"{SSM}(.+)>")
LAYERS_OF_AWS: Final = ("/aws/service/powertools/", "/aws/service/aws-sdk-pandas/")
"""How names begin under which AWS's store has layers. [DOC] Powertools, aws-sdk-pandas"""
PLACEHOLDER: Final = "placeholder"
"""Value of a parameter that has none and that nothing emulated depends on."""


class Parameters(Struct, frozen=True, kw_only=True):
    """What ``Ref`` gives for each parameter."""

    values: Mapping[str, str | list[str]]
    warnings: tuple[str, ...] = ()
    unknown_stored: tuple[str, ...] = ()
    """Names in the parameter store whose values would have been needed."""
    unknown: frozenset[str] = frozenset()
    """Names of the parameters whose values nobody here knows."""


class Flaw(Struct, frozen=True, kw_only=True):
    """Why a parameter cannot have a value."""

    said: str
    """To come after the value, such as ``is no number``."""
    of_aws: str
    """As CloudFormation goes on after the parameter's name. [USR] ministack #1648, rain #625; [INF] lengths, numbers"""


def read_parameters(
    declared: Mapping[str, Any], given: Mapping[str, str], *, used: frozenset[str], stored: Mapping[str, str]
) -> Parameters:
    """The values of a template's parameters.

    Args:
        declared: The template's ``Parameters``.
        given: Values by name; names that the template does not declare are refused by `unknown_parameters`.
        used: Names on which something emulated depends; the others may go without a value.
        stored: Values of the local parameter store, by the store's names.

    Raises:
        Problem: values are missing (all of them in one line), or one is not allowed.
    """
    values: dict[str, str | list[str]] = {}
    warnings: list[str] = []
    missing: list[str] = []
    unknown_stored: list[str] = []
    unknown: set[str] = set()
    for name, declaration in declared.items():
        path = ("Parameters", name)
        text = given.get(name, _text(declaration.get("Default")))
        if text is None:
            if name in used and not is_true(declaration.get("NoEcho")):
                missing.append(name)
                continue
            warnings.append(f"parameter {name} has no value; a placeholder stands for it")
            values[name] = _placeholder(declaration["Type"])
            unknown.add(name)
            continue
        _check(path, declaration, text)
        ssm = _SSM.fullmatch(declaration["Type"])
        if ssm is None:
            values[name] = typed(declaration["Type"], text)
            continue
        if text not in stored:
            unknown.add(name)
        if text not in stored and name in used and not text.startswith(LAYERS_OF_AWS):
            advice = f"its name stands for its value: add --secret {text}=VALUE"
            warnings.append(f"parameter {name} reads {text} from the parameter store; {advice}")
            unknown_stored.append(text)
        values[name] = typed(ssm[1], stored.get(text, text))
    if missing:
        raise no_value(missing)
    return Parameters(
        values=values, warnings=tuple(warnings), unknown_stored=tuple(unknown_stored), unknown=frozenset(unknown)
    )


def without_value(declared: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Names of the parameters that have neither a value nor a default."""
    return [
        name
        for name, each in declared.items()
        if name not in given and isinstance(each, dict) and each.get("Default") is None
    ]


def no_value(names: Sequence[str]) -> Problem:
    """What to say about parameters that need a value."""
    options = " ".join(f"--parameter {name}=VALUE" for name in names)
    return Problem(("Parameters", names[0]), f"no value for {', '.join(names)}: add {options}")


def _placeholder(kind: str) -> str | list[str]:
    found = MadeUp(PLACEHOLDER)
    return [found] if isinstance(typed(kind, PLACEHOLDER), list) else found


def unknown_parameters(
    declared: Sequence[Mapping[str, Any]], given: Mapping[str, str], options: Mapping[str, str]
) -> str | None:
    """What to say about given names that no stack declares; None: all are declared.

    A name that is from an option, by ``options``, is not repeated: it may be the beginning of a secret with a ``=``.
    """
    known = sorted({name for each in declared for name in each})
    unknown = sorted(set(given) - set(known))
    if not unknown:
        return None
    names = ", ".join(known) or "none"
    if unknown[0] in options:
        return f"{options[unknown[0]]} is not NAME=VALUE with one of the names {names}"
    return f"the template has no parameter {unknown[0]}; it has {names}"


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(_text(each)) for each in value)
    return str(value)


def typed(kind: str, text: str) -> str | list[str]:
    """A parameter's value as its type has it."""
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [each.strip() for each in text.split(",")] if text else []
    return text


def _check(path: Path, declaration: Mapping[str, Any], text: str) -> None:
    flaw = flaw_of(declaration, text)
    if flaw is not None:
        # The value of a NoEcho parameter is not repeated.
        shown = "its value" if is_true(declaration.get("NoEcho")) else repr(text)
        said = declaration.get("ConstraintDescription")
        raise Problem(path, f"{shown} {flaw.said}" + (f" ({said})" if said else ""))


def flaw_of(declaration: Mapping[str, Any], text: str) -> Flaw | None:
    """Why a parameter cannot have a value; None: it can."""
    kind = declaration["Type"]
    allowed = declaration.get("AllowedValues")
    each_of = text.split(",") if kind in ("CommaDelimitedList", "List<Number>") else [text]
    if isinstance(allowed, list):
        choices = [str(_text(value)) for value in allowed]
        if any(each.strip() not in choices for each in each_of):
            return Flaw(said=f"is not one of {', '.join(choices)}", of_aws="must be one of AllowedValues")
    if kind in ("Number", "List<Number>") and not all(is_number(each) for each in each_of):
        return Flaw(said="is no number", of_aws="must be a number")
    pattern = declaration.get("AllowedPattern")
    # [DOC] cfn-docs:parameters-section-structure: of a CommaDelimitedList each value must match
    matched = [each.strip() for each in text.split(",")] if kind == "CommaDelimitedList" else [text]
    if isinstance(pattern, str) and not all(_matches(pattern, each) for each in matched):
        return Flaw(said=f"does not match {pattern}", of_aws=f"must match pattern {pattern}")
    for key, size in (("Length", float(len(text))), ("Value", float(text) if kind == "Number" else None)):
        low, high = _bound(declaration, f"Min{key}"), _bound(declaration, f"Max{key}")
        if size is not None and low is not None and size < low:
            return _outside(key, f"is too small: at least {low:g}", f"at least {low:g}", f"not less than {low:g}")
        if size is not None and high is not None and size > high:
            return _outside(key, f"is too large: at most {high:g}", f"at most {high:g}", f"not greater than {high:g}")
    return None


def _outside(key: str, said: str, length: str, number: str) -> Flaw:
    if key == "Length":
        return Flaw(said=f"{said} characters", of_aws=f"must contain {length} characters")
    return Flaw(said=f"{said} as its value", of_aws=f"must be a number {number}")


def _bound(declaration: Mapping[str, Any], key: str) -> float | None:
    value = declaration.get(key)
    return float(value) if value is not None and is_number(str(value)) else None


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:  # Java's dialect, which knows more
        return True
