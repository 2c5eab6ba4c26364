"""The JavaScript client in Node.js, against ``streamer emulate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from javascript_tools import install, run_tests
from running_command import Emulate

pytestmark = pytest.mark.needs_node


def environment(demo: Emulate) -> dict[str, str]:
    return {"STREAMER_URL": demo.url, "STREAMER_TOKEN": demo.token("--permission", "topics:publish")}


def test_it_talks_to_a_service_over_the_websocket_of_node(demo: Emulate) -> None:
    assert "# skipped 0" in run_tests("emulator.test.js", environment=environment(demo))


def test_it_sends_larger_messages_over_the_websocket_of_ws(demo: Emulate, tmp_path: Path) -> None:
    folder = install(tmp_path, "ws@8")
    ws = str(folder / "node_modules" / "ws" / "wrapper.mjs")

    assert "# fail 0" in run_tests("emulator.test.js", environment={**environment(demo), "STREAMER_WS": ws})
