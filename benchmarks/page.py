"""The console's page in Chromium: how soon it shows something, and how it bears 2,000 events a second."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from benchmarks.servers import ours
from emulator.console.token import console_token

RATE: Final = 2000
"""Events a second."""
FULL: Final = 20_000
"""Records that the page keeps."""
KEY: Final = """async () => {
  const chosen = () => document.querySelector('[role=row][aria-selected=true]')?.ariaRowIndex;
  document.querySelector('[role=grid]').focus();
  const before = [location.hash, chosen()];
  const began = performance.now();
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true, cancelable: true}));
  while (location.hash === before[0] || chosen() === undefined || chosen() === before[1]) {
    await new Promise(requestAnimationFrame);
    if (performance.now() - began > 5000) break;
  }
  await new Promise(requestAnimationFrame);  // it is on the screen
  return performance.now() - began;
}"""
PAINTED: Final = """async () => {
  const painted = () => performance.getEntriesByName('first-contentful-paint')[0];
  while (!painted() && performance.now() < 10_000) await new Promise(requestAnimationFrame);
  return painted()?.startTime ?? Infinity;
}"""
"""What the browser itself notes, not when we hear of it; a heading is there some moments before."""


class Feed:
    """Answers the page's questions for events as an emulator that is busy would."""

    def __init__(self, first: list[dict[str, Any]]) -> None:
        self._pattern = first
        self._began: float | None = None
        self._told = 0
        self.polls = 0

    def begin(self) -> None:
        """From now on there are events."""
        self._began, self._told = time.perf_counter(), FULL

    def _made(self, number: int) -> dict[str, Any]:
        each = self._pattern[number % len(self._pattern)]
        return {**each, "number": number, "sequence": number, "at": time.time() * 1000, "request": f"m-{number}"}

    async def answer(self, route: Any) -> None:
        """One poll."""
        self.polls += 1
        after = int(parse_qs(urlsplit(route.request.url).query).get("after", ["0"])[0])
        if self._began is None:
            events = [self._made(number) for number in range(1, FULL + 1)] if not after else []
            if after:
                await asyncio.sleep(0.5)
            page = {"boot": "b", "next": FULL, "missed": 0, "events": events}
        else:
            wanted = FULL + int((time.perf_counter() - self._began) * RATE)
            events = [self._made(number) for number in range(max(self._told + 1, wanted - 499), wanted + 1)]
            missed, self._told = max(0, wanted - self._told - 500), wanted
            page = {"boot": "b", "next": wanted, "missed": missed, "events": events}
        await route.fulfill(status=200, content_type="application/json", body=json.dumps(page))


async def page_figures(seconds: float) -> dict[str, float]:
    """What `benchmarks.watched` tells of the page."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - it need not be installed

    async with ours("plain:topology", "inline") as running, async_playwright() as playwright:
        assert running.log is not None
        token = console_token(Path(running.log).parent / "project" / ".streamer")
        url = f"{running.dynamodb_url}/_streamer/#token={token}"
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            return await _figures(chromium, url, seconds)
        finally:
            await chromium.close()


async def _figures(chromium: Any, url: str, seconds: float) -> dict[str, float]:
    shown = []
    for _ in range(7):
        context = await chromium.new_context(viewport={"width": 1440, "height": 900})
        opened = await context.new_page()
        await opened.goto(url, wait_until="commit")
        await opened.locator("h1, h2").first.wait_for(state="attached")
        shown.append(await opened.evaluate(PAINTED))
        await context.close()
    context = await chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = await context.new_page()
    await opened.goto(url)
    rows = await opened.evaluate(
        """async () => (await (await fetch('api/events?limit=500', {headers: {authorization:
           `Bearer ${sessionStorage.getItem('streamer-console-token')}`}})).json()).events"""
    )
    feed = Feed(rows or _rows())
    await opened.route("**/api/events?*", feed.answer)
    await opened.reload()
    await opened.get_by_role("row").first.wait_for()
    session = await context.new_cdp_session(opened)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    feed.begin()
    await asyncio.sleep(2)
    before, polls, began = await _metrics(session), feed.polls, time.perf_counter()
    keys = []
    while time.perf_counter() - began < seconds:
        keys.append(await opened.evaluate(KEY))
        await asyncio.sleep(0.4)
    took = time.perf_counter() - began
    after, asked = await _metrics(session), feed.polls - polls
    await session.send("HeapProfiler.collectGarbage")
    heap = (await _metrics(session))["JSHeapUsedSize"]
    hidden = await _hidden_polls(opened, feed)
    return {
        "first_row_ms": statistics.median(shown),
        "busy_percent": (after["TaskDuration"] - before["TaskDuration"]) / took * 100,
        "heap_mb": heap / 1024 / 1024,
        "key_ms": statistics.median(keys),
        "polls": asked / took,
        "hidden_polls": float(hidden),
    }


async def _hidden_polls(opened: Any, feed: Feed) -> int:
    """How often a page asks that nobody sees, once what it had asked is answered."""
    await opened.evaluate("""() => {
      Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }""")
    await asyncio.sleep(1)
    before = feed.polls
    await asyncio.sleep(3)
    return feed.polls - before


async def _metrics(session: Any) -> dict[str, float]:
    told = await session.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in told["metrics"]}


def _rows() -> list[dict[str, Any]]:
    """Records as a busy echo service makes them."""
    common = {"status": "ok", "connection": "HeykSetOoAMCqaA=", "user": "ada", "tenant": "acme", "why": ""}
    message = {
        **common, "kind": "message", "action": "echo", "text": '{"action":"echo","id":"m-1"}', "ms": 1.5, "bytes": 40,
        "route": "echo", "function": "echo", "gateway_request": "HeykTgtPoAMFsmg=", "sent": [], "ours": False,
    }  # fmt: skip
    run = {
        **common, "kind": "run", "function": "echo", "environment": 0, "lambda_request": "id", "root": "1-root",
        "waited_ms": 0.1, "init_ms": None, "ms": 1.2, "memory_mb": 40, "source": "gateway", "payload_bytes": 900,
    }  # fmt: skip
    call = {
        **common, "kind": "call", "service": "@connections", "operation": "POST", "target": "HeykSetOoAMCqaA=",
        "function": "echo", "root": "1-root", "http_status": 200, "ms": 0.3, "type": "response", "text": "{}",
    }  # fmt: skip
    return [message, run, call]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory():
        print(asyncio.run(page_figures(10.0)))
