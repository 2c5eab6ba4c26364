"""A server that does with each of its connections what a test says, on a thread of its own."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

Talk = Callable[[socket.socket], object]
"""What the server does with one connection."""


class Peer:
    """A server that treats its first, second, ... connection as its script says, the last one for ever."""

    def __init__(self, *script: Talk, host: str = "127.0.0.1") -> None:
        self.script = script
        self.listening = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.connections = 0
        self.closed: queue.SimpleQueue[int] = queue.SimpleQueue()
        """Numbers of the connections that are over, from 1."""
        self.requests: list[tuple[int, bytes]] = []
        """Number of the connection, and the request's head and body."""
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        host, port, *_ = self.listening.getsockname()
        return f"http://[{host}]:{port}/dev/c" if ":" in host else f"http://{host}:{port}/dev/c"

    def received(self, connection: socket.socket) -> bool:
        """Read one request; False: the client closed."""
        data = self._own.rest
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while len(body) < size:
            body += connection.recv(1024 * 1024)
        self._own.rest = body[size:]
        self.requests.append((self._own.number, head + b"\r\n\r\n" + body[:size]))
        return True

    _own = threading.local()
    """Number of the thread's connection, and the rest of what was read from it."""

    def _start(self, target: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._talk, connection, self.connections)

    def _talk(self, connection: socket.socket, number: int) -> None:
        self._own.number, self._own.rest = number, b""
        with connection, contextlib.suppress(ConnectionError):
            self.script[min(number, len(self.script)) - 1](connection)
        self.closed.put(number)

    # talks

    def answering(self, *answers: bytes) -> Talk:
        """One answer after each request, the last one again and again."""

        def talk(connection: socket.socket) -> None:
            number = 0
            while self.received(connection):
                connection.sendall(answers[min(number, len(answers) - 1)])
                number += 1

        return talk

    def answering_once(self, answer: bytes) -> Talk:
        """Answer and close."""

        def talk(connection: socket.socket) -> None:
            self.received(connection)
            connection.sendall(answer)

        return talk


@contextlib.contextmanager
def peer(*script: Callable[[Peer], Talk], host: str = "127.0.0.1") -> Iterator[Peer]:
    server = Peer(host=host)
    server.script = tuple(make(server) for make in script) or (server.answering(OK),)
    try:
        yield server
    finally:
        server.close()
