"""The console's page in a real browser: what a developer sees, and that pages of others get nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from console_pages import MARKS, emulated, tab

from emulator.port.http import HttpResponse
from emulator.port.http1 import HttpProtocol
from emulator.testing.thread import EmulatorThread
from streamer.client import RequestFailedError

pytestmark = MARKS

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
      const answer = await fetch(url, {signal: AbortSignal.timeout(30000), ...options});
      told[name] = `${answer.type} ${answer.status}`;
    }
    catch { told[name] = "failed"; }
  };
  const element = (name, tag, url) => new Promise(done => {
    const made = document.createElement(tag);
    made.onload = () => { told[name] = "loaded"; done(); };
    made.onerror = () => { told[name] = "failed"; done(); };
    setTimeout(() => { told[name] ??= "hangs"; done(); }, 30000);
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
  const opened = window.open(`${api}/#/about`);
  await new Promise(done => setTimeout(done, 1500));
  try { told.opened = opened && opened.document.querySelector("#app") ? "shown" : "refused"; }
  catch { told.opened = "failed"; }
  opened?.close();
  told.socket = await new Promise(done => {
    const socket = new WebSocket(api.replace("http", "ws") + "/api/events");
    socket.onopen = () => done("open");
    socket.onerror = () => done("failed");
  });
  return told;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatorThread, str]]:
    """An emulator, and its console's address with the token."""
    with emulated(tmp_path_factory.mktemp("console"), PROJECT, "greet", "slow") as found:
        yield found


def traffic(emulator: EmulatorThread) -> None:
    with emulator.connect("ada", "acme") as client:
        client.request("greet", {"name": "ada"})
        with pytest.raises(RequestFailedError):
            client.request("slow", {})


