"""The Python client against a WebSocket server that plays a service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from scripted_server import Peer, Talk, peer
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.utils import accept_key

from streamer.client import (
    CannotConnectError,
    ConnectionLostError,
    GatewayError,
    Progress,
    RequestFailedError,
    RequestTimeoutError,
    StreamerClient,
    SyncClient,
    commands,
)
from streamer.errors import PayloadTooLargeError

Play = Callable[["Service", ServerConnection, dict[str, Any]], Coroutine[Any, Any, None]]


class Service:
    """Plays one part for every message and remembers what it got."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.got: list[dict[str, Any]] = []
        self.headers: Headers | None = None
        self.hold = asyncio.Event()

    async def serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.headers = socket.request.headers
        async with asyncio.TaskGroup() as tasks:
            async for text in socket:
                message = json.loads(text)
                self.got.append(message)
                tasks.create_task(self.play(self, socket, message))


@contextlib.asynccontextmanager
async def running(play: Play, **options: Any) -> AsyncIterator[tuple[Service, str]]:
    service = Service(play)
    # The limits are API Gateway's: 128 KB messages in 32 KB frames.
    async with serve(service.serve, "127.0.0.1", 0, max_size=(131_072, 32_768), **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield service, f"ws://127.0.0.1:{port}/dev"


async def say(socket: ServerConnection, type_: str, request: dict[str, Any], **fields: Any) -> None:
    await socket.send(json.dumps({"type": type_, "request_id": request["id"], "timestamp": 1.0, **fields}))


async def echo(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
    await say(socket, "response", request, success=True, data=request.get("payload"))


async def report(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
    await say(socket, "acknowledgment", request, status="queued", message="queued")
    for percentage in (10, 60):
        await say(socket, "progress", request, percentage=percentage, message="working")
    await say(socket, "complete", request, result={"for": request["id"]})


async def silence(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
    """Never answer."""


async def test_a_quick_action_gives_its_data() -> None:
    async with running(echo) as (service, url), StreamerClient(url, "secret-token") as client:
        assert await client.request("echo", {"a": 1}) == {"a": 1}

    assert service.got[0]["action"] == "echo"
    assert service.headers is not None
    assert service.headers["Authorization"] == "Bearer secret-token"


async def test_what_is_not_given_is_not_sent() -> None:
    async with running(echo) as (service, url), StreamerClient(url) as client:
        assert await client.request("echo", id="r-1") is None

    assert service.got == [{"action": "echo", "id": "r-1"}]
    assert service.headers is not None
    assert "Authorization" not in service.headers


@pytest.mark.parametrize("payload", [0, False, "", [], {}])
async def test_an_empty_payload_is_sent_all_the_same(payload: Any) -> None:
    async with running(echo) as (_, url), StreamerClient(url) as client:
        assert await client.request("echo", payload) == payload


async def test_a_slow_action_reports_progress_to_a_function() -> None:
    seen: list[Progress] = []
    async with running(report) as (_, url), StreamerClient(url) as client:
        assert await client.request("report", id="r-1", on_progress=seen.append) == {"for": "r-1"}

    assert [progress.percentage for progress in seen] == [10, 60]


async def test_a_slow_action_reports_progress_to_a_coroutine() -> None:
    seen: list[float] = []

    async def on_progress(progress: Progress) -> None:
        await asyncio.sleep(0)
        seen.append(progress.percentage)

    async with running(report) as (_, url), StreamerClient(url) as client:
        await client.request("report", on_progress=on_progress)

    assert seen == [10, 60]


async def test_events_are_every_message_up_to_the_final_one() -> None:
    async with running(report) as (_, url), StreamerClient(url) as client:
        types = [event.type async for event in client.events("report")]

    assert types == ["acknowledgment", "progress", "progress", "complete"]


async def test_concurrent_requests_get_their_own_answers() -> None:
    async with running(report) as (_, url), StreamerClient(url) as client:
        ids = [f"r-{number}" for number in range(50)]
        results = await asyncio.gather(*(client.request("report", id=id_) for id_ in ids))

    assert [result["for"] for result in results] == ids


async def test_an_error_message_raises_with_its_code() -> None:
    async def fail(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await say(socket, "error", request, error={"code": "NOT_FOUND", "message": "no", "retryable": False})

    async with running(fail) as (_, url), StreamerClient(url) as client:
        with pytest.raises(RequestFailedError) as caught:
            await client.request("x")

    assert caught.value.code == "NOT_FOUND"


async def test_messages_larger_than_a_frame_arrive_whole() -> None:
    texts = [f"{number}ä🙂" * 8_000 for number in range(5)]
    async with running(echo) as (_, url), StreamerClient(url) as client:
        results = await asyncio.gather(*(client.request("echo", text) for text in texts))

    assert results == texts


async def test_a_caller_that_gives_up_while_a_large_message_is_sent_does_not_break_the_connection() -> None:
    async with running(echo) as (service, url), StreamerClient(url) as client:
        impatient = asyncio.ensure_future(client.request("echo", "x" * 100_000))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await client.request("echo", 1) == 1

    assert 1 in [message["payload"] for message in service.got]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param("x" * 131_072, PayloadTooLargeError, id="over 128 KB"),
        pytest.param(object(), TypeError, id="not JSON"),
        pytest.param(float("nan"), ValueError, id="not a number"),
    ],
)
async def test_what_cannot_be_sent_raises_and_the_connection_stays_usable(payload: Any, error: type[Exception]) -> None:
    async with running(echo) as (service, url), StreamerClient(url) as client:
        with pytest.raises(error):
            await client.request("echo", payload)
        assert await client.request("echo", 1) == 1

    assert len(service.got) == 1


@pytest.mark.parametrize("no_id", ["not an id", "", "x" * 129])
async def test_an_id_that_is_none_is_refused_before_anything_is_sent(no_id: str) -> None:
    async with running(silence) as (service, url), StreamerClient(url) as client:
        with pytest.raises(ValueError, match="no request id"):
            await client.request("x", id=no_id)
        with pytest.raises(ValueError, match="no request id"):
            await anext(client.events("x", id=no_id))

    assert service.got == []


async def test_an_id_that_is_in_use_is_refused() -> None:
    async with running(silence) as (_, url), StreamerClient(url) as client:
        first = asyncio.ensure_future(client.request("x", id="r-1"))
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="already under way"):
            await client.request("x", id="r-1")
        first.cancel()


async def test_a_request_that_is_not_answered_in_time_says_so_and_its_id_is_free_again() -> None:
    async with running(silence) as (service, url), StreamerClient(url) as client:
        with pytest.raises(RequestTimeoutError, match="r-1"):
            await client.request("x", id="r-1", timeout=0.01)
        service.play = echo
        assert await client.request("x", 1, id="r-1") == 1


async def test_a_timeout_in_the_callers_own_function_is_left_alone() -> None:
    def impatient(progress: Progress) -> None:
        raise TimeoutError("mine")

    async with running(report) as (_, url), StreamerClient(url) as client:
        with pytest.raises(TimeoutError, match="mine"):
            await client.request("report", on_progress=impatient, timeout=60)


async def test_a_connection_that_ends_fails_whoever_waits_and_whoever_comes() -> None:
    async def leave(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await socket.close(1001, "Going away")

    async with running(leave) as (_, url), StreamerClient(url, reconnect=None) as client:
        with pytest.raises(ConnectionLostError) as caught:
            await client.request("x")
        with pytest.raises(ConnectionLostError):
            await client.request("y")

    assert (caught.value.code, caught.value.reason) == (1001, "Going away")


async def test_each_caller_gets_an_error_of_its_own_which_keeps_nothing_of_the_others() -> None:
    async def leave(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await socket.close(1008, "no")

    async def refused(call: Coroutine[Any, Any, Any]) -> BaseException:
        with pytest.raises(ConnectionLostError) as caught:
            await call
        return caught.value

    async with running(leave) as (_, url), StreamerClient(url) as client:
        await refused(client.request("x"))
        errors = [await refused(call) for _ in range(3) for call in (client.request("x"), anext(client.topic("news")))]

    assert len({id(error) for error in errors}) == 6
    assert {len(traceback.extract_tb(error.__traceback__)) for error in errors[2:]} == {
        len(traceback.extract_tb(error.__traceback__)) for error in errors[:2]
    }


async def test_many_callers_all_learn_that_the_connection_ended() -> None:
    async with running(silence) as (_, url), StreamerClient(url) as client:
        callers = [asyncio.ensure_future(client.request("x")) for _ in range(500)]
        await asyncio.sleep(0)
        await client.close()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert all(isinstance(outcome, ConnectionLostError) for outcome in outcomes)


async def test_a_client_that_is_not_entered_says_how_to_use_it() -> None:
    with pytest.raises(ConnectionLostError, match="async with"):
        await StreamerClient("ws://127.0.0.1:1/dev").request("x")


async def test_api_gateways_complaint_goes_to_the_only_request_it_can_be_about() -> None:
    async def crash(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await socket.send('{"message": "Internal server error", "connectionId":"c=", "requestId":"g="}')

    async with running(crash) as (_, url), StreamerClient(url) as client:
        with pytest.raises(GatewayError, match="Internal server error"):
            await client.request("x")


async def test_an_error_without_a_request_id_goes_to_the_only_request_it_can_be_about() -> None:
    async def refuse(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await say(socket, "error", {"id": None}, error={"code": "VALIDATION_ERROR", "message": "bad"})

    async with running(refuse) as (_, url), StreamerClient(url) as client:
        with pytest.raises(RequestFailedError, match="VALIDATION_ERROR"):
            await client.request("x")


async def test_messages_of_no_protocol_are_noted_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    async def chatter(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await socket.send("hello")
        await socket.send('{"type": "progress", "request_id": "of-someone-else"}')
        await echo(service, socket, request)

    with caplog.at_level(logging.WARNING, "streamer.client"):
        async with running(chatter) as (_, url), StreamerClient(url) as client:
            assert await client.request("x", 1) == 1

    assert "not of this protocol" in caplog.text


async def test_no_token_and_no_message_reaches_the_log_of_a_program_that_logs_everything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with running(echo) as (_, url), StreamerClient(f"{url}?key=in-the-url", "a.b.c") as client:
            await client.request("x", "in-a-payload")

    said = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not [line for line in said if "a.b.c" in line or "in-the-url" in line or "in-a-payload" in line]


@pytest.mark.parametrize(("status", "hint"), [(401, "token"), (403, "tenant"), (429, "again"), (502, "HTTP 502")])
async def test_a_refused_handshake_tells_status_and_hint(status: int, hint: str) -> None:
    def refuse(socket: ServerConnection, request: Request) -> Response:
        return socket.respond(status, "")

    async with running(echo, process_request=refuse) as (_, url):
        with pytest.raises(CannotConnectError, match=hint) as caught:
            async with StreamerClient(url):
                pass

    assert caught.value.status == status
    assert str(caught.value).endswith("; the emulator's output says why")  # which is where a machine refuses itself


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1/dev?Authorization=hunter2", id="no WebSocket URL"),
        pytest.param("ws://127.0.0.1:1/dev?Authorization=hunter2", id="nobody listens"),
        pytest.param("ws://127.0.0.1:99999/dev?Authorization=hunter2", id="no port"),
        pytest.param("ws://[::1/dev?Authorization=hunter2", id="broken address"),
        pytest.param("nonsense?Authorization=hunter2", id="no URL"),
    ],
)
async def test_a_connection_that_cannot_be_made_is_one_error_without_the_token(url: str) -> None:
    with pytest.raises(CannotConnectError) as caught:
        async with StreamerClient(url):
            pass

    assert "hunter2" not in str(caught.value)


def certified(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def failure(url: str, **options: Any) -> str:
    with pytest.raises(CannotConnectError) as caught:
        async with StreamerClient(url, **options):
            pass
    return str(caught.value).removeprefix(f"cannot connect to {url}: ")


async def test_a_certificate_of_an_unknown_authority_is_told_with_what_to_do() -> None:
    async with running(echo, ssl=certified(trustme.CA(), "127.0.0.1")) as (_, url):
        said = await failure(url.replace("ws://", "wss://"))

    assert said.startswith("its certificate is not trusted (")
    assert "set SSL_CERT_FILE to its authority's" in said
    assert "_ssl.c" not in said


async def test_a_python_without_any_authority_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/there/is/none")  # as python.org's on macOS is installed
    monkeypatch.setenv("SSL_CERT_DIR", "/there/is/none")
    async with running(echo, ssl=certified(trustme.CA(), "127.0.0.1")) as (_, url):
        said = await failure(url.replace("ws://", "wss://"))

    assert said.startswith("its certificate is not trusted: this Python knows no authority; ")


async def test_a_certificate_of_another_host_is_told_without_advice_to_trust_it() -> None:
    authority = trustme.CA()
    async with running(echo, ssl=certified(authority, "example.com")) as (_, url):
        said = await failure(url.replace("ws://", "wss://"), ssl=trusting(authority))

    assert said.startswith("its certificate is not valid: IP address mismatch")
    assert "SSL_CERT_FILE" not in said


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(b"SSH-2.0\r\n", "what answers there does not speak TLS; try ws:// instead of wss://", id="no TLS"),
        pytest.param(b"\x15\x03\x03\0\x02\x02\x28", "TLS failed: sslv3 alert handshake failure", id="alert"),
        pytest.param(b"", "the other side hung up; does it speak TLS?", id="hangs up"),
    ],
)
async def test_tls_that_does_not_come_about_is_told_in_words(answer: bytes, says: str) -> None:
    class Refusing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)

        def data_received(self, data: bytes) -> None:
            self.transport.write(answer)
            self.transport.close()

    async with await asyncio.get_running_loop().create_server(Refusing, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        assert await failure(f"wss://127.0.0.1:{port}/dev") == says


@pytest.mark.parametrize("token", ["hunter2\n", "hun\rter2", "hunter2\x7f"], ids=ascii)
async def test_a_token_that_no_header_can_carry_is_not_shown(token: str) -> None:
    said = await failure("ws://127.0.0.1:1/dev", token=token)

    assert said == "the token has a line break or another control character in it"


async def test_nor_is_one_with_a_character_that_none_knows() -> None:
    assert await failure("ws://127.0.0.1:1/dev", token="hunter2☃") == "the token has a character that no header takes"


@pytest.mark.parametrize("value", ["hunter2☃", "hunter2\r\nX: y"], ids=ascii)
async def test_nor_is_another_header(value: str) -> None:
    with pytest.raises(CannotConnectError, match="the header X-Key has a character that no header takes") as caught:
        async with StreamerClient("ws://127.0.0.1:1/dev", headers={"X-Key": value}):
            pass

    assert "hunter2" not in str(caught.value)


async def test_commands_tell_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("nowhere.pem", "empty.pem"):
        service = commands.Service("wss://127.0.0.1:1/dev", "t", str(tmp_path / name))
        with pytest.raises(CannotConnectError, match=f"the certificate {tmp_path / name} cannot be read"):
            await commands.publish(service, "news", 1)


async def test_a_client_that_is_connected_does_not_connect_again() -> None:
    async with running(echo) as (_, url):
        client = StreamerClient(url)
        async with client:
            with pytest.raises(RuntimeError, match="connected already"):
                async with client:
                    raise AssertionError("it is not entered")
            assert await client.request("echo", 1) == 1
        async with client:
            assert await client.request("echo", 2) == 2


async def test_nor_while_it_is_about_to_be() -> None:
    async with running(echo) as (_, url):
        client = StreamerClient(url)

        entered = await asyncio.gather(client.__aenter__(), client.__aenter__(), return_exceptions=True)

        assert [type(each) for each in entered] == [StreamerClient, RuntimeError]
        await client.close()


async def test_one_that_is_closed_while_it_connects_has_no_connection() -> None:
    async with running(echo) as (_, url):
        client = StreamerClient(url)
        entering = asyncio.ensure_future(client.__aenter__())
        await asyncio.sleep(0)
        await client.close()

        with pytest.raises(ConnectionLostError, match="this client closed it"):
            await entering
        with pytest.raises(ConnectionLostError):
            await client.request("echo", 1)
        async with client:
            assert await client.request("echo", 2) == 2


async def test_one_that_is_cancelled_while_it_closes_keeps_neither_connection_nor_task() -> None:
    async def hear_no_more(service: Service, socket: ServerConnection, request: dict[str, Any]) -> None:
        await echo(service, socket, request)
        socket.transport.pause_reading()  # as of a network that is gone: nobody hears that it is closed
        await service.hold.wait()
        socket.transport.resume_reading()

    async with running(hear_no_more) as (service, url):
        client = StreamerClient(url)
        await client.__aenter__()
        await client.request("echo", 1)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.close()

        own = [each for each in asyncio.all_tasks() if each.get_name() == "streamer-client"]
        await asyncio.gather(*own, return_exceptions=True)
        assert all(each.cancelled() for each in own)
        service.hold.set()


def test_a_plain_one_that_is_interrupted_while_it_closes_may_connect_again() -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    def open_only(server: Peer) -> Talk:
        def talk(connection: socket.socket) -> None:
            server.received(connection)
            key = re.findall(r"Sec-WebSocket-Key: (\S+)", server.requests[-1][1].decode())[0]
            upgrade = "HTTP/1.1 101 Upgraded\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            connection.sendall(f"{upgrade}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
            connection.recv(1)  # the close, to which nobody says anything, until somebody has had enough
            os.kill(os.getpid(), signal.SIGUSR1)
            while connection.recv(4096):
                pass

        return talk

    before = signal.signal(signal.SIGUSR1, stopped)
    try:
        with peer(open_only) as server:
            client = SyncClient(server.url.replace("http:", "ws:"))
            for _ in range(2):
                with pytest.raises(KeyboardInterrupt), client:
                    pass
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_where_no_loop_of_asyncio_runs_it_says_who_needs_none() -> None:
    connecting = StreamerClient("ws://127.0.0.1:1/dev").__aenter__()

    with pytest.raises(RuntimeError, match="SyncClient needs none, under trio in a thread"):
        connecting.send(None)  # as trio does


async def test_one_that_could_not_connect_may_try_again() -> None:
    client = StreamerClient("ws://127.0.0.1:1/dev")
    for _ in range(2):
        with pytest.raises(CannotConnectError):
            await client.__aenter__()
