"""What a developer does from the console: sends as a client and to one, closes, repeats, makes tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import Asked, running
from websockets.asyncio.client import ClientConnection, connect

from emulator.console.settings import ConsoleSettings
from streamer.auth import mint

SECRET = "s" * 32


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with running(tmp_path, "inline", ConsoleSettings(secret=SECRET), {"JWT_SECRET": SECRET}) as found:
        yield found


async def post(asked: Asked, path: str, **body: Any) -> tuple[int, Any]:
    status, content, _headers = await asyncio.to_thread(asked.ask, f"api/{path}", method="POST", body=body)
    return status, content


async def get(asked: Asked, path: str) -> Any:
    return await asyncio.to_thread(asked.get, path)


def client(asked: Asked) -> Any:
    return connect(asked.emulator.url("ada", "acme"), compression=None, proxy=None, open_timeout=60)


async def id_of(asked: Asked) -> str:
    (found,) = (await get(asked, "connections"))["open"]
    return str(found["connection"])


async def heard(socket: ClientConnection) -> Any:
    async with asyncio.timeout(30):
        return json.loads(await socket.recv())


GREET = json.dumps({"action": "greet", "id": "g1", "payload": {"name": "ada"}})


async def test_a_text_is_taken_as_if_the_client_had_sent_it(asked: Asked) -> None:
    async with client(asked) as socket:
        status, answer = await post(asked, f"connections/{await id_of(asked)}/receive", text=GREET)

        assert (status, (await heard(socket))["data"]) == (200, "hello ada")
        told = await get(asked, f"events/{answer['number']}")
        assert (told["ours"], told["user"], told["action"]) == (True, "ada", "greet")


async def test_half_a_surrogate_pair_is_told_as_it_was_sent(asked: Asked) -> None:
    async with client(asked):
        message = '{"action": "ping", "id": "\\ud83d"}'
        _status, answer = await post(asked, f"connections/{await id_of(asked)}/receive", text=message)

        told = await get(asked, f"events/{answer['number']}")
        assert told["text"] == {"action": "ping", "id": "\ud83d"}


async def test_a_text_is_sent_to_a_client(asked: Asked) -> None:
    async with client(asked) as socket:
        status, _answer = await post(asked, f"connections/{await id_of(asked)}/send", text='{"hello": 1}')

        assert (status, await heard(socket)) == (200, {"hello": 1})


async def test_a_text_that_connections_would_refuse_is_refused(asked: Asked) -> None:
    async with client(asked):
        status, answer = await post(asked, f"connections/{await id_of(asked)}/send", text="x" * 200_000)

    assert (status, answer) == (413, {"message": "Message too long"})


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [(1000, "", "Connection Closed Normally"), (1008, "try it", "try it"), (1012, "", "")],
)
async def test_a_connection_is_closed_with_a_code_that_both_sides_hear(
    asked: Asked, code: int, reason: str, expected: str
) -> None:
    async with client(asked) as socket:
        connection = await id_of(asked)
        status, _answer = await post(asked, f"connections/{connection}/close", code=code, reason=reason)
        await asyncio.wait_for(socket.wait_closed(), 30)

        assert (status, socket.close_code, socket.close_reason) == (200, code, expected)
    await get(asked, "events?kind=closed&wait=20")
    (ended,) = (await get(asked, "connections"))["closed"]
    assert (ended["code"], ended["by"], ended["messages"], ended["sent"]) == (code, "console", 0, 0)
    event = await disconnected(asked)
    assert event["requestContext"]["disconnectStatusCode"] == code


async def test_a_connection_is_cut_as_by_a_network_that_fails(asked: Asked) -> None:
    async with client(asked) as socket:
        await post(asked, f"connections/{await id_of(asked)}/close", cut=True)
        await asyncio.wait_for(socket.wait_closed(), 30)

        assert socket.close_code == 1006
    event = await disconnected(asked)
    assert event["requestContext"]["disconnectStatusCode"] == 1006


async def disconnected(asked: Asked) -> Any:
    """The event of ``$disconnect``, once its function has run."""
    after = 0
    while True:
        page = await get(asked, f"events?kind=run&function=disconnect&after={after}&wait=20")
        if page["events"]:
            return (await get(asked, f"events/{page['events'][0]['number']}"))["event"]
        after = page["next"]


async def test_a_message_is_sent_again_on_its_connection_as_it_was_or_edited(asked: Asked) -> None:
    async with client(asked) as socket:
        await socket.send(GREET)
        await heard(socket)
        (first,) = (await get(asked, "events?kind=message"))["events"]

        _, again = await post(asked, "replays", event=first["number"])
        same = await heard(socket)
        _, _other = await post(asked, "replays", event=first["number"], text=GREET.replace('"ada"', '"bob"'))
        other = await heard(socket)

        assert (same["data"], other["data"]) == ("hello ada", "hello bob")
        before = await get(asked, f"events/{first['number']}")
        after = await get(asked, f"events/{again['number']}")
        assert before["text"] == after["text"]


async def test_what_is_edited_keeps_the_secrets_that_are_not_shown(asked: Asked) -> None:
    key = mint(SECRET, user_id="eve", tenant_id="acme", now=0)
    async with client(asked) as socket:
        await socket.send(json.dumps({"action": "greet", "id": "g1", "payload": {"name": key}}))
        await heard(socket)
        message = (await get(asked, "events?kind=message"))["events"][0]["number"]
        run = (await get(asked, "events?kind=run&function=router&wait=20"))["events"][0]["number"]
        told = (await get(asked, f"events/{message}"))["text"]
        event = (await get(asked, f"events/{run}"))["event"]
        assert key not in json.dumps([told, event])

        await post(asked, "replays", event=message, text=json.dumps({**told, "id": "g2"}))
        by_message = await heard(socket)
        await post(asked, "replays", event=run, json={**event, "edited": True})
        by_run = await heard(socket)
        await post(asked, "functions/router/invoke", event={**event, "edited": True}, type="Event", of=run)
        by_function = await heard(socket)
        status, _ = await post(asked, "replays", event=message, text=json.dumps({"id": told["payload"]["name"]}))

    assert [each["data"] for each in (by_message, by_run, by_function)] == [f"hello {key}"] * 3
    assert (by_message["request_id"], status) == ("g2", 409)


async def test_an_invocation_is_run_again_with_its_event(asked: Asked) -> None:
    async with client(asked) as socket:
        await socket.send(GREET)
        await heard(socket)
        (run,) = (await get(asked, "events?kind=run&function=router&wait=20"))["events"]

        _, again = await post(asked, "replays", event=run["number"])

        await heard(socket)
        before, after = await get(asked, f"events/{run['number']}"), await get(asked, f"events/{again['number']}")
        assert (after["function"], after["event"]) == ("router", before["event"])
        assert after["lambda_request"] != before["lambda_request"]
        assert (before["source"], after["source"]) == ("gateway", "console")
        course, own = await get(asked, f"traces/{run['number']}"), await get(asked, f"traces/{again['number']}")
        assert [each["number"] for each in course["runs"]] == [run["number"]]
        assert (own["origin"]["number"], len(own["runs"])) == (again["number"], 1)


async def test_a_token_that_is_made_opens_a_connection(asked: Asked) -> None:
    status, answer = await post(asked, "tokens", user="eve", tenant="acme", permissions=["reports"])

    url = f"{asked.emulator.websocket_url}?Authorization={answer['token']}"
    async with connect(url, compression=None, proxy=None, open_timeout=60):
        (found,) = (await get(asked, "connections"))["open"]
    assert (status, found["user"], found["claims"]["permissions"]) == (200, "eve", ["reports"])
    assert answer["token"] not in json.dumps(await get(asked, "export"))


async def test_without_a_secret_there_is_a_reason_why_no_token_can_be_made(tmp_path: Path) -> None:
    settings = ConsoleSettings(why_no_tokens="only JWT_PUBLIC_KEY is known")
    with running(tmp_path, "inline", settings, {}) as asked:
        status, answer = await post(asked, "tokens", user="eve", tenant="acme")

    assert (status, answer) == (409, {"message": "no token can be made here: only JWT_PUBLIC_KEY is known"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("connections/abc=/receive", {"text": "x"}, 410),
        ("connections/abc=/send", {"text": "x"}, 410),
        ("connections/abc=/close", {}, 410),
        ("replays", {"event": 99_999}, 404),
        ("replays", {"event": "1"}, 400),
        ("replays", {}, 400),
        ("tokens", {"user": "ada"}, 400),
        ("tokens", {"user": "ada", "tenant": "acme", "permissions": [1]}, 400),
        ("tokens", {"user": "ada", "tenant": "acme", "claims": []}, 400),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    asked: Asked, path: str, body: dict[str, Any], status: int
) -> None:
    found, answer = await post(asked, path, **body)

    assert (found, list(answer)) == (status, ["message"])


async def test_a_connection_cannot_be_closed_with_a_code_of_no_meaning(asked: Asked) -> None:
    async with client(asked):
        connection = await id_of(asked)

        assert (await post(asked, f"connections/{connection}/close", code=4000))[0] == 400
        assert (await post(asked, f"connections/{connection}/close", code=1008, reason="x" * 124))[0] == 400
        assert (await post(asked, f"connections/{connection}/receive", text=5))[0] == 400
