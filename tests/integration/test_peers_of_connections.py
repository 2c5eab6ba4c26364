"""Whose socket is at the other end of a connection, by each way of looking."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from emulator.functions.processes.callers import AskedSystem, Callers, ProcessFiles, Unknown, callers
from emulator.port.peers import AskedKernel, Owners, SocketFiles, _question, owners

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="by means of Linux")
OWNERS: dict[str, Callable[[], Owners]] = {"sock_diag": AskedKernel, "socket files": SocketFiles}
CALLERS: dict[str, Callable[[], Callers]] = {
    "sock_diag": lambda: ProcessFiles(AskedKernel()),
    "socket files": lambda: ProcessFiles(SocketFiles()),
    "psutil": lambda: AskedSystem(psutil),
}
"""What Linux has, and what stands for it elsewhere."""
CONNECT = "import socket, sys\nmade = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\ninput()"
ASK_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {CONNECT!r}, sys.argv[1]])"


@pytest.fixture(params=OWNERS)
def way(request: pytest.FixtureRequest) -> Iterator[Owners]:
    """Each way of looking, closed after the test."""
    with contextlib.closing(OWNERS[request.param]()) as made:
        yield made


@contextmanager
def waiting(program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that goes on until the block ends."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.communicate(b"\n")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@needs_linux
def test_the_owner_and_the_inode_of_the_other_end_are_found(listening: socket.socket, way: Owners) -> None:
    with socket.create_connection(listening.getsockname()) as client:
        found = way.owner(client.getsockname(), client.getpeername())

        assert found is not None
        assert (found.uid, found.inode) == (os.geteuid(), os.fstat(client.fileno()).st_ino)


@needs_linux
def test_a_socket_of_both_families_is_found_by_its_ipv4_address(listening: socket.socket, way: Owners) -> None:
    with socket.socket(socket.AF_INET6) as client:
        try:
            client.connect(("::ffff:127.0.0.1", listening.getsockname()[1]))
        except OSError:
            pytest.skip("this machine has no IPv6")
        accepted, address = listening.accept()
        with accepted:
            found = way.owner(address, accepted.getsockname())

        assert found is not None
        assert found.inode == os.fstat(client.fileno()).st_ino


@needs_linux
def test_a_socket_that_was_closed_has_no_owner(listening: socket.socket, way: Owners) -> None:
    client = socket.create_connection(listening.getsockname())
    own, other = client.getsockname(), client.getpeername()
    client.close()

    assert way.owner(own, other) is None


@needs_linux
def test_each_question_gets_its_own_answer_whatever_came_before(listening: socket.socket, way: Owners) -> None:
    way.owner(("127.0.0.1", 1), ("127.0.0.1", 2))  # nobody has it
    with (
        socket.create_connection(listening.getsockname()) as one,
        socket.create_connection(listening.getsockname()) as two,
    ):
        for client in (one, two, one):
            found = way.owner(client.getsockname(), client.getpeername())

            assert found is not None
            assert found.inode == os.fstat(client.fileno()).st_ino
        way.close()

        assert way.owner(two.getsockname(), two.getpeername()) is not None


@needs_linux
def test_an_answer_that_nobody_waited_for_is_passed_over(listening: socket.socket) -> None:
    with contextlib.closing(AskedKernel()) as kernel, socket.create_connection(listening.getsockname()) as client:
        own, other = client.getsockname(), client.getpeername()
        assert kernel.owner(own, other) is not None
        assert kernel._kernel is not None
        kernel._kernel.send(_question(("127.0.0.1", 1), ("127.0.0.1", 2), 0))

        found = kernel.owner(own, other)

        assert found is not None
        assert found.inode == os.fstat(client.fileno()).st_ino


@needs_linux
def test_the_quickest_way_that_works_here_is_taken() -> None:
    found = owners()
    assert isinstance(found, AskedKernel | SocketFiles)
    found.close()
    assert isinstance(callers(process_files=True), ProcessFiles)
    assert isinstance(callers(process_files=False), AskedSystem)


@pytest.mark.parametrize("way", CALLERS)
@pytest.mark.parametrize("whose", ["its own", "a child's", "a stranger's"])
def test_a_connection_is_its_processs_own_or_a_descendants(listening: socket.socket, way: str, whose: str) -> None:
    if way != "psutil" and sys.platform != "linux":
        pytest.skip("by means of Linux")
    program = ASK_A_CHILD if whose == "a child's" else CONNECT
    port = str(listening.getsockname()[1])
    with waiting(program, port) as process, waiting("input()") as stranger:
        accepted, address = listening.accept()
        with accepted:
            pid = stranger.pid if whose == "a stranger's" else process.pid
            assert CALLERS[way]().is_of(pid, address, accepted.getsockname()) == (whose != "a stranger's")


def test_where_nothing_can_be_seen_everybody_passes() -> None:
    assert Unknown().is_of(1, ("127.0.0.1", 1), ("127.0.0.1", 2))


class Nothing:
    """A platform that does not tell. An `Owners`."""

    def owner(self, own: tuple[str, int], other: tuple[str, int]) -> None:
        return None

    def close(self) -> None:
        pass


def test_a_connection_whose_owner_is_not_found_is_nobodys() -> None:
    nothing: Owners = Nothing()

    assert not ProcessFiles(nothing).is_of(os.getpid(), ("127.0.0.1", 1), ("127.0.0.1", 2))
