"""Targets of requests."""

from __future__ import annotations

import pytest

from emulator.port.targets import in_origin_form


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://api.example/a/b?c=d", "api.example", "/a/b?c=d"),
        ("http://api.example:8787/", "api.example:8787", "/"),
        ("https://api.example", "api.example", "/"),
        ("http://api.example?c=/d", "api.example", "/?c=/d"),
    ],
)
def test_a_whole_address_is_a_path_of_its_host(target: str, host: str, path: str) -> None:
    headers = [("Host", "other"), ("X-A", "1")]

    found = in_origin_form(target, headers, {"host": "other", "x-a": "1"})

    assert found == (path, [("Host", host), ("X-A", "1")], {"host": host, "x-a": "1"})
