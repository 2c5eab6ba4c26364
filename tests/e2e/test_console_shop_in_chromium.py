"""A template's service in the console, as an App: functions of Node.js and Python, a queue, dead letters, a topic."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from console_pages import MARKS, flaws, go, needs_axe, tab
from running_command import Emulate, dial

from emulator.command.here.console_reader import Reader
from emulator.console.token import console_token

SHOP = Path(__file__).parents[1] / "templates" / "shop"
pytestmark = [
    *MARKS,
    pytest.mark.needs_node,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js"),
]
SETTLED_SECONDS: Final = 60
PLACES = (
    "live", "messages/o-tea", "messages/p-cocoa", "connections", "send", "requests", "tables", "streams",
    "streams/mapping%2F{Changed}%2F{Orders}", "streams/mapping%2F{Pack}%2F{Jobs}", "streams/queue%2F{Lost}",
    "functions", "functions/{Prices}", "functions/{Pack}", "metrics", "api", "about",
)  # fmt: skip


class Shop:
    """The shop that runs, after some orders."""

    def __init__(self, emulate: Emulate) -> None:
        self.url = emulate.ready["dynamodb_url"]
        self.token = console_token(emulate.folder / ".streamer")
        self.page = f"{self.url}/_streamer/#token={self.token}"
        with Reader(self.url, self.token) as reader:
            topology = reader.get("info")["topology"]
        self.names = {
            name.split("-")[1]: name
            for name in (
                *(each["name"] for each in topology["functions"]),
                *(each["name"] for each in topology["tables"]),
                *topology["queues"],
            )
        }

    def trace(self, name: str) -> dict[str, Any]:
        with Reader(self.url, self.token) as reader:
            return reader.get(f"traces/{name}")

    def wait_for(self, *, function: str, status: str, kind: str = "batch") -> None:
        """Until a record of that function with that status is there."""
        with Reader(self.url, self.token) as reader:
            events = reader.events(follow=True, limit=500, missed=lambda _: None, function=function)
            next(each for each in events if each["kind"] == kind and each["status"] == status)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Emulated by the real command; a customer has asked for prices and ordered."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    shutil.copytree(SHOP, folder)
    with Emulate("template.yaml", folder=folder) as emulate:
        found = Shop(emulate)
        with dial(emulate.ready["urls"][0]) as customer:
            for action in ("price", "order"):
                for what in ("tea", "cocoa"):
                    customer.send(json.dumps({"action": action, "what": what, "id": f"{action[0]}-{what}"}))
                    customer.recv(timeout=SETTLED_SECONDS)
        for function, status in (("Pack", "ok"), ("Pack", "error"), ("Changed", "error")):
            found.wait_for(function=found.names[function], status=status)
        found.wait_for(function=found.names["Notice"], status="ok", kind="run")
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Any, shop: Shop) -> AsyncIterator[Any]:
    async with tab(browser) as opened:
        await opened.goto(shop.page)
        await opened.get_by_role("row").first.wait_for()
        yield opened


async def test_an_order_is_one_picture_from_the_frame_to_the_last_function(page: Any) -> None:
    await page.get_by_role("searchbox").fill("o-tea")
    await page.get_by_role("row").filter(has_text="o-tea").first.click()
    steps = page.get_by_label("What took time")
    for step in (
        "Order", "PutItem Orders", "sqs SendMessage Jobs", "Pack queue", "s3 PUT", "sns Publish News", "Notice topic",
        "Changed stream", "UpdateItem Orders",
    ):  # fmt: skip
        await steps.get_by_role("button", name=re.compile(f"^{step}")).first.wait_for()
    logs = page.get_by_label("Detail").get_by_role("tab", name="Logs")
    await logs.click()
    await page.get_by_label("Detail").get_by_text("told of an order").wait_for()


async def test_a_note_names_what_it_is_about(page: Any) -> None:
    await page.get_by_role("searchbox").fill("cold start")
    await page.get_by_role("row").filter(has_text="cold start function=Prices init_ms=").first.wait_for()


async def test_an_error_of_nodejs_is_shown_with_its_line(page: Any) -> None:
    await page.get_by_role("button", name="Errors only").click()
    await page.get_by_role("row").filter(has_text="price").first.click()
    detail = page.get_by_label("Detail")
    await detail.locator(".verdict").get_by_text("Error: we sell no cocoa (prices.mjs:7)").wait_for()
    await detail.get_by_role("region", name="Error").get_by_text("prices.mjs:7").first.wait_for()


async def test_a_message_that_its_queue_gave_up_is_moved_back_and_one_of_the_stream_runs_again(page: Any) -> None:
    await go(page, "Streams")
    await page.get_by_role("row").filter(has_text="Jobs queue").click()
    mapping = page.get_by_role("complementary", name="Mapping")
    await mapping.get_by_text("KeyError: 'cocoa' (shop.py:23)").wait_for()
    await page.get_by_role("row").filter(has_text="Lost").click()
    queue = page.get_by_role("complementary", name="Queue")
    await queue.get_by_role("button", name="Move back to its queue").first.wait_for()  # once it was received too often
    await queue.get_by_role("button", name="Run Changed again").first.click()
    await page.get_by_label("Detail").locator(".verdict").get_by_text("there is no cocoa").wait_for()
    await page.go_back()
    await queue.get_by_role("button", name="Move back to its queue").first.click()
    await queue.get_by_text("moved to Jobs").wait_for()


async def test_functions_of_both_languages_are_measured_and_run_again(page: Any) -> None:
    await go(page, "Functions")
    for name, runtime in (("Prices", "nodejs20.x"), ("Order", "python")):
        await page.get_by_role("row").filter(has_text=name).click()
        detail = page.get_by_role("complementary", name="Function")
        await detail.get_by_text(runtime, exact=True).wait_for()
        environments = detail.get_by_role("region", name="Environments")
        await environments.get_by_text(re.compile(r"(frozen|idle|running) \d+ (s|min)")).first.wait_for()
        await detail.get_by_role("button", name="Run", exact=True).click()
        await page.get_by_label("Detail").get_by_role("tab", name="Functions").wait_for()
        await go(page, "Functions")


async def test_tables_and_routes_are_the_templates(page: Any) -> None:
    await go(page, "Tables")
    await page.get_by_role("row").filter(has_text="o-tea").filter(has_text="packed").click()
    await page.get_by_role("complementary", name="Item").get_by_role("button", name="Save").wait_for()
    await go(page, "Requests")
    await page.get_by_text("Plain handlers have no queued requests").wait_for()
    await go(page, "API")
    await page.get_by_role("row").filter(has_text="price").get_by_role("link", name="Try it").click()
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_role("textbox", name="Message").fill('{"action": "price", "what": "coffee"}')
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.locator(".bubble.got").get_by_text("5", exact=True).first.wait_for()


async def test_the_same_order_is_told_as_text(shop: Shop) -> None:
    trace = await asyncio.to_thread(shop.trace, "o-tea")

    ran = {each["function"].split("-")[1] for each in trace["runs"]}
    assert ran == {"Order", "Pack", "Changed", "Notice"}
    assert {each["service"] for each in trace["calls"]} >= {"dynamodb", "sqs", "s3", "sns", "@connections"}


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 320], ids=["wide", "narrow"])
async def test_axe_finds_nothing_on_pages_of_a_template(browser: Any, shop: Shop, scheme: str, width: int) -> None:
    async with tab(browser, color_scheme=scheme, viewport={"width": width, "height": 900}) as opened:
        await opened.goto(shop.page)
        await opened.get_by_role("row").first.wait_for()
        assert await flaws(opened, [place.format(**shop.names) for place in PLACES]) == {}
