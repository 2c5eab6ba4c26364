"""Numbers as DynamoDB keeps them: 38 significant digits, one way to write each. Pure.

[DOC] ddb-docs:HowItWorks.NamingRulesDataTypes
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any, Final

from ..foundation.json_bytes import token_name
from .errors import ApiError, serialization_error, validation_error

DIGITS: Final = 38
"""Significant digits of a number. [DOC]"""
LARGEST_EXPONENT: Final = 125
"""Of the first digit: the largest number is 9.99...E+125. [DOC]"""
SMALLEST_EXPONENT: Final = -130
"""Of the first digit: the smallest positive number is 1E-130. [DOC]"""

_EXACT: Final = Context(prec=400)
"""Holds the exact sum of any two numbers: their digits span at most 256 + 38 places."""
_LARGEST_LONG: Final = 2**63 - 1
"""A larger exponent is no number to AWS. [USR] dynamodb-conformance"""
_LONG_DIGITS: Final = 19
_PLAIN: Final = re.compile(r"-?[1-9][0-9]{0,37}|0")
_NUMBER: Final = re.compile(r"([+-]?)0*([0-9]*)\.?([0-9]*)(?:[eE]([+-]?)0*([0-9]*))?")
_WELL_FORMED: Final = re.compile(r"[+-]?([0-9]++(\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?")


def normal_number(text: Any) -> str:
    """The one way DynamoDB writes this number: no exponent, no leading or trailing zeros.

    Raises:
        ApiError: it is no number, or too large, too small or too precise.
    """
    if not isinstance(text, str):
        raise serialization_error(f"{token_name(text)} cannot be converted to String")
    if _PLAIN.fullmatch(text):
        return text
    if not text:
        raise validation_error("The parameter cannot be converted to a numeric value")
    match = _NUMBER.fullmatch(text) if _WELL_FORMED.fullmatch(text) else None
    if match is None:
        raise validation_error(f"The parameter cannot be converted to a numeric value: {text}")
    sign, whole, fraction, exponent_sign, exponent = match.groups()
    power = int(exponent[:_LONG_DIGITS] or "0") if exponent else 0
    if power > _LARGEST_LONG or (exponent and len(exponent) > _LONG_DIGITS):
        raise validation_error(f"The parameter cannot be converted to a numeric value: {text}")
    power = (-power if exponent_sign == "-" else power) - len(fraction)
    if not (whole + fraction).strip("0"):
        # [USR] dynamodb-conformance, scylladb test_number: zero has an exponent, too; 0e126 is refused, 0.0e126 is not
        _check_magnitude(power)
    return _normal(sign == "-", whole + fraction, power)


def _normal(is_negative: bool, digits: str, power: int) -> str:
    """The number ``digits`` times ten to the ``power``."""
    digits = digits.lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return "0"
    power += len(digits) - len(kept)
    magnitude = power + len(kept) - 1
    _check_magnitude(magnitude)
    if len(kept) > DIGITS:
        raise validation_error("Attempting to store more than 38 significant digits in a Number")
    if power >= 0:
        plain = kept + "0" * power
    elif magnitude >= 0:
        plain = f"{kept[: magnitude + 1]}.{kept[magnitude + 1 :]}"
    else:
        plain = f"0.{'0' * (-magnitude - 1)}{kept}"
    return f"-{plain}" if is_negative else plain


def _check_magnitude(magnitude: int) -> None:
    if magnitude > LARGEST_EXPONENT:
        raise _overflow()
    if magnitude < SMALLEST_EXPONENT:
        raise validation_error(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )


def _overflow() -> ApiError:
    return validation_error("Number overflow. Attempting to store a number with magnitude larger than supported range")


def add_numbers(left: str, right: str, *, subtract: bool = False) -> str:
    """Sum or difference of two numbers in their normal form.

    Raises:
        ApiError: it is out of range, or needs more than 38 digits: DynamoDB does not round. [USR] scylladb test_number
    """
    a, b = Decimal(left), Decimal(right)
    result = _EXACT.subtract(a, b) if subtract else _EXACT.add(a, b)
    is_negative, digits, exponent = result.as_tuple()
    plain = "".join(map(str, digits)).rstrip("0")
    if len(plain) > DIGITS:
        raise _overflow()  # AWS's words for it, though no magnitude is too large
    return _normal(bool(is_negative), plain, int(exponent) + len(digits) - len(plain))
