"""What emulators in the process of the tests start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forked_command import services_are_forked

STARTED = ("test_services_process",)
"""Files of tests that want the services as users have them."""


@pytest.fixture(autouse=True, scope="module")
def _forked_services(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork the services from a process that has imported them, which takes nine tenths of their start."""
    if request.module.__name__ in STARTED:
        yield
        return
    with services_are_forked():
        yield
