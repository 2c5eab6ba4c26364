"""Makes the pictures of the console in the documentation, in Chromium: ``python tests/console_pictures.py``.

With a folder as its argument: pictures of every page, in both themes and two widths, to be looked at: of an App, and of
a template's functions of Node.js and Python, queues, topics and buckets.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from loaded_target import load_target
from websockets.asyncio.client import connect

from emulator.command.reloading.described_now import described_now
from emulator.console.settings import ConsoleSettings
from emulator.console.token import console_token
from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import RequestFailedError
from streamer.project import read
from streamer.topology import Topology

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DOCS: Final = Path(__file__).parent.parent / "docs" / "pictures"
SECRET: Final = "s" * 32
PROJECT: Final = '''"""Reports on demand."""

import time
from typing import TypedDict

from streamer import App
from streamer.errors import RetryableError

app = App(title="Reports", version="1.2.0", description="Reports on demand, with progress while they are made.")
WANTED = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"enum": ["sales", "stock"]}, "rows": {"type": "integer", "minimum": 1}},
}


class Report(TypedDict):
    kind: str
    url: str


@app.action("greet", examples=[{"name": "ada"}])
def greet(request) -> str:
    """Say hello."""
    print("greeting", request.payload["name"])
    return "hello " + request.payload["name"]


@app.action("report", schema=WANTED, result=Report, queued=True, max_attempts=3, examples=[{"kind": "sales"}])
def report(request, progress):
    """Make a report, with progress.

    Takes from seconds to minutes.
    """
    wanted = request.payload
    for done in range(4):
        time.sleep(wanted.get("seconds", 0.2))
        progress(done * 25, f"{done * 10} rows")
    if request.attempt < wanted.get("good_attempt", 1):
        raise RetryableError("the warehouse does not answer")
    return {"kind": wanted["kind"], "url": "https://example.com/report.pdf"}
'''
REQUEST: Final = "%5B%22acme%22%2C%22ada%22%2C%22stock-7%22%5D"
FORM: Final = urlencode({"text": json.dumps({"action": "report", "id": "r-1", "payload": {"kind": "sales"}})})
PAGES: Final = {
    re.split(r"[/?]", name)[0] + ("-one" if "/" in name or "?" in name else ""): name
    for name in (
        "live", "messages/stock-7", "connections", "send", "requests", f"requests/{REQUEST}", "tables",
        "tables/streamer_requests", f"send?{FORM}", "streams", "streams/mapping%2Fprocessor%2Fstreamer_requests",
        "functions", "functions/processor", "metrics", "api", "api/action%2Freport", "about",
    )
}  # fmt: skip
SHOP: Final = Path(__file__).parent / "templates" / "shop"
SHOP_PAGES: Final = {
    "shop-" + re.sub(r"\W+", "-", name.replace("%2F", "-")): name
    for name in (
        "live", "live?errors=1", "connections", "send", "requests", "tables", "streams", "streams/queue%2FLost",
        "streams/queue%2FJobs", "functions", "functions/Prices", "functions/Pack", "metrics", "api", "about",
    )
}  # fmt: skip
STREAMER: Final = Path(sys.executable).with_name("streamer")
PATIENCE_SECONDS: Final = 60.0
IN_DOCS: Final = {"console-message": "messages-one", "console-functions": "functions-one", "console-live": "live"}


def traffic(emulator: EmulatorThread) -> None:
    """Some of everything."""
    for user in ("ada", "grace", "linus"):
        with emulator.connect(user, "acme") as client:
            for number in range(3):
                client.request("greet", {"name": user}, id=f"{user}-{number}")
            client.request("report", {"kind": "sales", "seconds": 0.05}, id=f"{user}-sales")
    with emulator.connect("ada", "acme") as client:
        for action, payload in (("greet", {}), ("report", {"rows": 4}), ("nothing", {})):
            with contextlib.suppress(RequestFailedError):
                client.request(action, payload)
        client.request("report", {"kind": "stock", "good_attempt": 2, "seconds": 0.1}, id="stock-7")


async def take(url: str, folder: Path, wanted: Mapping[str, str], looks: list[tuple[str, int, int]]) -> None:
    """Pictures of pages, each under its name; ``looks`` are theme, width and height."""
    from playwright.async_api import async_playwright

    base, _, token = url.partition("#token=")
    async with async_playwright() as running:
        browser = await running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme, width, height in looks:
            context = await browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": height}
            )
            page = await context.new_page()
            await page.goto(f"{base}#token={token}")
            await page.get_by_role("row").first.wait_for()
            for name, place in wanted.items():
                await page.evaluate("place => { location.hash = `#/${place}`; }", place)
                await page.locator("main :is(section, aside):visible:not([aria-busy=true])").first.wait_for()
                await page.wait_for_timeout(1000)
                suffix = "" if len(looks) == 1 else f"-{scheme}-{width}"
                await page.screenshot(path=folder / f"{name}{suffix}.png")
            await context.close()
        await browser.close()


async def pictures(emulator: EmulatorThread, url: str, arguments: list[str]) -> None:
    """What the command line asks for, with clients whose requests run meanwhile."""
    await asyncio.to_thread(traffic, emulator)
    async with contextlib.AsyncExitStack() as stack:
        for user in ("ada", "grace"):
            opened = connect(emulator.url(user, "acme"), compression=None, proxy=None)
            socket = await stack.enter_async_context(opened)
            await socket.send(
                f'{{"action": "report", "id": "{user}-live", "payload": {{"kind": "sales", "seconds": 5}}}}'
            )
        if arguments:
            looks = [(scheme, *size) for scheme in ("light", "dark") for size in ((1440, 900), (400, 800))]
            await take(url, Path(arguments[0]), PAGES, looks)
        else:
            await take(url, DOCS, {name: PAGES[page] for name, page in IN_DOCS.items()}, [("light", 1280, 800)])


async def sell(socket: Any, numbers: Iterator[int]) -> None:
    """What customers of the shop do: prices, orders that work, and orders that do not."""
    for message in ("price tea", "price coffee", "price cocoa", "order tea", "order coffee", "order cocoa", "sing"):
        action, _, what = message.partition(" ")
        await socket.send(json.dumps({"action": action, "what": what, "id": f"o-{next(numbers)}"}))
        await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)


async def shop_pictures(ready: Mapping[str, Any], url: str, folder: Path) -> None:
    """Pages of the template's service, and of one of its orders."""
    numbers = itertools.count(1)
    async with connect(ready["websocket_url"], compression=None, proxy=None) as socket:
        for _ in range(3):
            await sell(socket, numbers)
        await asyncio.sleep(8)  # the packing, the notices, the dead letters
        looks = [(scheme, *size) for scheme in ("light", "dark") for size in ((1440, 900), (400, 800))]
        pages = {name: named(url, place) for name, place in SHOP_PAGES.items()}
        await take(url, folder, {**pages, "shop-messages-one": "messages/o-4"}, looks)


