"""Makes records as the shells would, with one clock, for tests of what is told of them."""

from __future__ import annotations

import json
from typing import Any

from emulator.console.recording.recorder import RingRecorder
from emulator.console.recording.records import Message
from emulator.console.recording.ring import Ring
from emulator.functions.outcome import Failed, Returned
from emulator.gateway.rules.effects import Accept, Effect, Invoke, Raised, Replied, Result
from emulator.port.http import HttpRequest, HttpResponse
from streamer.auth import mint

SECOND_NS = 1_000_000_000
TOKEN = mint("s" * 32, user_id="ada", tenant_id="acme", now=0)


class World:
    """A recorder and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * SECOND_NS
        self.recorder = RingRecorder(Ring(), lambda: self.now_ns, lambda keep, record: keep(record))
        self._count = 0

    @property
    def ring(self) -> Ring:
        return self.recorder.ring

    def passes(self, milliseconds: float) -> None:
        self.now_ns += int(milliseconds * 1e6)

    def opens(self, connection: str = "c1") -> None:
        request = HttpRequest(
            "GET", f"/dev?Authorization={TOKEN}", (("Host", "x"), ("Cookie", "a=b")), b"", "127.0.0.1", {"host": "x"}
        )
        self.recorder.opening(request, connection, Accept(), began_ns=self.now_ns - 1000)

    def receives(self, content: Any, *, connection: str = "c1", function: str = "router") -> Invoke:
        self._count += 1
        text = content if isinstance(content, str) else json.dumps(content)
        context = {"connectionId": connection, "requestId": f"gw{self._count}", "routeKey": "$default"}
        invoke = Invoke(function, {"requestContext": context, "body": text}, 29.0, f"gw{self._count}", "$default")
        self.recorder.message(connection, text, [invoke])
        return invoke

    def refuses(self, text: str, *effects: Effect) -> None:
        self.recorder.message("c1", text, list(effects))

    def runs(self, event: Any, *, ms: float = 10, request: str | None = None, error: Any = None, **run: Any) -> str:
        """An invocation that ends now; answers its trace root."""
        self._count += 1
        request = request or f"lambda{self._count}"
        root = f"1-root{self._count}"
        payload = json.dumps({"ok": True} if error is None else error).encode()
        outcome = Returned(payload, request) if error is None else Failed(payload, request, "Unhandled")
        about = {"waited_ms": 0.0, "init_ms": None, "memory_mb": 40, **run}
        self.recorder.run(
            about.pop("function", "router"),
            json.dumps(event).encode(),
            outcome,
            number=0,
            trace=f"Root={root};Parent=1;Sampled=0",
            duration_ms=ms,
            **about,
        )
        return root

    def calls(self, root: str, target: str, body: Any, *, path: str = "/", answer: Any = None, **answered: Any) -> None:
        fields = {"x-amzn-trace-id": f"Root%3D{root}%3BParent%3D1"}
        if target:
            fields["x-amz-target"] = target
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = answered.get("headers", ())
        request = HttpRequest("POST", path, (), text, "127.0.0.1", fields)
        told = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()
        response = HttpResponse(answered.get("status", 200), told, headers)
        self.recorder.call(request, response, "router", self.now_ns)

    def posts(self, root: str, message: Any, *, connection: str = "c1", status: int = 200) -> None:
        self.calls(root, "", message, path=f"/dev/%40connections/{connection}", status=status)

    def answers(self, invoke: Invoke, result: Result | None = None, *effects: Effect) -> None:
        self.recorder.answered(invoke, result or Replied(b"{}"), list(effects))

    def message(self) -> Message:
        return next(record for record in self.ring if isinstance(record, Message))


def raised(error_type: str, message: str, *frames: str) -> Raised:
    error = {"errorType": error_type, "errorMessage": message, "stackTrace": list(frames)}
    return Raised(json.dumps(error).encode())
