"""Which API of a port a request is for, by its host or by its path."""

from __future__ import annotations

import pytest

from emulator.port.api_paths import addressed
from emulator.port.http import HttpRequest

IDS = {"abcdefghij"}


def request(target: str, host: str = "127.0.0.1:8787") -> HttpRequest:
    return HttpRequest("GET", target, (("Host", host),), b"", "127.0.0.1", {"host": host})


@pytest.mark.parametrize(
    ("target", "found"),
    [
        pytest.param("/abcdefghij/prod?a=b", "/prod?a=b", id="a stage"),
        pytest.param("/abcdefghij/", "/", id="its root"),
        pytest.param("/abcdefghij", "/", id="without a slash"),
        pytest.param("/abcdefghij?a=b/c", "/?a=b/c", id="a query alone"),
        pytest.param("/abcdefghij/prod/%40connections/x", "/prod/%40connections/x", id="still encoded"),
    ],
)
def test_a_path_begins_with_an_id(target: str, found: str) -> None:
    api_id, own = addressed(request(target), IDS)

    assert (api_id, own.target) == ("abcdefghij", found)
    assert own.fields["host"] == "abcdefghij.execute-api.localhost:8787"
    assert own.headers == (("Host", "abcdefghij.execute-api.localhost:8787"),)


@pytest.mark.parametrize(
    "host", ["abcdefghij.execute-api.localhost:8787", "abcdefghij.execute-api.eu-west-1.amazonaws.com"]
)
def test_a_host_names_an_id(host: str) -> None:
    asked = request("/prod", host)

    assert addressed(asked, IDS) == ("abcdefghij", asked)


@pytest.mark.parametrize("target", ["/", "", "/prod", "/prod/abcdefghij", "/abcdefghijk/prod"])
def test_other_paths_name_none(target: str) -> None:
    asked = request(target)

    assert addressed(asked, IDS) == (None, asked)
