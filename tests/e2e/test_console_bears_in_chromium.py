"""What the console's page bears: connections that it speaks to and closes, many rows, restarts of the emulator."""

from __future__ import annotations

import ast
import asyncio
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from console_pages import FORWARDED, MARKS, emulated, tab
from running_command import Emulate, streamer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from emulator.console.token import console_token
from emulator.testing.thread import EmulatorThread

pytestmark = MARKS
PROJECT = """
from streamer import App

app = App()

@app.action("greet")
def greet(request):
    return "hello " + request.payload["name"]
"""
MANY: Final = 20_000
FILL = """async ([count, connection]) => {
  const { store } = await import("./store.js");
  const first = Math.max(store.next, store.rows.at(-1)?.number ?? 0) + 1;
  store.add(Array.from({length: count}, (_, index) => ({
    number: first + index, sequence: first + index, kind: "message", at: Date.now(), status: "ok", connection,
    user: "ada", action: `action-${index}`, text: "{}", ms: 1, request: `r${index}`, gateway_request: `g${index}`,
  })));
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatorThread, str]]:
    with emulated(tmp_path_factory.mktemp("bears"), PROJECT, "greet") as found:
        yield found


async def test_a_connection_is_spoken_to_spoken_for_and_closed(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    emulator, url = served
    with connect(emulator.url("grace", "acme"), compression=None, proxy=None) as client:
        async with tab(browser) as page:
            await page.goto(url)
            await page.get_by_role("link", name="Connections", exact=True).click()
            await page.get_by_role("row").filter(has_text="grace").click()
            detail = page.get_by_role("complementary", name="Connection")
            await detail.get_by_role("textbox", name="Text").fill("good morning")
            await detail.get_by_role("button", name="Send it this").click()
            assert await asyncio.to_thread(client.recv, 30) == "good morning"
            text = '{"action": "greet", "id": "g1", "payload": {"name": "grace"}}'
            await detail.get_by_role("textbox", name="Text").fill(text)
            await detail.get_by_role("button", name="As if it had sent this").click()
            assert "hello grace" in str(await asyncio.to_thread(client.recv, 30))
            await detail.locator(".bubble.sent").get_by_text('"greet"').wait_for()
            await detail.get_by_role("combobox", name="How to close").select_option("1012")
            await detail.get_by_role("button", name="Close", exact=True).click()
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.to_thread(client.recv, 30)
            await detail.get_by_text("closed from the console with 1012").first.wait_for()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_of_many_rows_those_in_sight_are_drawn_and_all_are_reached(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    _emulator, url = served
    async with tab(browser) as page:
        await page.goto(url)
        await page.get_by_text("recording", exact=True).wait_for()
        await page.evaluate(FILL, [MANY, "c1"])
        grid = page.get_by_role("grid")
        await page.get_by_role("row").filter(has_text=f"action-{MANY - 1}").wait_for()
        assert int(await grid.get_attribute("aria-rowcount")) >= MANY
        assert await grid.get_by_role("row").count() < 100
        await grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2; }")
        await page.get_by_role("row").filter(has_text=f"action-{MANY // 2}").wait_for()
        shown = await grid.evaluate("grid => grid.scrollTop")
        await page.evaluate(FILL, [7, "c1"])
        await page.get_by_role("button", name="7 new").wait_for()
        assert await grid.evaluate("grid => grid.scrollTop") == shown + 7 * 30  # the same rows are in sight
        await page.get_by_role("searchbox").fill("action-12345")
        await page.get_by_text("1 row", exact=True).wait_for()
        await page.get_by_role("searchbox").fill("action-nothing")
        await page.get_by_role("heading", name="Nothing matches").wait_for()


async def test_of_a_long_conversation_the_latest_is_drawn(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    emulator, url = served
    with connect(emulator.url("barbara", "acme"), compression=None, proxy=None) as client:
        async with tab(browser) as page:
            await page.goto(url)
            await page.get_by_role("link", name="Connections", exact=True).click()
            await page.get_by_role("row").filter(has_text="barbara").click()
            client.send('{"action": "ping"}')
            await page.locator(".bubble").first.wait_for()
            await page.evaluate(FILL, [MANY, await page.locator("aside h2 i").inner_text()])
            await page.get_by_text("The latest 200 of").wait_for()
            assert await page.locator(".conversation > li").count() == 200
            await page.get_by_role("link", name="all", exact=True).click()
            await page.get_by_role("row").filter(has_text=f"action-{MANY - 1}").wait_for()


NUMBERS: Final = {
    "1": "1",
    "1.0": "1",
    "-0.5": "-0.5",
    "1e3": "1000",
    "1795948291997.7908": "1795948291997.7908",
    "9007199254740993": "9007199254740993",
    "-12345678901234567890": "-12345678901234567890",
    "0.1234567890123456789": "0.1234567890123456789",
    "1e400": "1e400",
}
"""By how a number was written: how it is written again, in other words only where it is the same one."""


async def test_numbers_are_shown_edited_and_stored_as_they_were_written(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    emulator, url = served
    with emulator.connect("linus", "acme") as client:
        client.request("greet", {"name": "linus", "account": 12345678901234567890})
    async with tab(browser) as page:
        await page.goto(url)
        await page.get_by_role("row").filter(has_text="linus").filter(has_text="greet").click()
        await page.locator(".json .number").get_by_text("12345678901234567890", exact=True).first.wait_for()
        await page.get_by_role("button", name="Edit and send").click()
        assert "12345678901234567890" in await page.get_by_role("textbox", name="Message").input_value()
        again = await page.evaluate(
            """async (texts) => {
                const { parsed } = await import("./format.js");
                const { typed } = await import("./items.js");
                const { meant } = await import("./schema.js");
                const filled = (text) => JSON.stringify(meant(text, {type: "number"})).replaceAll('"', "");
                return texts.map((text) => [JSON.stringify(parsed(text)), typed(parsed(text)).N, filled(text)]);
            }""",
            list(NUMBERS),
        )
    assert again == [[written] * 3 for written in NUMBERS.values()]


async def test_what_is_copied_is_taken_as_it_is(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    _, url = served
    hostile = {"action": "a;$(id)", "user": "auth0|ada's", "tenant": "acme", "request": "r"}
    payload = {"text": 'null is "true"', "is": [True, False, None], "it's": "$HOME"}
    async with tab(browser) as page:
        await page.goto(url)
        command, test = await page.evaluate(
            """async ([origin, payload]) => {
                const { command, pytest } = await import("./message.js");
                return [command(origin, payload), pytest(origin, payload)];
            }""",
            [hostile, payload],
        )

    written = json.dumps(payload, separators=(",", ":"))
    who = ["--user", "auth0|ada's", "--tenant", "acme"]
    assert shlex.split(command) == ["streamer", "call", "a;$(id)", written, *who]
    calls = [each for each in ast.walk(ast.parse(test)) if isinstance(each, ast.Call)]
    (asked,) = [each for each in calls if ast.unparse(each.func) == "client.request"]
    assert ast.literal_eval(asked.args[1]) == payload


async def test_under_a_name_that_browsers_do_not_trust_it_is_sent_and_copied_all_the_same(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(served[1].replace("127.0.0.1", FORWARDED))
    assert not await page.evaluate("isSecureContext")
    await page.get_by_role("link", name="Send", exact=True).click()
    await page.get_by_role("button", name="Connect").click()
    await page.get_by_role("textbox", name="Message").fill(
        '{"action": "greet", "id": "{{uuid}}", "payload": {"name": "grace"}}'
    )
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.locator(".bubble.got").first.wait_for()
    await page.get_by_role("link", name="Live", exact=True).click()
    await page.get_by_role("row").filter(has_text="greet").first.click()
    await page.get_by_role("button", name="Copy as streamer call").click()
    await page.get_by_role("button", name="Copied").wait_for()
    await page.get_by_role("searchbox").press("Control+v")

    assert "streamer call greet" in await page.get_by_role("searchbox").input_value()
    await context.close()


async def test_a_message_is_sent_also_where_the_browser_has_no_room_to_keep_it(
    browser: Any, served: tuple[EmulatorThread, str]
) -> None:
    async with tab(browser) as page:
        await page.goto(f"{served[1].split('#')[0]}#/send&token={served[1].split('=')[1]}")
        await page.get_by_role("button", name="Connect").click()
        await page.get_by_text("open", exact=True).wait_for()
        await page.evaluate("""() => {
            for (let size = 2 ** 20; size; size = size >> 1) {
                try { for (let n = 0; ; n += 1) localStorage[`${size}-${n}`] = "x".repeat(size); } catch { /* full */ }
            }
        }""")
        await page.get_by_role("textbox", name="Message").fill(
            '{"action": "greet", "id": "room", "payload": {"name": "ada"}}'
        )
        await page.get_by_role("button", name="Send", exact=True).click()
        await page.locator(".bubble.got").filter(has_text="hello ada").wait_for()


async def test_times_are_told_in_whole_minutes(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    async with tab(browser) as page:
        await page.goto(served[1])
        told = await page.evaluate(
            """async (times) => {
            const { duration, age } = await import("./format.js");
            return [times.map(duration), times.map((ms) => age(ms / 1000))];
        }""",
            [0.04, 999.4, 999.6, 59_940, 59_960, 119_600, 3_600_000],
        )

    assert told[0] == ["0.0 ms", "999 ms", "1.00 s", "59.9 s", "1 min 0 s", "2 min 0 s", "60 min 0 s"]
    assert told[1] == ["0 s", "1 s", "1 s", "1 min", "1 min", "2 min", "1 h 0 min"]


@pytest.mark.parametrize("how", [{"modifiers": ["Control"]}, {"modifiers": ["Shift"]}, {"button": "middle"}], ids=str)
async def test_a_link_opens_another_tab_that_has_the_token(
    browser: Any, served: tuple[EmulatorThread, str], how: dict[str, Any]
) -> None:
    async with tab(browser) as page:
        await page.goto(served[1])
        async with page.context.expect_page() as opened:
            await page.get_by_role("link", name="Functions", exact=True).click(**how)
        await (await opened.value).get_by_role("heading", name="Functions", level=1).wait_for()
        await page.get_by_role("heading", name="Live", level=1).wait_for(state="attached")


async def test_an_address_that_was_cut_opens_the_page(browser: Any, served: tuple[EmulatorThread, str]) -> None:
    _, url = served
    async with tab(browser) as page:
        await page.goto(url)
        await page.get_by_text("recording", exact=True).wait_for()
        await page.evaluate("location.hash = '#/functions/%E2%82'")
        await page.reload()
        await page.get_by_text("There is no such function").wait_for()


UNSENT = '{"action": "greet", "payload": {"name": "not yet"}}'
"""What somebody types while the emulator stops."""


async def test_a_page_outlives_its_reload_and_the_emulator_that_it_shows(browser: Any, tmp_path: Path) -> None:
    """The next emulator has the same port and token; what the last one knew is gone."""
    (tmp_path / "app.py").write_text(PROJECT)

    def started(*arguments: str) -> Emulate:
        return Emulate(*arguments, folder=tmp_path).__enter__()

    def greets(name: str) -> None:
        streamer("call", "greet", f'{{"name": "{name}"}}', folder=tmp_path)

    first = await asyncio.to_thread(started)
    address = first.ready["dynamodb_url"]
    opened = tab(browser)
    page = await opened.__aenter__()
    try:
        await page.goto(f"{address}/_streamer/#token={console_token(tmp_path / '.streamer')}")
        await asyncio.to_thread(greets, "ada")
        await page.get_by_role("row").filter(has_text='"ada"').first.wait_for()
        await page.reload()
        await page.get_by_role("row").filter(has_text='"ada"').first.wait_for()
        await page.get_by_role("row").filter(has_text='"ada"').first.click()
        await page.get_by_role("heading", name="greet", level=2).wait_for()
        await page.get_by_role("link", name="Send", exact=True).click()
        await page.get_by_role("button", name="Connect", exact=True).click()
        await page.get_by_text("open", exact=True).wait_for()
        await page.get_by_role("textbox", name="Message").fill(UNSENT)
        await page.go_back()
        await page.get_by_role("heading", name="greet", level=2).wait_for()
    finally:
        await asyncio.to_thread(first.__exit__)
    await page.get_by_text("emulator stopped; trying again").wait_for()
    await page.locator(".span").first.click()
    await page.get_by_role("heading", name="the emulator does not answer").wait_for()
    second = await asyncio.to_thread(started, "--port", str(urlsplit(address).port))
    try:
        await page.get_by_text("recording", exact=True).wait_for()
        await asyncio.to_thread(greets, "grace")
        await page.get_by_role("row").filter(has_text='"grace"').first.wait_for()
        assert await page.get_by_role("row").filter(has_text='"ada"').count() == 0
        await page.get_by_text("The emulator was started anew").wait_for()
        assert await page.get_by_role("complementary").count() == 0  # of what has its number now
        await page.get_by_role("row").filter(has_text='"grace"').first.click()
        await page.get_by_role("complementary").get_by_text('"grace"').first.wait_for()
        await page.get_by_role("link", name="Send", exact=True).click()
        await page.get_by_text("closed with 1001").wait_for()
        assert await page.get_by_role("textbox", name="Message").input_value() == UNSENT
    finally:
        await asyncio.to_thread(second.__exit__)
    await page.get_by_role("link", name="Connections", exact=True).click()
    await page.get_by_text("the emulator does not answer").wait_for()
    with pytest.raises(AssertionError, match="ERR_CONNECTION"):  # which the browser tells of by itself
        await opened.__aexit__(None, None, None)
