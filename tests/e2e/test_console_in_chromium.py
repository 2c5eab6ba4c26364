"""The console's page in a real browser: what a developer sees, and that pages of others get nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.console.settings import ConsoleSettings
from emulator.console.token import console_token
from emulator.emulator import EmulatorConfig
from emulator.port.http import HttpProtocol, HttpResponse
from emulator.thread import EmulatorThread, emulator_thread
from streamer.client import RequestFailedError
from streamer.project import read
from streamer.topology import Topology

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs_browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
PATIENCE_MS = 30_000
SECRET = "s" * 32
UNGUARDED = (
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    # The page may ask this machine for anything, as browsers before the permission for local networks let it.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks",
)

PROJECT = """
from streamer import App

app = App()

@app.action("greet")
def greet(request):
    return "hello " + request.payload["name"]

@app.action("slow", estimated_duration=10, max_attempts=1)
def slow(request):
    return request.payload["name"].upper()
"""

ATTACK = """async ([api, token]) => {
  const told = {};
  const attempt = async (name, url, options) => {
    try {
      const answer = await fetch(url, {signal: AbortSignal.timeout(5000), ...options});
      told[name] = `${answer.type} ${answer.status}`;
    }
    catch { told[name] = "failed"; }
  };
  const element = (name, tag, url) => new Promise(done => {
    const made = document.createElement(tag);
    made.onload = () => { told[name] = "loaded"; done(); };
    made.onerror = () => { told[name] = "failed"; done(); };
    setTimeout(() => { told[name] ??= "hangs"; done(); }, 3000);
    made.src = url;
    document.body.append(made);
  });
  const bearer = {Authorization: `Bearer ${token}`};
  await attempt("read", `${api}/api/info`, {headers: bearer});
  const headers = {...bearer, "Content-Type": "application/json"};
  await attempt("clear", `${api}/api/clear`, {method: "POST", body: "{}", headers});
  await attempt("form", `${api}/api/clear`, {method: "POST", body: new URLSearchParams({a: "b"})});
  await attempt("page", `${api}/`, {});
  await element("script", "script", `${api}/app.js`);
  await element("image", "img", `${api}/icon.svg`);
  const frame = document.createElement("iframe");
  frame.src = `${api}/`;
  const shown = new Promise(done => { frame.onload = done; setTimeout(done, 3000); });
  document.body.append(frame);
  await shown;
  try { told.frame = frame.contentDocument.querySelector("#app") ? "shown" : "refused"; }
  catch { told.frame = "failed"; }
  told.socket = await new Promise(done => {
    const socket = new WebSocket(api.replace("http", "ws") + "/api/events");
    socket.onopen = () => done("open");
    socket.onerror = () => done("failed");
  });
  return told;
}"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[EmulatorThread, str]]:
    """An emulator, and its console's address with the token."""
    from emulator.command.target import load_target

    (tmp_path / "app.py").write_text(PROJECT)
    state = tmp_path / ".streamer"
    settings = ConsoleSettings(target="app:app", is_app=True, secret=SECRET, actions=("greet", "slow"))
    config = EmulatorConfig(project_folder=tmp_path, state_folder=state, isolation="inline", console=settings)

    def topology(environment: Any) -> Topology:
        return load_target("app:app", read(tmp_path), environment=environment).topology

    with emulator_thread(topology, config, {"JWT_SECRET": SECRET}) as emulator:
        yield emulator, f"{emulator.dynamodb_url}/_streamer/#token={console_token(state)}"


@asynccontextmanager
async def page(*arguments: str, **context: Any) -> AsyncIterator[Any]:
    """A page of Chromium; errors on its console fail the test."""
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright: the dependency group browser")
    async with playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])
        opened = await (await browser.new_context(**context)).new_page()
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        await browser.close()


def traffic(emulator: EmulatorThread) -> None:
    with emulator.connect("ada", "acme") as client:
        client.request("greet", {"name": "ada"}, id="good")
        with pytest.raises(RequestFailedError):
            client.request("slow", {}, id="bad")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_failed_request_is_found_and_its_line_of_code_shown(
    served: tuple[EmulatorThread, str], scheme: str
) -> None:
    emulator, url = served
    problems: list[str] = []
    async with page(color_scheme=scheme, viewport={"width": 1440, "height": 900}) as opened:
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: problems.append(str(error)))
        await opened.goto(url)
        await opened.get_by_role("heading", name="Waiting for the first message").wait_for()
        await asyncio.to_thread(traffic, emulator)

        await opened.get_by_role("button", name="Errors only").click()
        await opened.get_by_role("row").filter(has_text="slow").click()
        await opened.locator(".verdict").get_by_text("KeyError: 'name' (app.py:12)").wait_for()  # once it ended
        await opened.get_by_role("button", name="processor").first.click()
        await opened.get_by_role("heading", name="run", exact=False).first.wait_for()
        await opened.get_by_role("tab", name="Frames").click()
        await opened.get_by_role("heading", name="error").first.wait_for()

        assert "token" not in opened.url
        assert "errors=1" in opened.url
    assert problems == []


