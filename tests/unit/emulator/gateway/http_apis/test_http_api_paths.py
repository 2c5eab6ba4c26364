"""Which route of an API takes a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.gateway.http_apis.paths import Paths
from streamer.topology.http_apis import HttpApi, HttpKind, HttpRoute

ROUTES = ("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default", "GET /")
"""The example of AWS's page, and the root. [DOC] apigw-docs:http-api-develop-routes"""


def api(*keys: str, kind: HttpKind = HttpKind.HTTP, stage: str = "$default") -> HttpApi:
    routes = []
    for key in keys:
        method, _, path = key.rpartition(" ")
        routes.append(HttpRoute(path=path, method=method or "ANY", function="answer"))
    return HttpApi(name="Web", kind=kind, api_id="abcdefghij", routes=tuple(routes), stage=stage)


def taken(of: HttpApi, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    found = Paths(of).find(method, path)
    return None if found is None else (found.route.key, dict(found.parameters))


@pytest.mark.parametrize(
    ("request_line", "route", "parameters"),
    [
        ("GET /pets/dog/1", "GET /pets/dog/1", {}),
        ("GET /pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET /pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST /test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("POST /pets/dog/1", "ANY /{proxy+}", {"proxy": "pets/dog/1"}),
        ("GET /", "GET /", {}),
        ("POST /", "ANY /{proxy+}", {"proxy": ""}),
        ("GET /pets/dog/a%20b", "GET /pets/dog/{id}", {"id": "a b"}),
        ("GET /pets/dog/", "GET /pets/dog/{id}", {"id": ""}),
        ("GET /pets/", "GET /pets/{proxy+}", {"proxy": ""}),
        ("GET /pets//1", "GET /pets/{proxy+}", {"proxy": "/1"}),
    ],
)
def test_an_http_api_takes_the_most_specific_route(request_line: str, route: str, parameters: dict[str, str]) -> None:
    method, path = request_line.split()

    assert taken(api(*ROUTES), method, path) == (route, parameters)


@pytest.mark.parametrize(
    ("request_line", "route"),
    [
        pytest.param("GET /items/1", ("GET /items/{id}", {"id": "1"}), id="the resource has the method"),
        pytest.param("POST /items/1", None, id="a resource without the method is not passed over for a greedy one"),
        pytest.param("POST /other", ("ANY /{proxy+}", {"proxy": "other"}), id="greedy"),
        pytest.param("GET /items/a%20b", ("GET /items/{id}", {"id": "a%20b"}), id="variables stay encoded"),
        pytest.param("GET /items/1/", ("GET /items/{id}", {"id": "1"}), id="a slash at the end"),
        pytest.param("GET /", None, id="greedy needs a segment"),
    ],
)
def test_a_rest_api_finds_the_resource_and_then_the_method(
    request_line: str, route: tuple[str, dict[str, str]] | None
) -> None:
    method, path = request_line.split()

    assert taken(api("GET /items/{id}", "ANY /{proxy+}", kind=HttpKind.REST), method, path) == route


def test_without_a_route_there_is_no_match() -> None:
    assert taken(api("GET /a"), "GET", "/b") is None
    assert taken(api("GET /a"), "POST", "/a") is None


@pytest.mark.parametrize(
    ("stage", "path", "below"),
    [
        ("$default", "/a/b", "/a/b"),
        ("$default", "", "/"),
        ("Prod", "/Prod/a", "/a"),
        ("Prod", "/Prod", "/"),
        ("Prod", "/Prod/", "/"),
        ("Prod", "/Production/a", None),
        ("Prod", "/a", None),
    ],
)
def test_paths_begin_with_the_stage_unless_it_is_the_default_one(stage: str, path: str, below: str | None) -> None:
    assert Paths(api("GET /a", stage=stage)).below_stage(path) == below


@pytest.mark.parametrize(
    ("kind", "path", "below"),
    [
        (HttpKind.REST, "/Prod//a//b/", "/a//b/"),
        (HttpKind.REST, "/Prod//", "/"),
        (HttpKind.HTTP, "/Prod//a", "//a"),
    ],
)
def test_behind_the_stage_a_rest_api_takes_several_slashes_for_one(kind: HttpKind, path: str, below: str) -> None:
    assert Paths(api("GET /a", kind=kind, stage="Prod")).below_stage(path) == below


@given(st.lists(st.text("abcxyz0-9._~", min_size=1, max_size=8), min_size=1, max_size=6))
def test_a_greedy_variable_holds_all_that_is_left(segments: list[str]) -> None:
    assert taken(api("ANY /{proxy+}"), "PUT", "/" + "/".join(segments)) == (
        "ANY /{proxy+}",
        {"proxy": "/".join(segments)},
    )


@given(st.permutations(ROUTES), st.sampled_from(["/pets/dog/1", "/pets/dog/9", "/pets/x", "/y/z", "/"]))
def test_the_order_of_routes_does_not_matter(routes: list[str], path: str) -> None:
    assert taken(api(*routes), "GET", path) == taken(api(*ROUTES), "GET", path)


@given(st.permutations(["OPTIONS /cats", "OPTIONS /dogs", "ANY /cats", "GET /cats", "GET /dogs", "PUT /{kind}"]))
def test_the_methods_of_a_resource_may_stand_apart(routes: list[str]) -> None:
    """Serverless writes all of CORS first."""
    of = api(*routes, kind=HttpKind.REST)

    assert taken(of, "OPTIONS", "/dogs") == ("OPTIONS /dogs", {})
    assert taken(of, "GET", "/cats") == ("GET /cats", {})
    assert taken(of, "PUT", "/cats") == ("ANY /cats", {})
    assert taken(of, "PUT", "/dogs") is None
    assert taken(of, "PUT", "/cows") == ("PUT /{kind}", {"kind": "cows"})
