"""Answers of AWS itself, as functions get them that ask for a service which the user named."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
import urllib3

from emulator.port.http import HttpResponse
from emulator.port.real_aws import passed_on
from emulator.port.streaming import CutOffError


class Model(http.server.BaseHTTPRequestHandler):
    """Sends the second token when it was told that the first has arrived."""

    arrived: ClassVar[threading.Event]

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/short":
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"short")
            return
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self.arrived.wait(30)
        self.wfile.write(b"6\r\nsecond\r\n" + (b"" if self.path == "/breaks" else b"0\r\n\r\n"))

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def model() -> Iterator[str]:
    Model.arrived = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def asked(url: str) -> HttpResponse:
    return passed_on(urllib3.request("GET", url, preload_content=False, retries=False))


async def test_what_a_model_streams_is_passed_on_as_it_comes(model: str) -> None:
    answer = await asyncio.to_thread(asked, f"{model}/stream")
    assert answer.rest is not None
    found = []
    async for part in answer.rest.parts:
        found.append(part)
        Model.arrived.set()
    answer.rest.close()

    assert found == [b"first", b"second"]
    assert ("Content-Type", "application/vnd.amazon.eventstream") in answer.headers
    assert "Transfer-Encoding" not in dict(answer.headers)


async def test_an_answer_that_breaks_off_is_cut_off(model: str) -> None:
    Model.arrived.set()
    answer = await asyncio.to_thread(asked, f"{model}/breaks")
    assert answer.rest is not None

    with pytest.raises(CutOffError):
        [_ async for _ in answer.rest.parts]
    answer.rest.close()


async def test_an_answer_that_is_short_is_passed_on_whole(model: str) -> None:
    answer = await asyncio.to_thread(asked, f"{model}/short")

    assert (answer.body, answer.rest) == (b"short", None)
