"""The JavaScript client in a real browser: reloads, networks that go and come back, frozen tabs, the back button."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import Page, browser, needs_browser, serving
from javascript_tools import PACKAGE
from running_command import Emulate

pytestmark = [pytest.mark.needs_browser, needs_browser]

PAGE = """<!doctype html><title>page</title><script type="module">
import * as streamer from "./src/index.js";
const {url, token} = ADDRESS;
const sockets = [];
class Counted extends WebSocket {
  constructor(...given) { super(...given); sockets.push(this); }
}
// So long that nothing but an event of the page opens another connection.
const reconnect = {base: 3_600_000, most: 3_600_000, giveUp: 7_200_000};
window.client = new streamer.StreamerClient(url, {token, reconnect, WebSocket: Counted, answerTimeout: 1000});
Object.assign(window, {streamer, sockets, seen: [], states: []});
client.addEventListener("state", () => states.push(client.state));
window.report = async (id, seconds) => {
  sessionStorage.id = id;
  try {
    const onProgress = (p) => seen.push(p.percentage);
    window.result = await client.request("report", {steps: 20, seconds}, {id, onProgress});
  } catch (error) { window.failure = String(error); }
  delete sessionStorage.id;
};
if (sessionStorage.id) {
  window.resumed = sessionStorage.id;
  report(sessionStorage.id, Number(sessionStorage.seconds));
}
window.isReady = true;
</script>"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Page]]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def page(demo: Emulate, tab: Callable[[], Page], tmp_path: Path) -> Iterator[Page]:
    shutil.copytree(PACKAGE / "src", tmp_path / "src")
    address = json.dumps({"url": demo.url, "token": demo.token()})
    (tmp_path / "page.html").write_text(PAGE.replace("ADDRESS", address))
    (tmp_path / "other.html").write_text("<!doctype html><title>other</title>")
    with serving(tmp_path) as site:
        page = tab()
        page.open(f"{site}/page.html")
        page.wait_for("window.isReady")
        yield page
        assert page.errors == []


def test_a_page_asks_and_the_token_is_in_no_address(page: Page) -> None:
    assert page.evaluate("client.request('echo', {a: 'käse'})") == {"a": "käse"}
    assert page.evaluate("[sockets[0].protocol, sockets[0].url.includes('Authorization')]") == ["streamer.v1", False]


def test_a_message_over_a_frame_is_refused_here_and_the_largest_one_passes(page: Page) -> None:
    assert page.evaluate("client.request('echo', 'x'.repeat(32_600)).then((text) => text.length)") == 32_600
    assert page.evaluate("client.request('echo', 'x'.repeat(33_000)).catch(({name}) => name)") == "PayloadTooLargeError"
    assert page.evaluate("sockets.length") == 1


def test_a_reload_in_the_middle_loses_nothing(page: Page) -> None:
    page.evaluate("sessionStorage.seconds = 4; report('reload-1', 4); null")
    page.wait_for("seen.length > 2")
    page.reload()
    page.wait_for("window.isReady")

    assert page.evaluate("window.resumed") == "reload-1"
    assert page.wait_for("window.result ?? window.failure")["steps"] == 20
    assert page.evaluate("seen.at(-1)") == 100
    assert page.evaluate("sessionStorage.id === undefined")


def test_what_runs_goes_on_when_the_network_comes_back(page: Page) -> None:
    page.evaluate("report('offline-1', 3); null")
    page.wait_for("seen.length > 1")
    # First, since a network that is away also keeps the answer to a close away, now and then for a minute.
    page.evaluate("sockets[0].close(); null")
    page.wait_for("client.state === 'waiting'")
    away = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.do("Network.emulateNetworkConditions", **away)
    page.wait_for("!navigator.onLine")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 1100))")
    assert page.evaluate("sockets.length") == 1
    page.do("Network.emulateNetworkConditions", **{**away, "offline": False})

    assert page.wait_for("window.result ?? window.failure")["steps"] == 20
    assert page.evaluate("[sockets.length, seen.at(-1)]") == [2, 100]


def test_a_frozen_tab_looks_whether_its_connection_lives(page: Page) -> None:
    page.evaluate("report('frozen-1', 3); null")
    page.wait_for("seen.length > 1")
    page.evaluate("""document.addEventListener("resume", () => window.woke = true, {once: true}); null""")
    # What a dead network does: nothing that comes is heard, and nobody says so.
    page.evaluate("sockets[0].onmessage = null")
    page.do("Page.setWebLifecycleState", state="frozen")
    page.do("Page.setWebLifecycleState", state="active")
    page.wait_for("window.woke")
    page.do("Emulation.setFocusEmulationEnabled", enabled=True)  # some versions leave it hidden, as nobody looks
    page.wait_for("client.state === 'waiting'")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 1100))")
    page.evaluate("window.dispatchEvent(new Event('online')); null")

    assert page.wait_for("window.result ?? window.failure")["steps"] == 20
    assert page.evaluate("sockets.length") == 2


def test_a_page_that_comes_back_by_the_back_button_goes_on(page: Page) -> None:
    page.evaluate("report('back-1', 3); null")
    page.wait_for("seen.length > 1")
    page.evaluate("""addEventListener("pageshow", ({persisted}) => window.persisted = persisted); null""")
    page.evaluate("location.href = 'other.html'; null")
    page.wait_for("document.title === 'other'")
    page.evaluate("history.back(); null")
    page.wait_for("document.title === 'page' && window.isReady")

    assert page.wait_for("window.result ?? window.failure")["steps"] == 20
    if page.evaluate("window.persisted"):
        assert page.evaluate("[sockets.length, states.includes('waiting')]") == [2, True]
