"""An emulator with a console, in a thread of its own, and questions to it over HTTP."""

from __future__ import annotations

import dataclasses
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from loaded_target import load_target

from emulator.console.settings import ConsoleSettings
from emulator.console.token import console_token
from emulator.iam.guard import Mode
from emulator.services.calls import Call
from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.project import read
from streamer.topology import Queue, Topology

PROJECT = """import time
from streamer import App

app = App()

@app.action("greet")
def greet(request):
    print("greeting")
    return "hello " + request.payload["name"]

@app.action("slow", estimated_duration=10, max_attempts=1)
def slow(request):
    return request.payload["name"].upper()

@app.action("wait", queued=True)
def wait(request, progress):
    while not request.cancelled:
        time.sleep(0.01)
        progress(1)
"""


class Asked:
    """Asks an emulator's console."""

    def __init__(self, emulator: EmulatorThread, folder: Path) -> None:
        self.emulator = emulator
        self.token = console_token(folder)
        self.address = emulator.dynamodb_url.removeprefix("http://")

    def ask(
        self, path: str, *, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, f"/_streamer/{path}", None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.getheader("content-type", "")
            content = json.loads(text) if kind.startswith("application/json") else text.decode()
            return answer.status, content, dict(answer.getheaders())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, content, _headers = self.ask(f"api/{path}")
        assert status == 200, content
        return content

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        status, content, _headers = self.ask(f"api/{path}", method="POST", body=body)
        return status, content

    def events(self, **query: Any) -> list[dict[str, Any]]:
        said = "&".join(f"{name}={value}" for name, value in query.items())
        found: list[dict[str, Any]] = self.get(f"events?{said}")["events"]
        return found

    def ended(self, path: str) -> Any:
        """A trace once nothing of it runs any more: a client may be gone before its function has returned."""
        after = 0
        while (trace := self.get(path)).get("status") == "running":
            after = self.get(f"events?after={after}&wait=1")["next"]
        return trace


@contextmanager
def running(
    folder: Path,
    isolation: Literal["inline", "process"],
    console: ConsoleSettings,
    environment: Mapping[str, str],
    *,
    queues: tuple[Queue, ...] = (),
    services: tuple[Call, ...] = (),
    iam: Mode | None = None,
) -> Iterator[Asked]:
    """The project above, emulated, with further queues, and what other services are to have."""
    (folder / "app.py").write_text(PROJECT)
    state = folder / ".streamer"
    config = EmulatorConfig(
        project_folder=folder, state_folder=state, isolation=isolation, console=console, services=services, iam=iam
    )

    def topology(environment: Mapping[str, str]) -> Topology:
        found = load_target("app:app", read(folder), environment=environment).topology
        return dataclasses.replace(found, queues=(*found.queues, *queues))

    with emulator_thread(topology, config, environment) as emulator:
        yield Asked(emulator, state)
