"""The console's further pages in a real browser, one emulator and one browser for all of them."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from console_pages import MARKS, emulated, flaws, go, needs_axe, tab

from emulator.testing.thread import EmulatorThread
from streamer.client import RequestFailedError

pytestmark = MARKS
PROJECT = '''
import time

from streamer import App

app = App(title="Shop")

@app.action("greet", examples=[{"name": "ada"}])
def greet(request) -> str:
    """Say hello."""
    return "hello " + request.payload["name"]

@app.action("slow", estimated_duration=10)
def slow(request):
    return request.payload["name"].upper()

@app.action("wait", queued=True, cancel_on_disconnect=True)
def wait(request, progress):
    while not request.cancelled:
        time.sleep(0.02)
        progress(40, "waits")

ORDER = {
    "type": "object",
    "required": ["what", "count"],
    "properties": {
        "what": {"enum": ["tea", "coffee"]},
        "count": {"type": "integer", "minimum": 1},
        "to": {"type": "object", "properties": {"city": {"type": "string"}, "express": {"type": "boolean"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}

@app.action("order", schema=ORDER)
def order(request) -> dict:
    """Buy something."""
    return request.payload
'''


PUT = """async (item) => fetch("api/dynamodb/PutItem", {method: "POST", headers: {"content-type": "application/json",
  authorization: `Bearer ${sessionStorage.getItem("streamer-console-token")}`}, body: JSON.stringify({
  TableName: "streamer_subscriptions",
  Item: Object.fromEntries(Object.entries(item).map(([name, text]) => [name, {S: text}]))})})"""
"""Writes an item of texts, as somebody else does."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def served(project: Path) -> Iterator[tuple[EmulatorThread, str]]:
    """An emulator that has had some traffic, and its console's address with the token."""
    with emulated(project, PROJECT, "greet", "slow", "wait", "order") as (emulator, url):
        with emulator.connect("ada", "acme") as client:
            client.request("greet", {"name": "ada"}, id="good")
            with pytest.raises(RequestFailedError):
                client.request("slow", {}, id="bad")
        yield emulator, url


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Any, served: tuple[EmulatorThread, str]) -> AsyncIterator[Any]:
    """A page that has the token."""
    async with tab(browser) as opened:
        await opened.goto(served[1])
        await opened.get_by_role("row").first.wait_for()
        yield opened


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
    await page.evaluate(PUT, {**item, "endpoint": "https://two.example"})
    await page.get_by_role("textbox", name="Item").fill(json.dumps({**item, "endpoint": "https://three.example"}))
    await editor.get_by_role("button", name="Save").click()
    await editor.get_by_text("Somebody has changed it meanwhile").wait_for()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.get_by_role("row").filter(has_text="https://two.example").wait_for()
    await page.evaluate(PUT, {"connection_id": "c2", "target": "t2", "endpoint": "https://four.example"})
    await page.get_by_role("row").filter(has_text="https://four.example").wait_for()
    for number in (0, 1):
        await page.get_by_role("checkbox").nth(number).check()
    await page.evaluate(PUT, {"connection_id": "c2", "target": "t2", "endpoint": "https://five.example"})
    await page.get_by_role("button", name="Delete 2 items").click()
    # What was deleted before that can be put back all the same.
    await page.get_by_text("Somebody has changed it meanwhile").wait_for()
    await page.get_by_role("row").filter(has_text="https://two.example").wait_for(state="detached")
    await page.get_by_role("button", name="Undo").click()
    await page.get_by_role("row").filter(has_text="https://two.example").wait_for()
    # A file without what the index does not have would lose that when it is imported.
    await page.get_by_role("combobox", name="Table").select_option("streamer_requests")
    await page.get_by_role("combobox", name="Index").select_option("by_due")
    await page.get_by_role("button", name="Export").click()
    await page.get_by_text("its projection type is not ALL").wait_for()


async def test_a_mapping_is_shown_with_what_its_stream_had(page: Any) -> None:
    await go(page, "Streams")
    await page.get_by_role("row").filter(has_text="streamer_requests").click()
    detail = page.get_by_role("complementary", name="Mapping")
    await detail.get_by_role("button", name="insert").first.click()
    await detail.get_by_text('"PENDING"').wait_for()


def give_up(address: str, **document: Any) -> None:
    """Put a dead letter into the queue that takes those of the service."""
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
    body = {"QueueUrl": f"{address}/queue/dead-letters", "MessageBody": json.dumps(document)}
    asked = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert answer.status == 200


