"""Where the workflow of a new service gets streamer from: where this one is from."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.command.init import installing

VENDORED = '"$(echo vendor/streamer_ws-*.whl)[pytest]"'


@pytest.mark.parametrize(
    ("direct_url", "wanted"),
    [
        pytest.param(None, '"streamer-ws[pytest]==1.2.3"', id="an index"),
        pytest.param(
            {"url": "https://git.example/s.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            '"streamer-ws[pytest] @ git+https://git.example/s.git@abc"',
            id="a commit",
        ),
        pytest.param(
            {"url": "https://example.com/streamer_ws-1.2.3-py3-none-any.whl", "archive_info": {}},
            '"streamer-ws[pytest] @ https://example.com/streamer_ws-1.2.3-py3-none-any.whl"',
            id="a wheel elsewhere",
        ),
        pytest.param(
            {"url": "file:///home/ada/streamer", "dir_info": {}},
            '"$(echo vendor/streamer_ws-*.whl)[pytest]"',
            id="a folder",
        ),
    ],
)
def test_a_workflow_installs_streamer_from_where_this_one_is(direct_url: dict[str, Any] | None, wanted: str) -> None:
    assert installing("1.2.3", direct_url).startswith(f"pip install {wanted} ")
