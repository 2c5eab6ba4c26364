"""The clock that goes on while the machine sleeps."""

import sys
import time

import pytest

from emulator.foundation.clock import passed


def test_it_never_goes_back() -> None:
    looks = [passed() for _ in range(100)]

    assert looks == sorted(looks)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's clock")
def test_it_counts_what_the_machine_slept() -> None:
    before, now, after = time.clock_gettime(time.CLOCK_BOOTTIME), passed(), time.clock_gettime(time.CLOCK_BOOTTIME)

    assert before <= now <= after
