"""What a platform offers is used only where what it needs is there, too."""

from __future__ import annotations

import dataclasses

import pytest

from emulator.functions.processes.means import Means

ALL = Means(
    forks=True,
    death_signal=True,
    freezes=True,
    subreaper=True,
    process_descriptors=True,
    waits_by_id=True,
    process_files=True,
)


@pytest.mark.parametrize(
    ("taken", "gone"),
    [
        ("death_signal", {"death_signal", "freezes", "subreaper", "forks"}),
        ("subreaper", {"subreaper", "forks"}),
        ("freezes", {"freezes"}),
        ("forks", {"forks"}),
        ("process_files", {"process_files"}),
    ],
)
def test_what_needs_a_means_goes_with_it(taken: str, gone: set[str]) -> None:
    left = dataclasses.replace(ALL, **{taken: False})

    assert {name for name, is_there in dataclasses.asdict(ALL).items() if is_there} == gone | {
        name for name, is_there in dataclasses.asdict(left).items() if is_there
    }
