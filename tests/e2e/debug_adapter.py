"""An editor's debugger, as far as the tests need one: a client of the Debug Adapter Protocol that debugpy speaks."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from running_command import PATIENCE_SECONDS


class Stop(NamedTuple):
    """Where a thread stands still."""

    thread: int
    frame: int
    function: str
    line: int
    variables: Mapping[str, str]


class Debugger:
    """A debugger that is attached to a port; enter it to attach, leave it to detach."""

    def __init__(self, port: int, file: Path, *, lines: list[int]) -> None:
        """Stop at these lines of a file."""
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._file, self._lines = file, lines
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self._kept: list[dict[str, Any]] = []
        self._sent = 0
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        self.ask("initialize", adapterID="tests", pathFormat="path", linesStartAt1=True)
        self._send("attach", justMyCode=True)
        self._wait(lambda message: message.get("event") == "initialized")
        places = [{"line": line} for line in self._lines]
        self.ask("setBreakpoints", source={"path": str(self._file)}, breakpoints=places)
        self.ask("configurationDone")
        return self

    def __exit__(self, *_: object) -> None:
        self.ask("disconnect")
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE_SECONDS)
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """The body of the answer to a request."""
        number = self._send(command, **arguments)
        answer = self._wait(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        return answer.get("body")

    def stopped(self) -> Stop:
        """Wait until a thread stands still."""
        thread = self._wait(lambda message: message.get("event") == "stopped")["body"]["threadId"]
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
        scope = self.ask("scopes", frameId=frame["id"])["scopes"][0]
        found = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        values = {each["name"]: each["value"] for each in found}
        return Stop(thread, frame["id"], frame["name"], frame["line"], values)

    def go_on(self, stop: Stop) -> None:
        """Let the thread run."""
        self.ask("continue", threadId=stop.thread)

    def _send(self, command: str, **arguments: Any) -> int:
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self._sent

    def _read(self) -> None:
        with self._socket.makefile("rb") as stream:
            while head := stream.readline():
                stream.readline()
                self._heard.put(json.loads(stream.read(int(head.partition(b":")[2]))))

    def _wait(self, holds: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        for message in self._kept:
            if holds(message):
                self._kept.remove(message)
                return message
        while not holds(message := self._heard.get(timeout=PATIENCE_SECONDS)):
            self._kept.append(message)
        return message
