"""Parts of lists as Lambda's API gives them. Pure. [DOC] lambda-api:ListFunctions, ``Marker`` and ``MaxItems``"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..query import ApiError
from .constraints import violated

PAGE: Final = 50
"""How many are told at most, whatever is asked for."""


def page(name: str, items: Sequence[Any], query: Mapping[str, str], most: int = PAGE) -> dict[str, Any]:
    """The items of a part under the list's name, and what asks for the next one; raises ApiError.

    A marker is opaque on AWS; here it says how many come before.
    """
    size, marker = query.get("MaxItems", str(most)), query.get("Marker", "0")
    if not (size.isascii() and size.isdigit() and 1 <= int(size) <= 10_000):
        is_low = size in ("", "0") or size.startswith("-")
        must = "greater than or equal to 1" if is_low else "less than or equal to 10000"
        raise violated("maxItems", size, f"have value {must}")
    if not (marker.isascii() and marker.isdigit()):
        raise ApiError("InvalidParameterValueException", f"Invalid marker: {marker}")
    begin, end = int(marker), int(marker) + min(int(size), most)
    return {name: list(items[begin:end]), **({"NextMarker": str(end)} if end < len(items) else {})}