async def test_a_failed_request_is_sent_again_once_its_code_is_mended(
    served: tuple[EmulatorThread, str], tmp_path: Path
) -> None:
    emulator, url = served
    async with page(viewport={"width": 1440, "height": 900}) as opened:
        await opened.goto(f"{url.partition('#')[0]}#/send{url.partition('#')[2].replace('token=', '&token=')}")
        await opened.get_by_role("button", name="Connect", exact=True).click()
        await opened.get_by_role("textbox", name="Message").fill('{"action": "slow", "id": "s1", "payload": {}}')
        await opened.get_by_role("button", name="Send", exact=True).click()
        await opened.locator(".bubble.error").wait_for()

        await opened.get_by_role("link", name="Live").first.click()
        await opened.get_by_role("row").filter(has_text="slow").click()
        await opened.get_by_text("KeyError: 'name' (app.py:12)").first.wait_for()
        (tmp_path / "app.py").write_text(PROJECT.replace('payload["name"].upper()', 'payload.get("name", "nobody")'))
        await asyncio.to_thread(emulator.reload)
        await opened.get_by_role("button", name="Edit and send").click()
        again = '{"action": "slow", "id": "s2", "payload": {}}'
        await opened.get_by_role("complementary").get_by_role("textbox", name="Message").fill(again)
        await opened.get_by_role("complementary").get_by_role("button", name="Send", exact=True).click()

        await opened.get_by_text("complete after").wait_for()


async def test_all_is_reached_by_keys(served: tuple[EmulatorThread, str]) -> None:
    emulator, url = served
    await asyncio.to_thread(traffic, emulator)
    async with page(viewport={"width": 400, "height": 800}) as opened:
        await opened.goto(url)
        await opened.get_by_role("row").first.wait_for()
        await opened.keyboard.press("j")
        await opened.keyboard.press("j")
        await opened.get_by_label("Detail").wait_for()
        await opened.keyboard.press("Escape")
        await opened.get_by_role("grid").wait_for()
        await opened.keyboard.press("/")
        await opened.keyboard.type("greet")
        await opened.get_by_text("1 row").wait_for(state="attached")
        await opened.keyboard.press("Escape")
        await opened.keyboard.press("2")
        await opened.get_by_role("heading", name="Connections").wait_for()
        await opened.keyboard.press("?")
        await opened.get_by_role("dialog").wait_for()


async def test_a_token_that_is_not_ours_opens_nothing(served: tuple[EmulatorThread, str]) -> None:
    _emulator, url = served
    async with page() as opened:
        await opened.goto(f"{url.partition('#')[0]}#token=wrong")

        await opened.get_by_role("heading", name="The console needs its token").wait_for()


async def test_pages_of_others_read_and_change_nothing(served: tuple[EmulatorThread, str]) -> None:
    """Even if they knew the token: neither from another origin, nor under a name that was rebound to this machine."""
    emulator, url = served
    await asyncio.to_thread(traffic, emulator)
    console, _, token = url.partition("/#token=")
    rebound = console.replace("127.0.0.1", "rebound.example")
    blank = HttpResponse(200, b"<!doctype html><body></body>", (("content-type", "text/html"),))
    server = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(lambda _: blank), "127.0.0.1", 0)
    async with page(*UNGUARDED) as opened:
        await opened.goto(f"http://evil.example:{server.sockets[0].getsockname()[1]}/")
        foreign = await opened.evaluate(ATTACK, [console, token])
        await opened.goto(rebound.replace("/_streamer", "/dev"))
        same = await opened.evaluate(ATTACK, [rebound, token])
        framed = await opened.evaluate("() => window.opener")
        await opened.goto(url)
        await opened.get_by_role("row").filter(has_text="greet").first.wait_for()
    server.close()

    assert set(foreign.values()) == {"failed"}, foreign
    assert {same[name] for name in ("script", "image", "frame", "socket")} <= {"failed", "basic 403", "refused"}, same
    assert {same[name] for name in ("read", "clear", "page", "form")} == {"basic 403"}, same
    assert framed is None
