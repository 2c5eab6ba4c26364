"""How many open files the emulator asks the system for."""

from __future__ import annotations

import pytest

from emulator.command.emulate.open_files import MOST_FILES, file_limits

UNLIMITED = -1


@pytest.mark.parametrize(
    ("soft", "hard", "first"),
    [
        pytest.param(1024, 4096, 4096, id="up to the hard limit"),
        pytest.param(256, UNLIMITED, MOST_FILES, id="macOS says unlimited, and then refuses what is too much"),
    ],
)
def test_the_highest_limit_is_tried_first_and_each_next_is_half_of_it(soft: int, hard: int, first: int) -> None:
    limits = file_limits(soft, hard, unlimited=UNLIMITED)

    assert limits[0] == first
    assert limits == [first >> halvings for halvings in range(len(limits))]
    assert limits[-1] > soft >= limits[-1] >> 1


@pytest.mark.parametrize(("soft", "hard"), [(4096, 4096), (UNLIMITED, UNLIMITED)])
def test_a_limit_that_cannot_rise_is_left_alone(soft: int, hard: int) -> None:
    assert file_limits(soft, hard, unlimited=UNLIMITED) == []
