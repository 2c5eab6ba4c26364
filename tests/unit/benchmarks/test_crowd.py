"""How very many connections are shared among processes of clients."""

from __future__ import annotations

import pytest

from benchmarks.crowd import OWN_FILES, PORTS, Share, shares


@pytest.mark.parametrize(
    ("wanted", "files", "counts"),
    [
        pytest.param(300, 20_000, [300], id="few"),
        pytest.param(25_000, 1_000_000, [PORTS, PORTS, 5_000], id="as many as an address has ports"),
        pytest.param(50_000, 20_000, [PORTS, 10_000 - OWN_FILES], id="as many as the emulator may have files"),
    ],
)
def test_every_process_has_an_address_and_users_of_its_own(wanted: int, files: int, counts: list[int]) -> None:
    found = shares(wanted, files)

    assert [share.count for share in found] == counts
    assert len({share.source for share in found}) == len(found)
    assert [share.first for share in found] == [sum(counts[:number]) for number in range(len(counts))]


def test_a_share_is_one_process() -> None:
    assert shares(2, 1_000) == [Share("127.0.0.2", 0, 2)]
