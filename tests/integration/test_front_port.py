"""The one port: plain and TLS connections, and clients that do neither properly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.port.front import Front, bind
from emulator.port.peers import owners
from emulator.port.tls import Authority, authority
from streamer.errors import ConfigurationError


class Upper(asyncio.Protocol):
    """Answers with what it hears in capitals, and whether it came over TLS."""

    def __init__(self, is_tls: bool, _peer: str) -> None:
        self._is_tls = is_tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data.upper() + (b" over TLS" if self._is_tls else b" in the clear"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def front(certificates: Authority) -> AsyncIterator[Front]:
    async with Front(Upper, host="127.0.0.1", port=0, tls=certificates.server_context()) as front:
        yield front


async def say(front: Front, words: bytes, *, tls: ssl.SSLContext | None = None) -> bytes:
    """What the port answers; empty when it closes the connection."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port, ssl=tls)
        try:
            writer.write(words)
            return await reader.read(100)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_plain_connection_is_served(front: Front) -> None:
    assert await say(front, b"hello") == b"HELLO in the clear"


async def test_a_tls_connection_is_served_on_the_same_port(front: Front, certificates: Authority) -> None:
    context = ssl.create_default_context(cafile=certificates.ca_file)

    assert await say(front, b"hello", tls=context) == b"HELLO over TLS"
    assert await say(front, b"hello") == b"HELLO in the clear"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_certificate_is_good_for_every_name_of_this_machine(certificates: Authority, host: str) -> None:
    client = ssl.create_default_context(cafile=certificates.ca_file)

    assert handshake(client, certificates.server_context(), host)


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> bool:
    """A TLS handshake in memory; raises when the client does not trust the server."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(to_client, to_server, server_hostname=host)]
    sides.append(server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return sides[0].cipher() is not None


def test_the_certificate_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    first = authority(tmp_path)
    content = first.server_file.read_bytes()

    assert authority(tmp_path).server_file.read_bytes() == content
    assert first.server_file.stat().st_mode & 0o077 == 0


def test_another_host_gets_a_certificate_of_its_own(tmp_path: Path) -> None:
    made = authority(tmp_path, host="192.0.2.1")

    assert handshake(ssl.create_default_context(cafile=made.ca_file), made.server_context(), "192.0.2.1")


def test_names_of_another_region_are_told_once(certificates: Authority, caplog: pytest.LogCaptureFixture) -> None:
    client, server = ssl.create_default_context(cafile=certificates.ca_file), certificates.server_context("us-east-1")

    assert handshake(client, server, "sqs.us-east-1.amazonaws.com")
    for service in ("sqs", "sns"):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(client, server, f"{service}.eu-west-1.amazonaws.com")

    assert [record.getMessage() for record in caplog.records] == [
        "what is asked for by a name of eu-west-1 is not here: all of this emulator is in us-east-1"
    ]


async def test_broken_tls_ends_that_connection_alone(front: Front) -> None:
    assert b"HELLO" not in await say(front, b"\x16\x03\x01\x00\x05hello")
    assert await say(front, b"hello") == b"HELLO in the clear"


async def test_without_a_certificate_tls_is_refused_at_once() -> None:
    async with Front(Upper, host="127.0.0.1", port=0, tls=None) as front:
        assert await say(front, b"\x16\x03\x01") == b""


async def test_a_client_that_connects_and_leaves_is_no_trouble(front: Front) -> None:
    for _ in range(3):
        socket.create_connection(("127.0.0.1", front.port)).close()

    assert await say(front, b"hello") == b"HELLO in the clear"


async def test_a_silent_client_is_dropped_after_a_time() -> None:
    async with Front(Upper, host="127.0.0.1", port=0, tls=None, first_byte_seconds=0.05) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)

        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()


async def test_a_silent_client_keeps_nobody_waiting_and_is_dropped_as_the_port_closes() -> None:
    async with Front(Upper, host="127.0.0.1", port=0, tls=None) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        await accepted(writer)
        assert await say(front, b"hello") == b"HELLO in the clear"

    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


async def test_a_client_that_says_its_first_word_late_is_served() -> None:
    async with Front(Upper, host="127.0.0.1", port=0, tls=None) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        await accepted(writer)
        writer.write(b"hello")

        async with asyncio.timeout(30):
            assert await reader.read(100) == b"HELLO in the clear"
        writer.close()


async def accepted(client: asyncio.StreamWriter) -> None:
    """Wait until the port has a client to itself: Linux keeps a silent one for about a second."""
    own, other = client.get_extra_info("sockname"), client.get_extra_info("peername")
    asked = owners()
    if asked is None:
        return  # a platform that does not tell who has a socket, and keeps none back
    with contextlib.closing(asked):
        async with asyncio.timeout(30):
            while asked.owner(other, own) is None:  # noqa: ASYNC110 - only the kernel knows
                await asyncio.sleep(0)


async def test_five_hundred_clients_at_once_are_all_served(front: Front) -> None:
    answers = await asyncio.gather(*(say(front, b"%d" % number) for number in range(500)))

    assert answers == [b"%d in the clear" % number for number in range(500)]


@pytest.mark.parametrize("turns", range(5))
async def test_a_client_that_arrives_as_the_port_closes_is_closed_too(turns: int) -> None:
    async with Front(Upper, host="127.0.0.1", port=0, tls=None) as front:
        client = socket.create_connection(("127.0.0.1", front.port), timeout=30)
        client.sendall(b"hello")
        for _ in range(turns):
            await asyncio.sleep(0)

    with client:
        assert await asyncio.to_thread(ending, client)


def ending(client: socket.socket) -> bool:
    """Whether the connection ends."""
    try:
        while client.recv(100):
            pass
    except ConnectionResetError:
        pass
    return True


async def test_a_port_in_use_is_named(front: Front) -> None:
    with pytest.raises(ConfigurationError, match=f"port {front.port} on 127.0.0.1 is in use"):
        bind("127.0.0.1", front.port)


async def test_the_port_is_free_again_afterwards(certificates: Authority) -> None:
    async with Front(Upper, host="127.0.0.1", port=0, tls=None) as first:
        await say(first, b"hello")

    bind("127.0.0.1", first.port).close()


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("203.0.113.1", "cannot listen on 203.0.113.1 port 0: Cannot assign requested address"),
        ("not a host", "'not a host' is neither an address nor the name of a host"),
        ("", "'' is neither an address nor the name of a host"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_named(host: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        bind(host, 0)
