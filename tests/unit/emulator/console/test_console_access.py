from __future__ import annotations

import pytest

from emulator.console.access import API, BODY_BYTES, PREFIX, headers, is_for_console, refused
from emulator.port.http import HttpRequest

ADDRESS = "127.0.0.1:8787"
TOKEN = "t" * 43
OWN = {"host": ADDRESS, "authorization": f"Bearer {TOKEN}"}
JSON = {"content-type": "application/json"}


def request(fields: dict[str, str], *, method: str = "GET", path: str = f"{API}info", body: bytes = b"") -> HttpRequest:
    return HttpRequest(method, path, tuple(fields.items()), body, "127.0.0.1", fields)


def status(asked: HttpRequest, *allowed: str) -> int | None:
    found = refused(asked, address=ADDRESS, token=TOKEN, allowed=allowed)
    return None if found is None else found.status


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(OWN, None, id="the token, our name"),
        pytest.param({**OWN, "host": "localhost:8787"}, None, id="localhost"),
        pytest.param({"host": ADDRESS}, 401, id="no token"),
        pytest.param({**OWN, "authorization": "Bearer x"}, 401, id="another token"),
        pytest.param({**OWN, "authorization": TOKEN}, 401, id="no scheme"),
        pytest.param({**OWN, "authorization": f"Basic {TOKEN}"}, 401, id="another scheme"),
        pytest.param({**OWN, "authorization": "Bearer \u00e9"}, 401, id="a token that is not ASCII"),
        pytest.param({"host": ADDRESS, "cookie": f"token={TOKEN}"}, 401, id="the token in a cookie"),
        pytest.param({**OWN, "host": "rebound.example:8787"}, 403, id="a name that was rebound"),
        pytest.param({**OWN, "host": ""}, 403, id="no name"),
        pytest.param({**OWN, "origin": "http://evil.example"}, 403, id="another origin"),
        pytest.param({**OWN, "origin": "http://127.0.0.1:9999"}, 403, id="another port of this machine"),
        pytest.param({**OWN, "origin": "null"}, 403, id="an origin without a name"),
        pytest.param({**OWN, "origin": f"http://{ADDRESS}"}, None, id="our own origin"),
        pytest.param({**OWN, "sec-fetch-site": "same-origin"}, None, id="the page itself"),
        pytest.param({**OWN, "sec-fetch-site": "none"}, None, id="typed by the user"),
        pytest.param({**OWN, "sec-fetch-site": "cross-site"}, 403, id="another site"),
        pytest.param({**OWN, "sec-fetch-site": "same-site"}, 403, id="another port of this site"),
    ],
)
def test_who_may_call_the_api(fields: dict[str, str], expected: int | None) -> None:
    assert status(request(fields)) == expected


@pytest.mark.parametrize(
    ("method", "fields", "body", "expected"),
    [
        pytest.param("POST", {**OWN, **JSON}, b"{}", None, id="JSON"),
        pytest.param("POST", {**OWN, "content-type": "application/json; charset=utf-8"}, b"{}", None, id="its charset"),
        pytest.param("POST", {**OWN, "content-type": "text/plain"}, b"{}", 415, id="what forms can send"),
        pytest.param("POST", OWN, b"{}", 415, id="no content type"),
        pytest.param("POST", {**OWN, **JSON}, b" " * (16 * 1024 * 1024), None, id="items of DynamoDB"),
        pytest.param("POST", {**OWN, **JSON}, b" " * (BODY_BYTES + 1), 413, id="too much"),
        pytest.param("POST", JSON | {"host": ADDRESS}, b"{}", 401, id="no token"),
        pytest.param("OPTIONS", OWN, b"", 403, id="preflight"),
        pytest.param("PUT", OWN, b"", 405, id="PUT"),
        pytest.param("DELETE", OWN, b"", 405, id="DELETE"),
        pytest.param("HEAD", OWN, b"", None, id="HEAD"),
    ],
)
def test_what_a_call_has_to_look_like(method: str, fields: dict[str, str], body: bytes, expected: int | None) -> None:
    assert status(request(fields, method=method, body=body)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, None, id="without a token"),
        pytest.param({"host": "rebound.example"}, 403, id="under a foreign name"),
        pytest.param({"sec-fetch-site": "cross-site"}, 403, id="as a script of another site"),
        pytest.param(
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
            None,
            id="by a link",
        ),
        pytest.param(
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
            403,
            id="in a frame of another site",
        ),
    ],
)
def test_who_may_have_the_pages_files(fields: dict[str, str], expected: int | None) -> None:
    assert status(request({"host": ADDRESS} | fields, path=f"{PREFIX}/app.css")) == expected


def test_a_followed_link_does_not_reach_the_api() -> None:
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    assert status(request(OWN | followed)) == 403


def test_another_name_may_be_allowed() -> None:
    fields = {**OWN, "host": "box.example.dev"}

    assert status(request(fields)) == 403
    assert status(request(fields), "box.example.dev") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/_streamer", True),
        ("/_streamer/", True),
        ("/_streamer/api/info", True),
        ("/_streamer2", False),
        ("/dev", False),
        ("/%5Fstreamer/api/info", False),
    ],
)
def test_what_is_for_the_console(path: str, expected: bool) -> None:
    assert is_for_console(request({}, path=path)) is expected


def test_every_answer_forbids_what_the_page_does_not_need() -> None:
    found = dict(headers(["ws://127.0.0.1:8787"]))

    assert "default-src 'none'" in found["content-security-policy"]
    assert "connect-src 'self' ws://127.0.0.1:8787;" in found["content-security-policy"]
    assert "unsafe" not in found["content-security-policy"]
    assert "require-trusted-types-for 'script'" in found["content-security-policy"]
    assert not [name for name in found if name.startswith("access-control")]
