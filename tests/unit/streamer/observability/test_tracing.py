"""What X-Ray is told of, and when nothing is."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from streamer.handlers.setup import Environment
from streamer.observability.tracing import PREFIX, Tracing

ROOT = "1-67891233-abcdef012345678912345678"
LAMBDA = {
    "_X_AMZN_TRACE_ID": f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a:0",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
}


class Daemon:
    def __init__(self, environ: dict[str, str]) -> None:
        self.got: list[tuple[Any, tuple[str, int]]] = []
        times = iter([10.0, 10.5, 11.0, 11.5])
        self.tracing = Tracing(environ, send=self.send, clock=lambda: next(times), new_id=lambda: "70de5b6f19ff9a0a")

    def send(self, datagram: bytes, address: tuple[str, int]) -> None:
        assert datagram.startswith(PREFIX)
        self.got.append((json.loads(datagram.removeprefix(PREFIX)), address))


def test_a_message_is_a_subsegment_of_its_invocation_with_its_request() -> None:
    daemon = Daemon(LAMBDA)

    with daemon.tracing.about("message", request_id="r1", connection_id="c=", action=None):
        pass

    assert daemon.got == [
        (
            {
                "name": "message",
                "id": "70de5b6f19ff9a0a",
                "type": "subsegment",
                "trace_id": ROOT,
                "parent_id": "53995c3f42cd8ad8",
                "start_time": 10.0,
                "end_time": 10.5,
                "annotations": {"request_id": "r1", "connection_id": "c="},
            },
            ("169.254.100.1", 2000),
        )
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"_X_AMZN_TRACE_ID": f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=0"}, id="not sampled"),
        pytest.param({"_X_AMZN_TRACE_ID": ""}, id="no header"),
        pytest.param({"_X_AMZN_TRACE_ID": f"Root={ROOT};Sampled=1"}, id="no parent"),
        pytest.param({"_X_AMZN_TRACE_ID": "no header;;=;Sampled=1"}, id="no trace header at all"),
        pytest.param({"AWS_XRAY_DAEMON_ADDRESS": ""}, id="no daemon"),
        pytest.param({"AWS_XRAY_DAEMON_ADDRESS": "tcp:there"}, id="no address"),
    ],
)
def test_nothing_is_sent_where_nothing_is_recorded(changes: dict[str, str]) -> None:
    daemon = Daemon(LAMBDA | changes)

    with daemon.tracing.about("message", request_id="r1"):
        pass

    assert daemon.got == []


def test_the_header_is_that_of_the_invocation() -> None:
    environ = dict(LAMBDA)
    daemon = Daemon(environ)
    with daemon.tracing.about("message"):
        pass
    environ["_X_AMZN_TRACE_ID"] = "Root=1-2-3;Parent=4;Sampled=1"
    with daemon.tracing.about("message"):
        pass

    assert [document["trace_id"] for document, _ in daemon.got] == [ROOT, "1-2-3"]


def test_what_raises_is_a_fault() -> None:
    daemon = Daemon(LAMBDA)

    with pytest.raises(LookupError), daemon.tracing.about("run"):
        raise LookupError

    assert daemon.got[0][0]["fault"] is True


def test_a_function_records_what_lambda_samples_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{daemon.getsockname()[1]}")
        for number, sampled in enumerate((0, 1)):
            monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled={sampled}")
            with environment.about("message", request_id=f"r{number}"):
                pass

        document = json.loads(daemon.recv(65_536).removeprefix(PREFIX))

    assert document["annotations"] == {"request_id": "r1"}
