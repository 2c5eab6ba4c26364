"""Our part of AWS's Python client against a Runtime API that answers as it likes; the contract suite runs the rest."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emulator.functions.processes.runtime_client import Connection

EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nlambda-runtime-aws-request-id: r-1\r\n"
    b"Lambda-Runtime-Deadline-Ms:  1700000000000\r\nContent-Length: 12\r\n\r\n{\"a\":\"\xc3\xa4 b\"}"
)  # fmt: skip


@contextmanager
def answering(*pieces: bytes) -> Iterator[tuple[Connection, list[bytes]]]:
    """A connection to a server that sends these pieces, each after it has read something, and then closes."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            accepted, _ = server.accept()
            with accepted:
                requests.append(accepted.recv(65536))
                for piece in pieces:
                    accepted.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        connection = Connection(socket.create_connection(server.getsockname()), "agent/1")
        try:
            yield connection, requests
        finally:
            connection.close()
            thread.join()


@pytest.mark.parametrize("size", [1, 7, 40, len(EVENT)])
def test_an_event_is_read_however_it_is_cut(size: int) -> None:
    with answering(*(EVENT[at : at + size] for at in range(0, len(EVENT), size))) as (connection, requests):
        body, headers = connection.next_event()

    assert body == b'{"a":"\xc3\xa4 b"}'
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "r-1"
    assert headers["Lambda-Runtime-Deadline-Ms"] == 1_700_000_000_000
    assert headers["Lambda-Runtime-Client-Context"] is None
    assert requests[0].startswith(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n")


def test_handlers_of_signals_run_while_it_waits_for_an_event() -> None:
    """For which AWS's own part, which is deaf then, is called in a thread from Python 3.12 on."""
    ours, theirs = socket.socketpair()

    def answer(_number: int, _frame: object) -> None:
        theirs.sendall(EVENT)

    def interrupt() -> None:
        theirs.recv(65536)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, answer)
    with ours, theirs:
        asker = threading.Thread(target=interrupt)
        asker.start()
        try:
            body, _ = Connection(ours, "agent/1").next_event()
        finally:
            asker.join()
            signal.signal(signal.SIGUSR1, before)

    assert body == b'{"a":"\xc3\xa4 b"}'


ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nok\n"
FAILURE = "Failed to post invocation response"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((ACCEPTED + EVENT,), id="together"),
        pytest.param((ACCEPTED, EVENT), id="one after the other"),
        pytest.param((ACCEPTED[:30], ACCEPTED[30:] + EVENT[:9], EVENT[9:]), id="in other pieces"),
    ],
)
def test_a_result_and_the_request_for_the_next_event_go_together(pieces: tuple[bytes, ...]) -> None:
    with answering(*pieces) as (connection, requests):
        connection.post_and_ask("r-0/response", b"null", {}, failure=FAILURE)
        body, headers = connection.next_event()

    assert (body, headers["Lambda-Runtime-Aws-Request-Id"]) == (b'{"a":"\xc3\xa4 b"}', "r-1")
    post, _, following = requests[0].partition(b"null")
    assert post.startswith(b"POST /2018-06-01/runtime/invocation/r-0/response HTTP/1.1\r\n")
    assert following.startswith(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n")


def test_a_refusal_of_such_a_result_is_raised_where_the_next_event_is_waited_for() -> None:
    with answering(b"HTTP/1.1 400 Refused\r\nContent-Length: 2\r\n\r\n{}" + EVENT) as (connection, _):
        connection.post_and_ask("r-0/response", b"null", {}, failure=FAILURE)
        with pytest.raises(RuntimeError, match=FAILURE):
            connection.next_event()


def test_a_long_result_is_answered_before_anything_else_is_asked() -> None:
    with (
        answering(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\n{}") as (connection, _),
        pytest.raises(RuntimeError, match=FAILURE),
    ):
        connection.post_and_ask("r-0/response", b"1" * 65_537, {}, failure=FAILURE)


def test_a_refused_result_is_an_error_in_the_words_of_awss_client(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        answering(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\n{}") as (connection, _),
        pytest.raises(RuntimeError, match="Failed to post invocation response"),
    ):
        connection.post("r-1/response", b"null", {}, failure="Failed to post invocation response")

    assert (
        "LAMBDA_RUNTIME Failed to post handler success response. Http response code: 413. {}" in capfd.readouterr().err
    )


@pytest.mark.parametrize("piece", [b"", b"HTTP/1.1 200", EVENT[:-3]], ids=["no answer", "half a head", "half a body"])
def test_a_runtime_api_that_goes_away_is_an_error(piece: bytes) -> None:
    with answering(piece) as (connection, _), pytest.raises(RuntimeError, match="does not answer"):
        connection.next_event()
