"""What clients of an emulator are told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from streamer.stores.local_clients import proxies


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", {}),
        ("http://localhost:8000/", {}),
        ("https://[::1]:8000", {}),
        ("http://dynamodb.corp.example:8000", None),
        ("http://127.0.0.1.example", None),
    ],
)
def test_no_proxy_leads_to_this_machine(url: str, expected: Mapping[str, str] | None) -> None:
    assert proxies(url) == expected