async def test_a_dead_letter_is_run_again_or_dropped_and_a_queue_purged(
    page: Any, served: tuple[EmulatorThread, str]
) -> None:
    address, arn = served[0].dynamodb_url, "arn:aws:lambda:us-east-1:123456789012:function:"
    for function, payload in (("processor", {"Records": []}), ("router", {"no": "event"})):
        context = {"functionArn": f"{arn}{function}:$LATEST"}
        await asyncio.to_thread(give_up, address, requestContext=context, requestPayload=payload)
    await asyncio.to_thread(give_up, address, order=7)
    await go(page, "Streams")
    await page.get_by_role("row").filter(has_text="dead-letters").click()
    queue = page.get_by_role("complementary", name="Queue")
    await queue.get_by_role("button", name="Run router again").click()
    await page.get_by_label("Detail").get_by_role("tab", name="Functions").wait_for()
    await page.go_back()
    await queue.get_by_role("button", name="Run router again").wait_for()  # it failed again
    await queue.get_by_role("button", name="Run processor again").click()
    await page.get_by_label("Detail").get_by_role("tab", name="Functions").wait_for()
    await page.go_back()
    await queue.get_by_role("button", name="Run router again").wait_for()
    assert await queue.get_by_role("button", name="Run processor again").count() == 0
    order = queue.get_by_role("region").or_(queue.locator("section")).filter(has_text="order")
    await order.get_by_role("button", name="Drop").click()
    await queue.get_by_text("dropped").wait_for()
    await queue.get_by_role("button", name="Purge").click()
    await queue.get_by_role("button", name="Drop 1 message").click()
    await queue.get_by_text("purged").wait_for()
    await queue.get_by_text("It is empty.").wait_for()


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
    await page.get_by_role("row").filter(has_text="$default").get_by_role("link", name="router").wait_for()
    await page.get_by_role("row").filter(has_text="greet").click()
    await page.get_by_role("complementary").get_by_text("Say hello.").wait_for()
    await page.get_by_role("complementary").get_by_role("link", name="Try it").first.click()
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.locator(".bubble.got").get_by_text("hello ada").wait_for()
    await page.locator(".bubble.got .fold").first.click()
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.locator(".bubble.got").nth(1).wait_for()

    folded = [
        await page.locator(".bubble.got").nth(at).locator(".fold").first.get_attribute("aria-expanded") for at in (0, 1)
    ]
    assert folded == ["true", "false"]  # the newest first: what was folded stays what was folded


async def test_a_message_is_written_in_a_form_of_its_actions_schema(page: Any, tmp_path: Path) -> None:
    await go(page, "Send")
    client = page.get_by_role("region", name="Client")
    await client.get_by_label("Action").select_option("order")
    await client.get_by_label("count").wait_for()
    await client.get_by_label("id", exact=True).fill("order-7")
    await client.get_by_label("what").select_option("coffee")
    await client.get_by_label("count").fill("3")
    await client.get_by_label("city").fill("Bern")
    await client.get_by_label("express").select_option("true")
    await client.get_by_label("tags").fill('["gift"]')
    await client.get_by_role("button", name="Text").click()
    written = json.loads(await client.get_by_role("textbox", name="Message").input_value())
    payload = {"what": "coffee", "count": 3, "to": {"city": "Bern", "express": True}, "tags": ["gift"]}
    assert written == {"action": "order", "id": "order-7", "payload": payload}
    await client.get_by_text("Saved messages").click()
    await client.get_by_label("Name").fill("three coffees")
    await client.get_by_role("button", name="Save this one").click()
    async with page.expect_download() as exported:
        await client.get_by_role("button", name="Export").click()
    file = tmp_path / "messages.json"
    await (await exported.value).save_as(file)
    saved = json.loads(await asyncio.to_thread(file.read_text))
    assert [json.loads(each["text"]) for each in saved["messages"]] == [written]
    await client.get_by_label("Further claims").fill('{"team": "beans"}')
    await client.get_by_role("button", name="Connect", exact=True).click()
    await client.get_by_role("button", name="Send", exact=True).click()
    await client.locator(".bubble.got").get_by_text('"coffee"').wait_for()


async def test_a_token_may_stand_in_the_address_and_a_request_be_cancelled(page: Any) -> None:
    await go(page, "Send")
    client = page.get_by_role("region", name="Client")
    await client.get_by_text("More: identities").click()
    await client.get_by_label("Token goes into").select_option("query")
    await client.get_by_role("button", name="Connect", exact=True).click()
    await client.get_by_label("Action").select_option("wait")
    await client.get_by_role("button", name="Send", exact=True).click()
    await client.get_by_role("button", name="Cancel").click()
    await client.locator(".bubble.got").get_by_text('"cancelled"', exact=True).first.wait_for()


