"""Chromium without a window, driven over its DevTools protocol: as much of it as tests of pages need."""

from __future__ import annotations

import base64
import functools
import http.client
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_SECONDS = 60.0

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.errors: list[str] = []
        """Exceptions that nobody caught, and errors on the console."""
        for domain in ("Page", "Runtime", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> Any:
        """Give an order, and wait for its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def open(self, url: str) -> None:
        """Go to an address, and wait until it is loaded."""
        self.do("Page.navigate", url=url)
        self.wait_for(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")

    def reload(self) -> None:
        """Load the page again."""
        self.evaluate("window.isOld = true")
        self.do("Page.reload")
        self.wait_for("!window.isOld && document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of its promise."""
        done = self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait_for(self, condition: str) -> Any:
        """The value of an expression once it is true; the page looks at every frame."""
        loop = f"""new Promise((resolve, reject) => {{
          const began = Date.now();
          const look = () => {{
            let value;
            try {{ value = {condition}; }} catch (error) {{ value = null; }}
            if (value) return resolve(value);
            if (Date.now() - began > {PATIENCE_SECONDS * 1000 / 2}) {{
              return reject(new Error("never: " + {json.dumps(condition)}));
            }}
            setTimeout(look, 10);
          }};
          look();
        }})"""
        for _ in range(50):
            done = self._tried(loop)
            if done is not None:
                assert "exceptionDetails" not in done, done["exceptionDetails"]
                return done["result"].get("value")
        raise AssertionError(f"the page never stood still: {condition}")

    def picture(self, file: Path) -> None:
        """Keep what the page looks like, as a PNG."""
        file.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"]))

    def _tried(self, expression: str) -> Any:
        """The result of an expression; None: the page went away meanwhile."""
        self._number += 1
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        self._socket.send(json.dumps({"id": self._number, "method": "Runtime.evaluate", "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            self._note(message)
            if message.get("id") == self._number:
                return message.get("result")

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(str(details.get("exception", {}).get("description") or details["text"]))
        if message.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.errors.append(str(parameters["args"][0].get("value")))


@contextmanager
def browser(profile: Path) -> Iterator[Callable[[], Page]]:
    """A running browser; what it yields opens another tab."""
    assert CHROMIUM is not None
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
        *("--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank"),
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    sockets = ExitStack()
    try:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"listening on ws://([\d.:]+)/", str(line)) for line in process.stderr)))
        threading.Thread(target=process.stderr.read, daemon=True).start()

        def tab() -> Page:
            client = http.client.HTTPConnection(found[1], timeout=PATIENCE_SECONDS)
            client.request("PUT", "/json/new?about:blank")
            address = json.load(client.getresponse())["webSocketDebuggerUrl"]
            client.close()
            return Page(sockets.enter_context(connect(address, max_size=None, compression=None)))

        yield tab
    finally:
        sockets.close()
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A folder as a web site of the loopback; its URL."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
