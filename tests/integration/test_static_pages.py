"""Pages beside the API: which files they are, who gets them, and who gets a token."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest

from emulator.port.http import HttpRequest, HttpResponse
from emulator.port.static import TOKEN_PATH, Pages
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer import App

HOST = "127.0.0.1:8787"
NOT_FOUND = HttpResponse(418)


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    web = tmp_path / "web"
    (web / "sub").mkdir(parents=True)
    (web / "index.html").write_text("home")
    (web / "sub" / "index.html").write_text("sub")
    (web / "a b.js").write_text("code")
    (web / "data.bin").write_text("data")
    (web / ".env").write_text("secret")
    (tmp_path / "app.py").write_text("secret")
    (web / "out.py").symlink_to(tmp_path / "app.py")
    (web / "shown.txt").symlink_to(web / ".env")
    return Pages(folder=web, token=lambda: "t.o.k")


def asked(path: str, method: str = "GET", **fields: str) -> HttpRequest:
    given = {"host": HOST, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return HttpRequest(method, path, tuple(given.items()), b"", "127.0.0.1", given)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        pytest.param("/", b"home", "text/html; charset=utf-8", id="the index"),
        pytest.param("/sub", b"sub", "text/html; charset=utf-8", id="that of a folder"),
        pytest.param("/sub/?x=1", b"sub", "text/html; charset=utf-8", id="with a query"),
        pytest.param("/a%20b.js", b"code", "text/javascript; charset=utf-8", id="an escaped name"),
        pytest.param("/data.bin", b"data", "application/octet-stream", id="an unknown kind"),
    ],
)
async def test_a_path_is_a_file(pages: Pages, path: str, body: bytes, kind: str) -> None:
    answer = await pages.file(asked(path), HOST, lambda _: NOT_FOUND)

    assert (answer.status, answer.body) == (200, body)
    assert dict(answer.headers)["content-type"] == kind
    assert dict(answer.headers)["x-content-type-options"] == "nosniff"


async def test_the_javascript_client_is_there_too(pages: Pages) -> None:
    answer = await pages.file(asked("/streamer-ws/index.js"), HOST, lambda _: NOT_FOUND)

    assert b"StreamerClient" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing.html", "/.env", "/sub/../.env", "/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/x%5c..%5capp.py"),
        *("/out.py", "/shown.txt", "/a%00b", "//etc/passwd", "/%2fetc/passwd", "/c:/x", "/streamer-ws/../package.json"),
        *("/streamer-ws/%2e%2e/package.json", "/" + "x" * 5000),
    ],
)
async def test_nothing_else_is_served(pages: Pages, path: str) -> None:
    assert await pages.file(asked(path), HOST, lambda _: NOT_FOUND) == NOT_FOUND


OWN = {"origin": f"http://{HOST}", "sec_fetch_site": "same-origin"}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param(OWN, 200, id="a page of ours"),
        pytest.param({}, 200, id="no browser"),
        pytest.param({"origin": "http://evil.example", "sec_fetch_site": "cross-site"}, 403, id="a foreign page"),
        pytest.param({"origin": "http://127.0.0.1:9999", "sec_fetch_site": "same-site"}, 403, id="another port"),
        pytest.param({"sec_fetch_site": "same-site"}, 403, id="another port without an origin"),
        pytest.param({"origin": "null"}, 403, id="a sandboxed page"),
        pytest.param({**OWN, "host": "rebound.example"}, 403, id="a rebound name"),
        pytest.param(
            {"host": "rebound.example", "origin": "http://rebound.example", "sec_fetch_site": "same-origin"},
            403,
            id="a rebound name that calls itself so",
        ),
    ],
)
async def test_a_token_is_for_pages_of_our_own_origin(pages: Pages, fields: dict[str, str], status: int) -> None:
    answer = pages.token_answer(asked(TOKEN_PATH, "POST", **fields), HOST)

    assert answer.status == status
    assert (b"t.o.k" in answer.body) is (status == 200)
    assert not [name for name, _ in answer.headers if name.startswith("access-control")]
    if status != 200:
        assert (await pages.file(asked("/", **fields), HOST, lambda _: NOT_FOUND)).status == 403


async def test_a_link_of_another_page_may_lead_here(pages: Pages) -> None:
    visit = asked("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate")

    assert (await pages.file(visit, HOST, lambda _: NOT_FOUND)).status == 200


def test_without_a_key_there_is_no_token_and_it_says_so(tmp_path: Path) -> None:
    answer = Pages(folder=tmp_path, token=None).token_answer(asked(TOKEN_PATH, "POST", **OWN), HOST)

    assert answer.status == 409
    assert b"does not have" in answer.body


def test_no_token_is_in_what_is_logged_of_it(pages: Pages) -> None:
    assert "token=" not in repr(pages)


def test_a_file_that_is_not_there_is_not_found_while_the_stage_answers_as_on_aws(pages: Pages, tmp_path: Path) -> None:
    topology = App().topology(target="streamer.demo:app", environment={"JWT_SECRET": "s" * 32})
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path / "state", isolation="inline", pages=pages)
    with EmulatorThread(topology, config) as emulator:
        asking = HTTPConnection("127.0.0.1", int(emulator.websocket_url.rsplit(":", 1)[1].split("/")[0]), timeout=60)
        found = {}
        for method, path in (("GET", "/"), ("GET", "/favicon.ico"), ("GET", "/dev"), ("POST", "/favicon.ico")):
            asking.request(method, path)
            answer = asking.getresponse()
            found[method, path] = answer.status
            answer.read()
        asking.close()

    assert list(found.values()) == [200, 404, 426, 403]
