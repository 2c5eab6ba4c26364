"""What a web page in a real browser can do to an emulator on the same machine: nothing, whatever its origin or name."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emulator.port.http import HttpRequest, HttpResponse
from emulator.port.http1 import HttpProtocol
from emulator.wiring.emulator import Emulator, EmulatorConfig
from streamer.topology import Api, Function, Topology

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs_browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]

RUNTIME = """
import http.client, json, os
address = os.environ["AWS_LAMBDA_RUNTIME_API"]
own, prefix, count = http.client.HTTPConnection(address), "/2018-06-01/runtime/invocation", 0
while True:
    own.request("GET", f"{prefix}/next")
    answer = own.getresponse()
    answer.read()
    count += 1
    request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    own.request("POST", f"{prefix}/{request_id}/response", json.dumps([address, count]))
    own.getresponse().read()
"""
PAGE = """
<script>
const told = {};
async function attempt(name, url, options) {
  try {
    const answer = await fetch(url, {signal: AbortSignal.timeout(30000), ...options});
    told[name] = answer.type;
  } catch (error) { told[name] = "failed"; }
}
function image(name, url) {
  return new Promise(done => {
    const made = new Image();
    made.onload = () => { told[name] = "loaded"; done(); };
    made.onerror = () => { told[name] = "failed"; done(); };
    setTimeout(() => { told[name] ??= "hangs"; done(); }, 30000);
    made.src = url;
  });
}
(async () => {
  for (const [name, host] of [["foreign", "127.0.0.1"], ["rebound", "rebound.example"]]) {
    const runtime = `http://${host}:RUNTIME/2018-06-01/runtime`, main = `http://${host}:MAIN`;
    const blind = {mode: "no-cors", method: "POST", body: "{}"};
    const invocations = main + "/2015-03-31/functions/f/invocations";
    const tables = {method: "POST", body: "{}", headers: {"X-Amz-Target": "DynamoDB_20120810.ListTables"}};
    await image(name + " image of next", runtime + "/invocation/next");
    await attempt(name + " next", runtime + "/invocation/next", {mode: "no-cors"});
    await attempt(name + " init error", runtime + "/init/error", blind);
    await attempt(name + " answer", runtime + "/invocation/id/response", blind);
    await attempt(name + " reading", runtime + "/invocation/next", {});
    await attempt(name + " blind invoke", invocations, blind);
    await attempt(name + " invoke", invocations, {method: "POST", body: "{}"});
    await attempt(name + " tables", main + "/", tables);
    await attempt(name + " connection", main + "/dev/@connections/abc=", {method: "DELETE"});
  }
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
})();
</script>
"""


class Attacker:
    """A web server of another origin, whose page tries everything and tells it what came of it."""

    def __init__(self) -> None:
        self.page = ""
        self.told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/told":
            self.told.set_result(json.loads(request.body))
            return HttpResponse(204)
        return HttpResponse(200, self.page.encode(), (("content-type", "text/html"),))


class Silent:
    """A LogSink."""

    platform_lines = False

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        """Nothing is kept."""


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    (tmp_path / "runtime.py").write_text(RUNTIME)
    command = shlex.join([sys.executable, str(tmp_path / "runtime.py")])
    function = Function(name="f", handler="any.thing", runtime=command, timeout_seconds=10)
    topology = Topology(api=Api(name="api", routes=()), functions=(function,))
    config = EmulatorConfig(state_folder=tmp_path, project_folder=tmp_path)
    async with Emulator(topology, config, log_sink=Silent()) as running:
        yield running


def invoke(url: str) -> Any:
    request = urllib.request.Request(f"{url}/2015-03-31/functions/f/invocations", b"{}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


async def browse(url: str, profile: Path) -> asyncio.subprocess.Process:
    assert CHROMIUM is not None
    return await asyncio.create_subprocess_exec(
        CHROMIUM,
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
        # The page may ask this machine for anything, as browsers before the permission for local networks let it.
        "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks",
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP *.example 127.0.0.1",
        url,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def test_a_page_takes_no_event_ends_nothing_and_reads_nothing(emulator: Emulator, tmp_path: Path) -> None:
    address, count = await asyncio.to_thread(invoke, emulator.url)
    attacker = Attacker()
    server = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(attacker.answer), "127.0.0.1", 0)
    attacker.page = PAGE.replace("RUNTIME", address.rpartition(":")[2]).replace("MAIN", str(emulator.port))

    browser = await browse(f"http://evil.example:{server.sockets[0].getsockname()[1]}/", tmp_path / "profile")
    try:
        told = await asyncio.wait_for(attacker.told, 240)
    finally:
        browser.kill()
        await browser.wait()
        server.close()

    assert len(told) == 18
    # The browser sends these two without showing the page the answer: a 403, and nothing was invoked.
    blind = {"foreign blind invoke": "opaque", "rebound blind invoke": "opaque"}
    assert {name: what for name, what in told.items() if what != "failed"} == blind
    assert await asyncio.to_thread(invoke, emulator.url) == [address, count + 1]
