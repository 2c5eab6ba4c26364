"""Reads ``--limit`` and ``--assume`` of the command line: fields of `Limits` and `Assumptions` by name. Pure."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from streamer.errors import ConfigurationError
from streamer.topology import Throttle

from ...gateway.rules.assumptions import Assumptions
from ...gateway.rules.limits import ACCOUNT_THROTTLE, CONNECTION_THROTTLE, Limits

AWS: Final = "aws"
"""Stands for AWS's own value of a throttle that is off unless asked for."""
NULL: Final = "null"
_AWS_THROTTLES: Final = {"account": ACCOUNT_THROTTLE, "connections": CONNECTION_THROTTLE}
_BOOLEANS: Final = {"true": True, "false": False}

_Settings = TypeVar("_Settings", Limits, Assumptions)


def limited(limits: Limits, pairs: Iterable[str]) -> Limits:
    """Limits with these ``NAME=VALUE`` changed.

    Raises:
        ConfigurationError: there is no such limit, or the value is none.
    """
    return _changed("--limit", limits, pairs, _limit)


def assumed(assumptions: Assumptions, pairs: Iterable[str]) -> Assumptions:
    """Assumptions with these ``NAME=VALUE`` changed.

    Raises:
        ConfigurationError: there is no such assumption, or the value is none.
    """
    return _changed("--assume", assumptions, pairs, _assumption)


def _changed(option: str, settings: _Settings, pairs: Iterable[str], read: Callable[[str, Any, str], Any]) -> _Settings:
    names = [field.name for field in dataclasses.fields(settings)]
    changes = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or name not in names:
            raise ConfigurationError(f"{option} {pair}: write NAME=VALUE with one of {', '.join(names)}")
        try:
            changes[name] = read(name, getattr(settings, name), text)
        except ValueError as error:
            raise ConfigurationError(f"{option} {pair}: {error}") from error
    return dataclasses.replace(settings, **changes)


def _limit(name: str, default: Any, text: str) -> Any:
    if isinstance(default, int | float):
        kind = "whole number" if isinstance(default, int) else "number"
        try:
            number = type(default)(text)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            raise ValueError(f"must be a {kind} above 0")
        return number
    if text == AWS and name in _AWS_THROTTLES:
        return _AWS_THROTTLES[name]
    rate, _, burst = text.partition(":")
    try:
        throttle = Throttle(rate=float(rate), burst=int(burst))
    except ValueError:
        aws = f", or {AWS}" if name in _AWS_THROTTLES else ""
        raise ValueError(f"write RATE:BURST, such as 100:50{aws}") from None
    if not (0 <= throttle.rate < float("inf") and throttle.burst >= 0):
        raise ValueError("a rate and a burst are 0 or more")
    return throttle


def _assumption(name: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        if text not in _BOOLEANS:
            raise ValueError("must be true or false")
        return _BOOLEANS[text]
    if isinstance(default, enum.Enum):
        kinds = [each.value for each in type(default)]
        if text not in kinds:
            raise ValueError(f"must be {' or '.join(kinds)}")
        return type(default)(text)
    return None if text == NULL and name == "empty_message_body" else text
