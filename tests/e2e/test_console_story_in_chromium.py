"""A story: a queued request fails in its second attempt; it is found, understood, mended, sent again, and complete."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_pages import MARKS, chromium, emulated, tab
from console_story import MENDED, PLACE, PROJECT, WRONG

from emulator.testing.thread import EmulatorThread
from streamer.client import RequestFailedError

pytestmark = MARKS


@pytest.fixture
def told(tmp_path: Path) -> Iterator[tuple[EmulatorThread, str, Path]]:
    """An emulator whose request has failed, its console, and the code."""
    with emulated(tmp_path, PROJECT, "report") as (emulator, url):
        with emulator.connect("ada", "acme") as client, pytest.raises(RequestFailedError):
            client.request("report", {}, id="r1")
        yield emulator, url, tmp_path / "app.py"


async def test_a_failed_request_is_found_mended_and_sent_again(told: tuple[EmulatorThread, str, Path]) -> None:
    emulator, url, code = told
    async with chromium() as browser, tab(browser) as page:
        await page.goto(url)
        await page.get_by_role("button", name="Errors only").click()
        await page.get_by_role("row").filter(has_text="report").click()
        detail = page.get_by_label("Detail")
        await detail.locator(".verdict").get_by_text(PLACE).wait_for()
        attempts = detail.get_by_label("What took time").get_by_role("button", name="processor invoke")
        assert await attempts.count() == 2
        await detail.get_by_role("region", name="Error").get_by_text('return request.payload["rows"] * 2').wait_for()

        code.write_text(PROJECT.replace(WRONG, MENDED))
        await asyncio.to_thread(emulator.reload)
        await detail.get_by_role("button", name="Send as a new client").click()
        await page.get_by_role("button", name="Connect", exact=True).click()
        message = '{"action": "report", "id": "r2", "payload": {}}'
        await page.get_by_role("textbox", name="Message").fill(message)
        await page.get_by_role("button", name="Send", exact=True).click()
        await page.locator(".bubble").get_by_text("42", exact=True).wait_for()
        await page.get_by_role("link", name="Live").first.click()
        await page.get_by_role("row").filter(has_text='"id":"r2"').click()
        await page.get_by_label("Detail").locator(".verdict").get_by_text("complete in attempt 2").wait_for()
