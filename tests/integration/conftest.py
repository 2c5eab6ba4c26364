"""What emulators in the process of the tests start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forked_command import are_forked

SERVICES_STARTED = ("test_services_process",)
"""Files of tests that want the services as users have them."""
TEMPLATES_STARTED = (
    "test_functions_",
    "test_other_users",
    "test_runtime_api_",
    "test_emulate_early",
    "test_cold_start",
)
"""The same of what environments are forked from: how names of such files begin."""


@pytest.fixture(autouse=True, scope="module")
def _forked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork them from processes that have imported what they import, which takes nine tenths of their start."""
    name = request.module.__name__
    with are_forked(
        *(() if name in SERVICES_STARTED else ("services",)),
        *(() if name.startswith(TEMPLATES_STARTED) else ("template",)),
    ):
        yield
