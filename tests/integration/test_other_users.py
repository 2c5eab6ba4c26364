"""Other users of this machine: the port answers its own user and root, unless it was opened."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import urllib.request
from pathlib import Path

import pytest
from functions_world import Lines
from other_user import as_nobody, needs_root

from emulator.port.peers import Address, Owner
from emulator.port.users import OwnUser, own_users_gate
from emulator.wiring.emulator import Emulator, EmulatorConfig
from streamer.topology import Api, Topology

TOPOLOGY = Topology(api=Api(name="api", routes=()), functions=())
ASK = """
client = http.client.HTTPConnection("127.0.0.1", {port}, timeout=60)
for method, path, headers in (
    ("POST", "/", {{"X-Amz-Target": "DynamoDB_20120810.ListTables"}}),
    ("POST", "/2015-03-31/functions/f/invocations", {{}}),
    ("POST", "/dev/@connections/abc=", {{}}),
    ("GET", "/dev", {{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                      "Sec-WebSocket-Version": "13"}}),
):
    client.request(method, path, "{{}}" if method == "POST" else None, headers)
    answer = client.getresponse()
    print(answer.status, answer.read().decode())
"""


def emulator(folder: Path, **settings: object) -> Emulator:
    config = dataclasses.replace(EmulatorConfig(state_folder=folder), **settings)  # type: ignore[arg-type]
    return Emulator(TOPOLOGY, config, log_sink=Lines())


@needs_root
async def test_another_user_is_refused_whatever_it_asks(tmp_path: Path) -> None:
    async with emulator(tmp_path) as running:
        told = await as_nobody(ASK.format(port=running.port))

    assert len(told) == 4
    assert all(line.startswith("403 ") and "--all-users" in line for line in told)


@needs_root
async def test_another_user_is_answered_where_the_emulator_was_opened(tmp_path: Path) -> None:
    async with emulator(tmp_path, all_users=True) as running:
        told = await as_nobody(ASK.format(port=running.port))

    assert [line[:3] for line in told] == ["200", "404", "403", "101"]


async def test_the_own_user_is_answered(tmp_path: Path) -> None:
    def ask(url: str) -> object:
        request = urllib.request.Request(url, b"{}", {"X-Amz-Target": "DynamoDB_20120810.ListTables"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    async with emulator(tmp_path) as running:
        assert await asyncio.to_thread(ask, running.url) == {"TableNames": []}


class Owned:
    """Every connection is this user's. An `Owners`."""

    def __init__(self, uid: int | None) -> None:
        self._uid = uid

    def owner(self, own: Address, other: Address) -> Owner | None:
        return None if self._uid is None else Owner(self._uid, 1)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("uid", "told"),
    [
        pytest.param(1000, "", id="the emulator's"),
        pytest.param(0, "", id="root"),
        pytest.param(1001, "refused a connection of another user of this machine", id="another"),
        pytest.param(None, "refused a connection that is nobody's", id="nobody has it open any more"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_may_pass(host: str, uid: int | None, told: str, caplog: pytest.LogCaptureFixture) -> None:
    assert OwnUser(Owned(uid), 1000).is_stranger((host, 50000), (host, 8787)) == bool(told)
    assert len(caplog.messages) == bool(told)
    assert "".join(caplog.messages).startswith(told)


@pytest.mark.parametrize(
    ("host", "owners"),
    [
        pytest.param("127.0.0.1", None, id="a platform that does not tell whose a connection is"),
        pytest.param("0.0.0.0", Owned(0), id="an address that is open to a network"),
    ],
)
def test_where_there_is_no_gate(host: str, owners: Owned | None) -> None:
    assert own_users_gate(host, owners) is None
