from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from running_command import Emulate


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    """``streamer emulate`` in an empty folder: the demo app, for tests that leave it as it was.

    Its Python starts as that of users, so what is true of it holds of a command that imports for itself.
    """
    with Emulate(folder=tmp_path_factory.mktemp("demo"), is_forked=False) as emulator:
        yield emulator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """Chromium; every test opens pages of its own in it."""
    from console_pages import chromium

    async with chromium() as started:
        yield started
