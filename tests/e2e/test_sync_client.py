"""``SyncClient``: the Python client without ``await``, against ``streamer emulate``."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Iterator

import pytest
from running_command import Emulate

from streamer.client import (
    CannotConnectError,
    ConnectionLostError,
    Progress,
    RequestCancelledError,
    RequestFailedError,
    RequestTimeoutError,
    StreamerClient,
    SyncClient,
)
from streamer.errors import PayloadTooLargeError


@pytest.fixture
def client(demo: Emulate) -> Iterator[SyncClient]:
    with SyncClient(demo.url, demo.token("--permission", "topics:publish"), progress=False) as client:
        yield client


def test_it_asks_and_answers(client: SyncClient) -> None:
    seen: list[Progress] = []

    assert client.request("echo", {"a": 1}) == {"a": 1}
    assert client.request("report", {"steps": 2, "seconds": 0.1}, on_progress=seen.append)["steps"] == 2
    assert seen[-1].percentage == 100
    assert [event.type for event in client.events("echo", 1)] == ["response"]


def test_it_has_all_that_the_client_has() -> None:
    of_the_client = {name for name in vars(StreamerClient) if not name.startswith("_")}

    assert of_the_client - vars(SyncClient).keys() == set()


def test_one_that_is_connected_does_not_connect_again(client: SyncClient) -> None:
    before = threading.active_count()

    with pytest.raises(RuntimeError, match="connected already"), client:
        raise AssertionError("it is not entered")

    assert threading.active_count() == before
    assert client.request("echo", 1) == 1


def test_it_raises_what_the_client_raises(client: SyncClient) -> None:
    with pytest.raises(RequestFailedError, match="INVALID_ACTION"):
        client.request("nonsense")
    with pytest.raises(PayloadTooLargeError):
        client.request("echo", "x" * 140_000)
    with pytest.raises(RequestTimeoutError):
        client.request("report", {"steps": 1, "seconds": 60}, id="sync-1", timeout=2)
    client.cancel("sync-1")
    with pytest.raises(RequestCancelledError):
        client.resume("sync-1")
    assert client.status("sync-1")["status"] == "CANCELLED"


def test_a_topic_is_a_loop(client: SyncClient) -> None:
    messages = client.topic("sync")
    heard: list[object] = []
    reader = threading.Thread(target=lambda: heard.append(next(messages).data))
    reader.start()
    while not client.publish("sync", {"a": 1})["delivered"]:
        pass
    reader.join()
    messages.close()  # type: ignore[attr-defined]

    assert heard == [{"a": 1}]
    assert client.request("echo", 1) == 1


def test_many_threads_share_it(client: SyncClient) -> None:
    answers: list[int] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(client.request("echo", n))) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == list(range(10))


def test_a_process_that_was_forked_is_told_that_the_client_is_not_its_own(client: SyncClient) -> None:
    came, went = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads, which is the point
        pid = os.fork()
    if pid == 0:
        try:
            client.request("echo", 1)
        except RuntimeError as error:
            client.close()
            os.write(went, str(error).encode())
        finally:
            os._exit(0)
    os.close(went)

    with os.fdopen(came, "rb") as told:
        assert b"in another process, before a fork" in told.read()
    os.waitpid(pid, 0)
    assert client.request("echo", 1) == 1


def test_progress_is_told_where_somebody_waits_who_may_use_the_client(client: SyncClient) -> None:
    told: list[object] = []

    def stop(progress: Progress) -> None:
        told.append((threading.current_thread(), client.request("echo", progress.percentage)))
        client.cancel("sync-2")

    with pytest.raises(RequestCancelledError):
        client.request("report", {"steps": 50, "seconds": 50}, id="sync-2", on_progress=stop)
    assert told[0][0] is threading.current_thread()  # type: ignore[index]

    def fail(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.request("report", {"steps": 4, "seconds": 1}, on_progress=fail)
    assert client.request("echo", 1) == 1


def test_a_client_that_was_closed_within_a_loop_says_so(demo: Emulate) -> None:
    with SyncClient(demo.url, demo.token(), progress=False) as client:
        events = client.events("report", {"steps": 3, "seconds": 1})
        next(events)
        client.close()

        with pytest.raises(ConnectionLostError, match="closed it"):
            list(events)


def test_a_token_function_cannot_wait_for_its_own_client(demo: Emulate) -> None:
    asked: list[BaseException] = []

    def token() -> str:
        try:
            own.request("echo")
        except (RuntimeError, ConnectionLostError) as error:
            asked.append(error)
        return demo.token()

    own = SyncClient(demo.url, token, progress=False)
    with own:
        assert own.request("echo", 1) == 1
    assert len(asked) == 1


def test_it_draws_a_bar_if_asked_to(demo: Emulate, capsys: pytest.CaptureFixture[str]) -> None:
    with SyncClient(demo.url, demo.token(), progress=True) as client:
        client.request("report", {"steps": 2, "seconds": 0.1})

    drawn = capsys.readouterr().err
    assert "report [########################] 100%" in drawn
    assert drawn.endswith("\n")


async def test_it_works_where_a_loop_runs_already(demo: Emulate) -> None:
    assert asyncio.get_running_loop().is_running()
    with SyncClient(demo.url, demo.token()) as client:
        assert client.request("echo", 1) == 1


def test_a_closed_client_says_so_and_whoever_waits_is_told(demo: Emulate) -> None:
    client = SyncClient(demo.url, demo.token(), progress=False)
    with pytest.raises(ConnectionLostError, match="use it in 'with'"):
        client.request("echo")
    told: list[BaseException] = []

    def wait() -> None:
        try:
            for _ in client.events("report", {"steps": 1, "seconds": 60}):
                asked.set()
        except ConnectionLostError as error:
            told.append(error)

    with client:
        asked = threading.Event()
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert asked.wait(60)
    waiting.join(60)

    assert [type(each) for each in told] == [ConnectionLostError]
    with pytest.raises(CannotConnectError), SyncClient("ws://127.0.0.1:1/dev"):
        pass