def named(url: str, place: str) -> str:
    """A place with the names that the stack gave to its functions and queues."""
    base, _, token = url.partition("#token=")
    request = urllib.request.Request(f"{base}api/info", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        topology = json.load(answer)["topology"]
    for each in (*(one["name"] for one in topology["functions"]), *topology["queues"]):
        place = re.sub(rf"(?<=/|F){each.split('-')[1]}$", each, place)
    return place


def shop(folder: Path) -> None:
    """Emulate the template by the real command."""
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary) / "shop"
        shutil.copytree(SHOP, project)
        command = [str(STREAMER), "emulate", "--port", "0", "--ready-file", "ready.json"]
        process = subprocess.Popen(command, cwd=project, env={**os.environ}, stdin=subprocess.DEVNULL)
        try:
            while not (project / "ready.json").exists():
                if process.poll() is not None:
                    sys.exit("the shop did not start")
                time.sleep(0.05)
            ready = json.loads((project / "ready.json").read_text())
            url = f"{ready['dynamodb_url']}/_streamer/#token={console_token(project / '.streamer')}"
            asyncio.run(shop_pictures(ready, url, folder))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


def main(arguments: list[str]) -> None:
    """Emulate a service, let clients use it, and take the pictures."""
    for folder in (DOCS, *map(Path, arguments)):
        folder.mkdir(parents=True, exist_ok=True)
    if arguments:
        shop(Path(arguments[0]))
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        (project / "app.py").write_text(PROJECT)
        settings = ConsoleSettings(
            target="app:app",
            is_app=True,
            secret=SECRET,
            actions=("greet", "report"),
            user="ada",
            tenant="acme",
            describe=functools.partial(described_now, "app:app", project),
        )
        state = project / ".streamer"
        config = EmulatorConfig(project_folder=project, state_folder=state, isolation="process", console=settings)

        def topology(environment: Mapping[str, str]) -> Topology:
            return load_target("app:app", read(project), environment=environment).topology

        with emulator_thread(topology, config, {"JWT_SECRET": SECRET}) as emulator:
            url: Any = f"{emulator.dynamodb_url}/_streamer/#token={console_token(state)}"
            asyncio.run(pictures(emulator, url, arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