SCROLLED = """async () => {
    const { store } = await import("./store.js");
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const add = (first) => store.add(Array.from({ length: 500 }, (_, index) => (
        { number: first + index, sequence: first + index, kind: "note", at: Date.now(), text: "n" })));
    const list = document.querySelector(".rows");
    const seen = () => {
        const box = list.getBoundingClientRect();
        return [...document.querySelectorAll(".row")].filter((row) => {
            const own = row.getBoundingClientRect();
            return own.bottom > box.top && own.top < box.bottom;
        }).length;
    };
    add(1_000_000);
    await frame(), await frame(), await frame();
    list.scrollTop = 3000;
    await frame(), await frame(), await frame();
    let least = seen();
    for (let round = 1; round < 5; round += 1) {
        add(1_000_000 + round * 1000);
        for (let frames = 0; frames < 5; frames += 1) {
            await frame();
            // After the frame's callbacks, which is when it is painted.
            await new Promise((done) => {
                const { port1, port2 } = new MessageChannel();
                port1.onmessage = done;
                port2.postMessage(0);
            });
            least = Math.min(least, seen());
        }
    }
    return least;
}"""
"""The fewest rows that somebody saw who had scrolled while many came."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_failed_request_is_found_and_its_line_of_code_shown(
    browser: Any, served: tuple[EmulatorThread, str], scheme: str
) -> None:
    emulator, url = served
    async with tab(browser, color_scheme=scheme) as opened:
        await opened.goto(url)
        await opened.get_by_label("Messages and events").wait_for()
        await asyncio.to_thread(traffic, emulator)

        await opened.get_by_role("button", name="Errors only").click()
        await opened.get_by_role("row").filter(has_text="slow").first.click()
        await opened.locator(".verdict").get_by_text("KeyError: 'name' (app.py:12)").wait_for()  # once it ended
        await opened.get_by_role("button", name="processor").first.click()
        await opened.get_by_role("heading", name="run", exact=False).first.wait_for()
        await opened.get_by_role("tab", name="Frames").click()
        await opened.get_by_role("heading", name="error").first.wait_for()

        assert "token" not in opened.url
        assert "errors=1" in opened.url


async def test_all_is_reached_by_keys(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    emulator, url = served
    await asyncio.to_thread(traffic, emulator)
    async with tab(browser, viewport={"width": 400, "height": 800}) as opened:
        await opened.goto(url)
        await opened.get_by_role("row").first.wait_for()
        await opened.keyboard.press("j")
        await opened.keyboard.press("j")
        await opened.get_by_label("Detail").wait_for()
        read_aloud = await opened.locator(".rows").get_attribute("aria-activedescendant")
        assert await opened.locator(f"#{read_aloud}").get_attribute("aria-selected") == "true"
        await opened.keyboard.press("Escape")
        await opened.get_by_role("grid").wait_for()
        assert await opened.locator(".rows").get_attribute("aria-activedescendant") is None
        await opened.keyboard.press("/")
        await opened.keyboard.type("greet")
        await opened.get_by_text("1 row").or_(opened.get_by_text(" rows")).first.wait_for(state="attached")
        await opened.keyboard.press("Escape")
        await opened.keyboard.press("2")
        await opened.get_by_role("heading", name="Connections").wait_for()
        await opened.keyboard.press("?")
        await opened.get_by_role("dialog").wait_for()


ADDRESSES = {
    "nowhere/at-all": "There is no page “nowhere”",
    "requests/null": "It is not stored any more",
    "requests/7": "It is not stored any more",
    "requests/cut%5B": "It is not stored any more",
    "tables/streamer_requests?item=cut": "does not match the schema",
    "messages/..": "It is gone",
}


async def test_an_address_that_somebody_cut_or_wrote_says_so(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    _emulator, url = served
    async with tab(browser) as opened:
        await opened.goto(url)
        await opened.get_by_label("Messages and events").wait_for()
        for address, said in ADDRESSES.items():
            await opened.evaluate("place => { location.hash = `#/${place}`; }", address)
            await opened.get_by_text(said).wait_for()


async def test_a_page_that_cannot_be_shown_says_so_and_leaves_the_others_alone(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    _emulator, url = served
    async with tab(browser) as opened:
        await opened.route("**/api/metrics", lambda route: route.fulfill(json={}))
        await opened.goto(url)
        await opened.get_by_role("link", name="Metrics", exact=True).click()
        await opened.get_by_role("heading", name="This cannot be shown").wait_for()
        await opened.get_by_role("link", name="Go to Live").click()
        await opened.get_by_label("Messages and events").wait_for()


async def test_whoever_has_scrolled_sees_no_empty_list_while_rows_come(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    _emulator, url = served
    async with tab(browser, viewport={"width": 1200, "height": 600}) as opened:
        await opened.goto(url)
        await opened.get_by_label("Messages and events").wait_for()
        least = await opened.evaluate(SCROLLED)

        assert least > 5


async def test_a_token_that_is_not_ours_opens_nothing(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    _emulator, url = served
    opened = await browser.new_page()
    await opened.goto(f"{url.partition('#')[0]}#token=wrong")

    await opened.get_by_role("heading", name="The console needs its token").wait_for()
    await opened.goto(url)  # what `streamer console --print` says, into the same tab
    await opened.get_by_label("Messages and events").wait_for()
    assert "token" not in opened.url

    await opened.goto(f"{url.partition('#')[0]}#token=wrong")
    await opened.get_by_role("textbox").fill(f" “{url}” ")  # or into the field, as somebody quoted it
    await opened.get_by_role("button", name="Open").click()
    await opened.get_by_label("Messages and events").wait_for()
    await opened.close()


async def test_pages_of_others_read_and_change_nothing(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    """Even if they knew the token: neither from another origin, nor under a name that was rebound to this machine."""
    emulator, url = served
    await asyncio.to_thread(traffic, emulator)
    console, _, token = url.partition("/#token=")
    rebound = console.replace("127.0.0.1", "rebound.example")
    blank = HttpResponse(200, b"<!doctype html><body></body>", (("content-type", "text/html"),))
    server = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(lambda _: blank), "127.0.0.1", 0)
    with contextlib.closing(server):
        opened = await browser.new_page()
        await opened.goto(f"http://evil.example:{server.sockets[0].getsockname()[1]}/")
        foreign = await opened.evaluate(ATTACK, [console, token])
        await opened.goto(rebound.replace("/_streamer", "/dev"))
        same = await opened.evaluate(ATTACK, [rebound, token])
        framed = await opened.evaluate("() => window.opener")
        await opened.goto(url)
        await opened.get_by_role("row").filter(has_text="greet").first.wait_for()
        await opened.close()

    # A window that it opens comes up without the token, and is not its own: the opener is cut off from it.
    assert set(foreign.values()) <= {"failed", "refused"}, foreign
    assert {foreign[name] for name in foreign if name != "opened"} == {"failed"}, foreign
    assert {same[name] for name in ("script", "image", "frame", "opened", "socket")} <= {
        "failed",
        "basic 403",
        "refused",
    }, same
    assert {same[name] for name in ("read", "clear", "page", "form")} == {"basic 403"}, same
    assert framed is None
