"""CORS of HTTP APIs and function URLs."""

from __future__ import annotations

import pytest

from emulator.gateway.http_apis.cors import is_preflight, preflight, with_cors
from streamer.topology.http_apis import Cors

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (("*",), SHOP, "*"),
        ((SHOP,), SHOP, SHOP),
        ((SHOP,), "https://other.example", None),
        (("https://*",), SHOP, SHOP),
        (("https://*",), "http://shop.example", None),
        ((), SHOP, None),
    ],
)
def test_an_origin_is_allowed_by_its_name_its_scheme_or_with_all(
    origins: tuple[str, ...], origin: str, allowed: str | None
) -> None:
    found = dict(preflight(Cors(origins=origins), origin))

    assert found.get("access-control-allow-origin") == allowed


def test_a_preflight_is_told_what_is_allowed() -> None:
    cors = Cors(origins=(SHOP,), methods=("GET", "POST"), headers=("x-a", "x-b"), max_age_seconds=60, credentials=True)

    assert preflight(cors, SHOP) == (
        ("access-control-allow-origin", SHOP),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "x-a,x-b"),
        ("access-control-max-age", "60"),
        ("access-control-allow-credentials", "true"),
    )
    assert preflight(cors, "https://other.example") == ()


def test_what_a_function_says_of_cors_is_dropped_where_the_api_has_its_own() -> None:
    cors = Cors(origins=(SHOP,), exposed=("x-total",))
    own = (("x-total", "3"), ("Access-Control-Allow-Origin", "*"))

    assert with_cors(cors, SHOP, own) == (
        ("x-total", "3"),
        ("access-control-allow-origin", SHOP),
        ("access-control-expose-headers", "x-total"),
    )
    assert with_cors(cors, "https://other.example", own) == with_cors(cors, None, own) == (("x-total", "3"),)


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("OPTIONS", {"origin": SHOP, "access-control-request-method": "POST"}, True),
        ("OPTIONS", {"origin": SHOP}, False),
        ("POST", {"origin": SHOP, "access-control-request-method": "POST"}, False),
    ],
)
def test_a_preflight_is_known_by_what_it_asks(method: str, fields: dict[str, str], expected: bool) -> None:
    assert is_preflight(method, fields) is expected
