from __future__ import annotations

from collections.abc import Iterator

import pytest
from running_command import Emulate


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    """``streamer emulate`` in an empty folder: the demo app, for tests that leave it as it was."""
    with Emulate(folder=tmp_path_factory.mktemp("demo")) as emulator:
        yield emulator
