"""Requests over kept-alive connections, to servers that behave in every way a server can."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted_server import OK, peer

from emulator.functions.inline.cpython_threads import may_stall_others
from streamer.errors import ConfigurationError
from streamer.sending.http_connection import HttpConnection, request_bytes
from streamer.sending.transport import IDLE_CONNECTIONS, Answer, NoAnswerError, PooledExchange

CLOSING = b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nX-Amzn-ErrorType: GoneException\r\ncontent-length: 0\r\n\r\n"
MORE_THAN_BUFFERS_HOLD = bytes(32 * 1024 * 1024)


@pytest.fixture
def exchange() -> Iterator[PooledExchange]:
    made = PooledExchange()
    yield made
    made._forget()


def post(exchange: PooledExchange, url: str, body: bytes = b"x", timeout_seconds: float = 10.0) -> Answer:
    return exchange("POST", url, body, {"host": "h", "x-a": "1"}, timeout_seconds)


def idle(exchange: PooledExchange) -> int:
    return sum(map(len, exchange._idle.values()))


# what is sent


def test_a_request_is_the_head_and_the_body_and_nothing_is_left_out(exchange: PooledExchange) -> None:
    with peer() as server:
        post(exchange, server.url, b"\x00\xff")
        exchange("GET", server.url, b"", {"host": "h"}, 10.0)
        exchange._forget()

    (_, first), (_, second) = server.requests
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /dev/c HTTP/1.1\r\n")
    assert {b"host: h", b"x-a: 1", b"Content-Length: 2"} <= set(head.split(b"\r\n"))
    assert body == b"\x00\xff"
    assert second.startswith(b"GET /dev/c HTTP/1.1\r\n")


@pytest.mark.skipif(not hasattr(socket, "SOCK_SEQPACKET"), reason="no sockets that keep the borders of what is sent")
@pytest.mark.parametrize("size", [0, 1, 2000, 60_000])
def test_head_and_body_are_sent_in_one_piece(size: int) -> None:
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        pytest.skip("no sockets that keep the borders of what is sent")
    connection = HttpConnection("h", 80, timeout_seconds=10.0)
    connection.sock = ours
    with contextlib.closing(connection), theirs:
        connection.send(request_bytes("POST", "/c", b"x" * size, {"host": "h"}))
        piece = theirs.recv(1024 * 1024)

    assert piece.startswith(b"POST /c HTTP/1.1\r\n")
    assert piece.endswith(b"\r\n\r\n" + b"x" * size)


@pytest.mark.parametrize("path", ["", "/", "/a/b//c/%40?q=/&r"])
def test_a_url_needs_no_path(exchange: PooledExchange, path: str) -> None:
    with peer() as server:
        post(exchange, server.url.removesuffix("/dev/c") + path)
        exchange._forget()

    assert server.requests[0][1].split()[1] == (path or "/").encode()


def test_a_host_may_be_an_ipv6_address(exchange: PooledExchange) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with peer(host="::1") as server:
        assert post(exchange, server.url).status == 200
        exchange._forget()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://h/x", ("h", 80)),
        ("https://h/x", ("h", 443)),
        ("http://[::1]/x", ("::1", 80)),
        ("HTTPS://H:8443/x", ("h", 8443)),
    ],
)
def test_ports_have_their_defaults(exchange: PooledExchange, url: str, address: tuple[str, int]) -> None:
    connection = exchange._new("/".join(url.split("/")[:3]), 1.0)

    assert (connection.host, connection.port) == address
    assert (connection.tls is not None) is url.lower().startswith("https")


@pytest.mark.parametrize(
    "url",
    [
        "h:8787/dev/c",
        "//h/dev/c",
        "http:///dev/c",
        "ftp://h/dev/c",
        "http://h:port/dev/c",
        "http://h:99999/dev/c",
        "http://[::1/dev/c",
        "http://a..b/dev/c",
        "http://h?dev/c",
        "",
    ],
)
def test_what_is_not_the_url_of_a_server_is_a_mistake_in_the_configuration(exchange: PooledExchange, url: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTP address"):
        post(exchange, url)


@pytest.mark.parametrize("stage", ["ä", "a b", "a\nb"])
def test_so_is_a_path_that_cannot_be_sent(exchange: PooledExchange, stage: str) -> None:
    with peer() as server, pytest.raises(ConfigurationError, match="is not a URL"):
        post(exchange, f"{server.url}/{stage}")
    assert idle(exchange) == 0


# what is answered


@pytest.mark.parametrize(
    ("answer", "expected", "kept"),
    [
        pytest.param(OK, Answer(200), True, id="kept alive"),
        pytest.param(GONE, Answer(410, b"", "GoneException"), True, id="an error, kept alive"),
        pytest.param(CHUNKED, Answer(200, b"ok"), True, id="in chunks"),
        pytest.param(CLOSING, Answer(200, b"ok"), False, id="closing, as announced"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Answer(200), True, id="after a 100"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204), True, id="without a body"),
    ],
)
def test_an_answer_is_read_to_its_end(exchange: PooledExchange, answer: bytes, expected: Answer, kept: bool) -> None:
    with peer(lambda server: server.answering(answer)) as server:
        assert [post(exchange, server.url) for _ in range(3)] == [expected] * 3
        exchange._forget()

    assert server.connections == (1 if kept else 3)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nall", Answer(200, b"all"), id="HTTP/1.0, up to the end"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nall", Answer(200, b"all"), id="without a length, up to the end"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: no\r\n\r\nall", Answer(200, b"all"), id="a senseless length"),
    ],
)
def test_an_answer_without_a_length_ends_with_its_connection(
    exchange: PooledExchange, answer: bytes, expected: Answer
) -> None:
    with peer(lambda server: server.answering_once(answer)) as server:
        assert [post(exchange, server.url) for _ in range(2)] == [expected] * 2

    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed without a word"),
        pytest.param(b"HTTP/1.1 2", id="half a status"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", id="half a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", id="no chunk"),
        pytest.param(b"\x16\x03\x01\x00\x00\r\n\r\n", id="TLS"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/3 200 OK\r\n\r\n", id="another version"),
        pytest.param(b"x" * 100_000, id="an endless line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", id="endless headers"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, id="hints first"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", id="not HTTP from now on"),
    ],
)
def test_anything_else_is_no_answer_and_the_connection_is_not_used_again(
    exchange: PooledExchange, answer: bytes
) -> None:
    with peer(
        lambda server: server.answering(answer) if answer else server.received, lambda s: s.answering(GONE)
    ) as server:
        with pytest.raises(NoAnswerError):
            post(exchange, server.url, timeout_seconds=0.1)
        assert post(exchange, server.url).status == 410
        exchange._forget()

    assert server.connections == 2


def test_a_server_may_answer_before_it_has_read_the_body_and_close(exchange: PooledExchange) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")

    with peer(lambda _: refuse) as server:
        assert [post(exchange, server.url, MORE_THAN_BUFFERS_HOLD).status for _ in range(2)] == [413, 413]

    assert server.connections == 2


def test_so_may_one_that_reads_it_afterwards(exchange: PooledExchange) -> None:
    with peer() as server:

        def early(connection: socket.socket) -> None:
            connection.sendall(GONE)
            server.received(connection)
            server.answering(OK)(connection)

        server.script = (early,)
        assert post(exchange, server.url, bytes(1000)).status == 410
        assert post(exchange, server.url).status == 200
        exchange._forget()

    assert {number for number, _ in server.requests} == {1}


# connections


def test_a_connection_that_the_server_closed_is_not_used_again(exchange: PooledExchange) -> None:
    with peer(lambda server: server.answering_once(OK)) as server:
        for _ in range(3):
            assert post(exchange, server.url).status == 200
            server.closed.get(timeout=60)

    assert [number for number, _ in server.requests] == [1, 2, 3]


def test_what_a_server_says_unasked_is_never_the_answer_to_the_next_request(exchange: PooledExchange) -> None:
    said = threading.Event()
    with peer() as server:

        def talkative(connection: socket.socket) -> None:
            server.received(connection)
            connection.sendall(OK)
            asked_on.wait(60)
            connection.sendall(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
            said.set()
            assert not server.received(connection)

        asked_on = threading.Event()
        server.script = (talkative, server.answering(GONE))
        assert post(exchange, server.url).status == 200
        asked_on.set()
        said.wait(60)
        assert post(exchange, server.url).status == 410
        exchange._forget()


def test_more_threads_than_kept_connections_leave_no_more_than_those(exchange: PooledExchange) -> None:
    threads = IDLE_CONNECTIONS + 8
    together = threading.Barrier(threads)

    with peer() as server:

        def all_at_once(connection: socket.socket) -> None:
            server.received(connection)
            together.wait(60)
            connection.sendall(OK)
            server.answering(OK)(connection)

        server.script = (all_at_once,)
        with ThreadPoolExecutor(threads) as pool:
            assert {answer.status for answer in pool.map(lambda _: post(exchange, server.url), range(threads))} == {200}
        # Two threads may see the last free place at once.
        assert IDLE_CONNECTIONS <= idle(exchange) < threads
        exchange._forget()
        for _ in range(threads):
            server.closed.get(timeout=60)


def test_an_exchange_that_is_forgotten_closes_its_connections() -> None:
    exchange = PooledExchange()
    with peer() as server:
        post(exchange, server.url)
        del exchange
        assert server.closed.get(timeout=60) == 1


# time


@pytest.mark.parametrize("size", [1, 128 * 1024, len(MORE_THAN_BUFFERS_HOLD)])
def test_a_server_that_neither_reads_nor_answers_is_not_waited_for(exchange: PooledExchange, size: int) -> None:
    given_up = threading.Event()
    with peer(lambda _: lambda _connection: assert_(given_up.wait(60))) as server:
        with pytest.raises(NoAnswerError, match=r"(?i)timed ?out"):
            post(exchange, server.url, MORE_THAN_BUFFERS_HOLD[:size], timeout_seconds=0.05)
        given_up.set()

    assert idle(exchange) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")
def test_a_server_that_accepts_nobody_is_not_waited_for(exchange: PooledExchange) -> None:
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        with pytest.raises(NoAnswerError, match=r"(?i)timed ?out"):
            post(exchange, f"http://127.0.0.1:{listening.getsockname()[1]}/c", timeout_seconds=0.05)


def test_every_request_has_a_time_of_its_own(exchange: PooledExchange) -> None:
    with peer(lambda server: server.answering(OK), lambda server: server.answering(GONE)) as server:
        post(exchange, server.url, timeout_seconds=7.0)
        (kept,) = exchange._idle[server.url.removesuffix("/dev/c")]
        assert kept.sock is not None
        assert kept.sock.gettimeout() == 7.0
        post(exchange, server.url, timeout_seconds=9.0)
        assert kept.sock.gettimeout() == 9.0
        exchange._forget()


# interruptions


class AbandonedError(BaseException):
    """Like the one that ends a function which runs inline after its timeout."""


def test_a_request_that_another_thread_ends_takes_its_connection_with_it(exchange: PooledExchange) -> None:
    if may_stall_others():
        pytest.skip("on Python 3.11 under coverage, nobody goes on before the thread is back from C code")
    asked, interrupted, ended = threading.Event(), threading.Event(), threading.Event()
    with peer() as server:

        def late(connection: socket.socket) -> None:
            server.received(connection)
            connection.sendall(OK)
            server.received(connection)
            asked.set()
            interrupted.wait(60)
            connection.sendall(GONE)  # nobody must take it for the answer to another request
            assert not server.received(connection)

        server.script = (late, server.answering(OK))

        def run() -> None:
            post(exchange, server.url)
            try:
                post(exchange, server.url)
            except AbandonedError:
                ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        asked.wait(60)
        assert thread.ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(AbandonedError))
        interrupted.set()
        thread.join(60)
        assert ended.is_set()
        assert [post(exchange, server.url).status for _ in range(2)] == [200, 200]
        exchange._forget()

    assert [number for number, _ in server.requests] == [1, 1, 2, 2]


@pytest.mark.parametrize("step", ["connect", "send", "receive"])
def test_an_interrupt_at_any_step_does_so_too(
    exchange: PooledExchange, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer() as server:
        if step != "connect":
            post(exchange, server.url)

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as context:
            context.setattr(HttpConnection, step, interrupt)
            with pytest.raises(KeyboardInterrupt):
                post(exchange, server.url)
        assert idle(exchange) == 0
        assert post(exchange, server.url).status == 200
        exchange._forget()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_process_has_connections_of_its_own() -> None:
    with peer() as server:
        search = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-W", "error", "-c", FORKING, server.url]
        subprocess.run(command, check=True, env=os.environ | search, timeout=60)

    numbers: dict[bytes, set[int]] = {}
    for number, request in server.requests:
        numbers.setdefault(request[-6:], set()).add(number)
    assert numbers == {b"parent": {1}, b"fchild": {2}}


FORKING = """
import os, sys
from streamer.sending.transport import PooledExchange
exchange, url = PooledExchange(), sys.argv[1]
def post(text):
    assert exchange("POST", url, text, {"host": "h"}, 10.0).status == 200
post(b"parent")
pid = os.fork()
if pid == 0:
    post(b"fchild")
    post(b"fchild")
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
post(b"parent")
"""


def assert_(condition: bool) -> None:
    assert condition
