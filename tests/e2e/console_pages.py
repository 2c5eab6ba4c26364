"""The console of an emulator in this process, and Chromium to look at it: for the modules that test its pages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from loaded_target import load_target

from emulator.command.reloading.described_now import described_now
from emulator.console.settings import ConsoleSettings
from emulator.console.token import console_token
from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.project import read
from streamer.topology import Topology

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MARKS = [
    pytest.mark.e2e,
    pytest.mark.needs_browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
PATIENCE_MS = 30_000
AXE = Path(os.environ.get("AXE_CORE", "node_modules/axe-core/axe.min.js"))
# On a small screen a detail stands alone, under its own heading.
AXE_SOURCE = AXE.read_text(encoding="utf-8") if AXE.is_file() else ""
AXE_RUN = (
    "axe.run(document, {resultTypes: ['violations'], rules: {'page-has-heading-one': {enabled: innerWidth > 900}}})"
)
IS_TOO_WIDE = (
    "[document.documentElement, document.querySelector('.panes')].some((each) => each?.scrollWidth > each?.clientWidth)"
)
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: its axe.min.js in AXE_CORE")
SECRET = "s" * 32
FORWARDED = "forwarded.example"
"""Another name that the console is reached under, without TLS."""
UNGUARDED = (
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    # The page may ask this machine for anything, as browsers before the permission for local networks let it.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks",
)


@contextmanager
def emulated(folder: Path, code: str, *actions: str) -> Iterator[tuple[EmulatorThread, str]]:
    """An emulator of an App in ``folder``, and its console's address with the token."""
    (folder / "app.py").write_text(code)
    state = folder / ".streamer"
    settings = ConsoleSettings(
        target="app:app",
        is_app=True,
        secret=SECRET,
        actions=actions,
        allowed_hosts=(FORWARDED,),
        describe=lambda: described_now("app:app", folder),
    )
    config = EmulatorConfig(project_folder=folder, state_folder=state, isolation="inline", console=settings)

    def topology(environment: Any) -> Topology:
        return load_target("app:app", read(folder), environment=environment).topology

    with emulator_thread(topology, config, {"JWT_SECRET": SECRET}) as emulator:
        yield emulator, f"{emulator.dynamodb_url}/_streamer/#token={console_token(state)}"


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """A browser without a window; every test opens pages of its own in it."""
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright: the dependency group browser")
    async with playwright.async_playwright() as running:
        started = await running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *UNGUARDED])
        yield started
        await started.close()


@asynccontextmanager
async def tab(browser: Any, **context: Any) -> AsyncIterator[Any]:
    """A page of a user of its own; errors on its console fail the test."""
    problems: list[str] = []
    opened_in = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
    page = await opened_in.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on(
        "console",
        lambda message: problems.append(f"{message.text} {message.location}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: asked.add(urlsplit(socket.url).netloc))
    yield page
    await opened_in.close()
    assert len(asked - {""}) <= 1, asked  # nothing is asked of others; files that are saved have no place
    # A refusal that the page shows is also told on the console, by the browser itself.
    unexpected = [each for each in problems if not re.search(r"(400|404|409) \(.*/_streamer/api/", each)]
    assert not unexpected, unexpected


async def flaws(page: Any, places: Iterable[str]) -> dict[str, list[str]]:
    """What axe finds at the places of a page that is open, and which of them are wider than the screen."""
    found: dict[str, list[str]] = {}
    await page.evaluate(AXE_SOURCE)
    for name in places:
        await page.evaluate("place => { location.hash = `#/${place}`; }", name)
        await page.locator("main :is(section, aside):visible:not([aria-busy=true])").first.wait_for()
        await page.locator("main [aria-busy=true]").wait_for(state="detached")
        result = await page.evaluate(AXE_RUN)
        for each in result["violations"]:
            found[f"{name}: {each['id']}"] = [node["html"][:160] for node in each["nodes"][:3]]
        found |= {f"{name}: wider than {width} px": [] for width in await _too_narrow(page)}
    return found


async def _too_narrow(page: Any) -> list[int]:
    """The widths of windows that what is shown does not fit into: a phone's, half a screen, one with both panes."""
    was, found = page.viewport_size, []
    for width in (was["width"], 320, 640, 901):
        await page.set_viewport_size({"width": width, "height": was["height"]})
        if await page.evaluate(IS_TOO_WIDE):
            found.append(width)
    await page.set_viewport_size(was)
    return found


async def go(page: Any, name: str) -> None:
    """Follow a link of the menu, and wait for the page it leads to."""
    await page.get_by_role("link", name=name, exact=True).first.click()
    await page.get_by_role("main").get_by_role("heading", level=1).wait_for()
