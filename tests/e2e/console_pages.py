"""The console of an emulator in this process, and Chromium to look at it: for the modules that test its pages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.command.described_now import described_now
from emulator.command.target import load_target
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
SECRET = "s" * 32
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
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    await opened_in.close()
    # A refusal that the page shows is also told on the console, by the browser itself.
    assert [each for each in problems if "409 (Conflict)" not in each] == []
