"""A debugger of Node.js, as far as the tests need one: a client of the inspector's protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

PATIENCE_SECONDS = 60


class Inspector:
    """Attached to one process; enter it to attach, leave it to detach."""

    def __init__(self, url: str) -> None:
        """``url`` is what Node.js says it listens on."""
        self._url = url
        self._socket: ClientConnection
        self._stack = ExitStack()
        self._kept: list[dict[str, Any]] = []
        self._sent = 0

    def __enter__(self) -> Self:
        opening = connect(self._url, open_timeout=PATIENCE_SECONDS, max_size=None)
        self._socket = self._stack.enter_context(opening)
        self.ask("Runtime.enable")
        self.ask("Debugger.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def stop_at(self, file: str, line: int) -> None:
        """Stop at a line, from 1, of any file of that name."""
        self.ask("Debugger.setBreakpointByUrl", urlRegex=f".*{file}$", lineNumber=line - 1)

    def paused(self) -> str:
        """The frame in which it has stopped; waits for it."""
        told = self._wait(lambda message: message.get("method") == "Debugger.paused")
        return str(told["params"]["callFrames"][0]["callFrameId"])

    def evaluate(self, frame: str, expression: str) -> Any:
        """The value of an expression where it has stopped."""
        answer = self.ask("Debugger.evaluateOnCallFrame", callFrameId=frame, expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def go_on(self) -> None:
        self.ask("Debugger.resume")

    def ask(self, method: str, **parameters: Any) -> Any:
        """The result of a command."""
        self._sent += 1
        number = self._sent
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        answer = self._wait(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def _wait(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while (found := next(filter(is_wanted, self._kept), None)) is None:
            self._kept.append(json.loads(self._socket.recv(PATIENCE_SECONDS)))
        self._kept.remove(found)
        return found