async def test_a_client_that_is_removed_while_its_token_is_made_does_not_connect(page: Any) -> None:
    is_let_go, opened = asyncio.Event(), []
    page.on("websocket", lambda socket: opened.append(socket.url))

    async def held(route: Any) -> None:
        await is_let_go.wait()
        await route.continue_()

    await page.route("**/api/tokens", held)
    await go(page, "Send")
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_role("button", name="Remove", exact=True).click()
    async with page.expect_response("**/api/tokens") as made:
        is_let_go.set()
    await (await made.value).finished()
    await page.evaluate("new Promise(requestAnimationFrame)")

    assert opened == []


async def test_an_action_that_the_code_has_had_since_is_offered_when_the_page_is_shown_again(
    page: Any, project: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    async with page.expect_response("**/describe"):
        await go(page, "Send")
    await go(page, "Live")
    since = '\n@app.action("since")\ndef since(request):\n    return 1\n'
    await asyncio.to_thread((project / "app.py").write_text, PROJECT + since)
    await page.get_by_role("searchbox").press_sequentially("greet")
    async with page.expect_response("**/describe"):
        await go(page, "Send")
    await page.get_by_label("Action").select_option("since")
    await asyncio.to_thread((project / "app.py").write_text, PROJECT)
    assert asked.count("describe") == 2  # and not for each letter that is typed elsewhere


async def test_what_is_typed_into_the_search_is_one_step_of_the_history(page: Any) -> None:
    await go(page, "Tables")
    await page.get_by_role("searchbox").press_sequentially("greet")
    await page.wait_for_url("**q=greet")
    await page.go_back()
    await page.get_by_role("heading", name="Tables").wait_for()


async def test_rows_that_are_gone_through_by_keys_are_one_step_of_the_history(page: Any) -> None:
    await go(page, "Live")
    await page.get_by_role("row").nth(2).wait_for()
    await page.keyboard.press("j")  # to the list
    await page.keyboard.press("j")
    await page.get_by_label("Detail").wait_for()
    first = page.url
    await page.keyboard.press("j")
    await page.wait_for_function("first => location.href !== first", arg=first)
    await page.go_back()
    await page.get_by_label("Detail").wait_for(state="detached")


PLACES = (
    "live", "messages/bad", "connections", "send", "requests", "requests/{request}", "tables",
    "tables/streamer_requests?item={item}", "streams", "streams/mapping%2Fprocessor%2Fstreamer_requests",
    "streams/queue%2Fdead-letters", "functions", "functions/router", "metrics", "api", "api/action%2Forder", "about",
)  # fmt: skip
REQUEST = quote(json.dumps(["acme", "ada", "bad"], separators=(",", ":")), safe="")
KEY = {"owner": {"S": "acme#ada"}, "request_id": {"S": "bad"}}
ITEM = quote(json.dumps(KEY, separators=(",", ":")), safe="")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 320], ids=["wide", "narrow"])
async def test_axe_finds_nothing_on_any_page(
    browser: Any, served: tuple[EmulatorThread, str], scheme: str, width: int
) -> None:
    async with tab(browser, color_scheme=scheme, viewport={"width": width, "height": 900}) as opened:
        await opened.goto(served[1])
        await opened.get_by_role("row").first.wait_for()
        assert await flaws(opened, [name.format(request=REQUEST, item=ITEM) for name in PLACES]) == {}


async def test_every_page_is_used_by_keys(page: Any) -> None:
    for key, heading in {"2": "Connections", "4": "Requests", "6": "Streams", "7": "Functions"}.items():
        await page.keyboard.press(key)
        await page.get_by_role("main").get_by_role("heading", level=1).filter(has_text=heading).wait_for()
        await page.get_by_role("main").get_by_role("row").nth(1).wait_for()
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.get_by_role("complementary").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_role("complementary").wait_for(state="detached")
    for key, heading in {"3": "Send", "5": "Tables", "8": "Metrics", "9": "Shop", "0": "app:app"}.items():
        await page.keyboard.press(key)
        await page.get_by_role("main").get_by_role("heading", level=1).filter(has_text=heading).wait_for()
    await page.keyboard.press("?")
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="detached")


async def test_a_recording_is_opened_from_a_file_and_closed_again(page: Any, tmp_path: Path) -> None:
    await go(page, "About")
    async with page.expect_download() as exported:
        await page.get_by_role("button", name="Export as a file").click()
    file = tmp_path / "monday.json"
    await (await exported.value).save_as(file)
    await page.get_by_label("Open a recording").set_input_files(file)
    await page.get_by_role("button", name="Close the recording").filter(has_text="monday.json").wait_for()
    await page.get_by_role("row").filter(has_text="slow").filter(has_text="KeyError").first.click()
    await page.get_by_label("Detail").locator(".verdict").get_by_text("KeyError: 'name' (app.py:15)").wait_for()
    assert await page.get_by_role("button", name="Send again").count() == 0
    await page.get_by_role("button", name="Close the recording").click()
    await page.get_by_text("recording", exact=True).wait_for()
    await page.get_by_role("row").first.wait_for()
