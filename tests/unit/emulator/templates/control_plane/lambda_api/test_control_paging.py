"""Parts of lists by Lambda's markers."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.control_plane.lambda_api.paging import page
from emulator.templates.control_plane.query import ApiError

ITEMS = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        pytest.param({}, {"Of": ITEMS}, id="all"),
        pytest.param({"MaxItems": "2"}, {"Of": ["a", "b"], "NextMarker": "2"}, id="the first"),
        pytest.param({"MaxItems": "2", "Marker": "2"}, {"Of": ["c"]}, id="the last"),
        pytest.param({"MaxItems": "3"}, {"Of": ITEMS}, id="exactly all"),
        pytest.param({"MaxItems": "10000"}, {"Of": ITEMS}, id="the most"),
        pytest.param({"Marker": "9"}, {"Of": []}, id="beyond"),
    ],
)
def test_a_part_is_told_with_what_asks_for_the_next(query: dict[str, str], told: dict[str, Any]) -> None:
    assert page("Of", ITEMS, query) == told


def test_no_part_has_more_than_lambda_tells_at_once() -> None:
    assert page("Of", ITEMS, {"MaxItems": "3"}, most=2) == {"Of": ["a", "b"], "NextMarker": "2"}


@pytest.mark.parametrize(
    ("query", "code", "end"),
    [
        ({"MaxItems": "0"}, "ValidationException", "greater than or equal to 1"),
        ({"MaxItems": "10001"}, "ValidationException", "less than or equal to 10000"),
        ({"Marker": "x"}, "InvalidParameterValueException", "Invalid marker: x"),
    ],
    ids=["none", "too many", "no marker"],
)
def test_a_part_that_cannot_be_is_refused(query: dict[str, str], code: str, end: str) -> None:
    with pytest.raises(ApiError) as refused:
        page("Of", ITEMS, query)
    assert (refused.value.code, str(refused.value)[-len(end) :]) == (code, end)
