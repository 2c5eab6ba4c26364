"""The console's further pages in a real browser, one emulator and one browser for all of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from emulator.command.described_now import described_now
from emulator.command.target import load_target
from emulator.console.settings import ConsoleSettings
from emulator.console.token import console_token
from emulator.emulator import EmulatorConfig
from emulator.thread import EmulatorThread, emulator_thread
from streamer.client import RequestFailedError
from streamer.project import read
from streamer.topology import Topology

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs_browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
PATIENCE_MS = 30_000
SECRET = "s" * 32
PROJECT = '''
from streamer import App

app = App(title="Shop")

@app.action("greet", examples=[{"name": "ada"}])
def greet(request) -> str:
    """Say hello."""
    return "hello " + request.payload["name"]

@app.action("slow", estimated_duration=10)
def slow(request):
    return request.payload["name"].upper()
'''


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatorThread, str]]:
    """An emulator that has had some traffic, and its console's address with the token."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "app.py").write_text(PROJECT)
    state = folder / ".streamer"
    settings = ConsoleSettings(
        target="app:app",
        is_app=True,
        secret=SECRET,
        actions=("greet", "slow"),
        describe=lambda: described_now("app:app", folder),
    )
    config = EmulatorConfig(project_folder=folder, state_folder=state, isolation="inline", console=settings)

    def topology(environment: Any) -> Topology:
        return load_target("app:app", read(folder), environment=environment).topology

    with emulator_thread(topology, config, {"JWT_SECRET": SECRET}) as emulator:
        with emulator.connect("ada", "acme") as client:
            client.request("greet", {"name": "ada"}, id="good")
            with pytest.raises(RequestFailedError):
                client.request("slow", {}, id="bad")
        yield emulator, f"{emulator.dynamodb_url}/_streamer/#token={console_token(state)}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright: the dependency group browser")
    async with playwright.async_playwright() as running:
        started = await running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Any, served: tuple[EmulatorThread, str]) -> AsyncIterator[Any]:
    """A page that has the token; errors on its console fail the test."""
    problems: list[str] = []
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    opened = await context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    await opened.goto(served[1])
    await opened.get_by_role("row").first.wait_for()
    yield opened
    await context.close()
    # A refusal that the page shows is also told on the console by the browser itself.
    assert [each for each in problems if "409 (Conflict)" not in each] == []


async def go(page: Any, name: str) -> None:
    await page.get_by_role("link", name=name, exact=True).first.click()
    await page.get_by_role("main").get_by_role("heading", level=1).wait_for()


async def test_a_failed_request_is_found_and_tried_again(page: Any) -> None:
    await go(page, "Requests")
    await page.get_by_role("row").filter(has_text="bad").click()
    detail = page.get_by_role("complementary", name="Request")
    await detail.get_by_text("PROCESSING_FAILED: KeyError: 'name'").wait_for()
    await detail.get_by_role("spinbutton").fill("2")
    await detail.get_by_role("button", name="Try again").click()
    await detail.get_by_text("2 of 3").wait_for()
    await detail.get_by_role("link", name="What happened").click()
    await page.get_by_label("Detail").get_by_role("heading", name="slow").wait_for()


async def test_an_item_is_edited_only_as_long_as_it_is_as_it_was_shown(
    page: Any, served: tuple[EmulatorThread, str]
) -> None:
    await go(page, "Tables")
    await page.get_by_role("combobox", name="Table").select_option("streamer_subscriptions")
    await page.get_by_role("button", name="New item").click()
    item = {"connection_id": "c1", "target": "t1", "endpoint": "https://one.example"}
    await page.get_by_role("textbox", name="Item").fill(json.dumps(item))
    await page.get_by_role("button", name="Add").click()
    await page.get_by_role("row").filter(has_text="https://one.example").click()
    editor = page.get_by_role("complementary", name="Item")
    await editor.get_by_role("button", name="Save").wait_for()
    await page.evaluate(
        """async () => fetch("api/dynamodb/PutItem", {method: "POST", headers: {"content-type": "application/json",
          authorization: `Bearer ${sessionStorage.getItem("streamer-console-token")}`}, body: JSON.stringify({
          TableName: "streamer_subscriptions",
          Item: {connection_id: {S: "c1"}, target: {S: "t1"}, endpoint: {S: "https://two.example"}}})})"""
    )
    await page.get_by_role("textbox", name="Item").fill(json.dumps({**item, "endpoint": "https://three.example"}))
    await editor.get_by_role("button", name="Save").click()
    await editor.get_by_text("Somebody has changed it meanwhile").wait_for()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.get_by_role("row").filter(has_text="https://two.example").wait_for()
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="Delete 1 item").click()
    await page.get_by_role("heading", name="It is empty").wait_for()
    await page.get_by_role("button", name="Undo").click()
    await page.get_by_role("row").filter(has_text="https://two.example").wait_for()


async def test_a_mapping_is_shown_with_what_its_stream_had(page: Any) -> None:
    await go(page, "Streams")
    await page.get_by_role("row").filter(has_text="streamer_requests").click()
    detail = page.get_by_role("complementary", name="Mapping")
    await detail.get_by_role("button", name="insert").first.click()
    await detail.get_by_text('"PENDING"').wait_for()


async def test_a_function_is_run_with_its_last_event(page: Any) -> None:
    await go(page, "Functions")
    await page.get_by_role("row").filter(has_text="router").click()
    detail = page.get_by_role("complementary", name="Function")
    await detail.get_by_role("textbox", name="Event").wait_for()
    await detail.get_by_role("button", name="Run", exact=True).click()
    await page.get_by_label("Detail").get_by_role("tab", name="Functions").wait_for()


async def test_actions_are_counted_and_measured(page: Any) -> None:
    await go(page, "Metrics")
    await page.get_by_role("row").filter(has_text="greet").wait_for()
    await page.get_by_role("region", name="ActionLatency").first.wait_for()


async def test_an_action_is_tried_from_its_description(page: Any) -> None:
    await go(page, "API")
    await page.get_by_role("row").filter(has_text="greet").click()
    await page.get_by_role("complementary").get_by_text("Say hello.").wait_for()
    await page.get_by_role("complementary").get_by_role("link", name="Try it").first.click()
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.locator(".bubble.got").get_by_text("hello ada").wait_for()
