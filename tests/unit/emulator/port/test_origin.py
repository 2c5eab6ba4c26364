from __future__ import annotations

import pytest

from emulator.port.http import HttpRequest
from emulator.port.origin import foreign_origin, foreign_page, is_loopback

ADDRESS = "127.0.0.1:8787"


def passes(host: str | None, origin: str | None = None) -> bool:
    fields = {name: value for name, value in (("host", host), ("origin", origin)) if value is not None}
    request = HttpRequest("POST", "/", tuple(fields.items()), b"", "127.0.0.1", fields)
    return foreign_origin(request, ADDRESS) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8787",
        "localhost:8787",
        "app.localhost:8787",
        "[::1]:8787",
        "192.168.1.5:8787",
        "host.docker.internal:8787",
    ],
)
def test_addresses_and_names_that_only_lead_here_may_call(host: str) -> None:
    assert passes(host)
    assert passes(host, f"http://{host}")


@pytest.mark.parametrize(
    "host", ["evil.example:8787", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "", None]
)
def test_a_name_that_was_rebound_to_us_may_not(host: str | None) -> None:
    assert not passes(host)
    assert not passes(host, f"http://{host}")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:5173",
        "http://127.0.0.1:3000",
        "null",
        "",
        "http://[",
        "http://127.0.0.1:8787.evil.example",
        "http://evil.example@127.0.0.1:8787",
    ],
)
def test_a_page_of_another_origin_may_not(origin: str) -> None:
    assert not passes(ADDRESS, origin)


@pytest.mark.parametrize(
    ("site", "may"), [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)]
)
def test_a_picture_of_another_page_may_not_though_it_names_no_origin(site: str, may: bool) -> None:
    fields = {"host": ADDRESS, "sec-fetch-site": site}
    request = HttpRequest("GET", "/?Action=Publish", tuple(fields.items()), b"", "127.0.0.1", fields)

    assert (foreign_page(request, ADDRESS) is None) is may
    assert foreign_origin(request, ADDRESS) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_alone_reaches_the_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "devbox", ""])
def test_others_reach_other_addresses(host: str) -> None:
    assert not is_loopback(host)
