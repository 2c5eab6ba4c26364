"""A part of the long fuzz of `benchmarks/dynamodb_fuzz.py`: malformed requests over all operations, seeded."""

from __future__ import annotations

import pytest

from benchmarks.dynamodb_fuzz import run


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_no_request_is_a_500_or_damages_a_table(seed: int) -> None:
    answers = run(2_000, seed)

    assert answers["200"] > 100
    assert answers["400 ValidationException"] > 100
    assert answers["400 TransactionCanceledException"] > 0
