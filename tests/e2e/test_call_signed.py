"""``streamer call`` and its kin where API Gateway asks for a signature instead of a token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from running_command import Emulate, streamer
from websockets.sync.client import connect

pytestmark = pytest.mark.e2e

APP = """
from streamer import App

app = App(iam=True)


@app.action("who")
def who(request):
    return [request.user_id, request.tenant_id]
"""


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "app.py").write_text(APP)
    with Emulate(folder=folder) as emulator:
        yield emulator


@pytest.mark.parametrize("more", [(), ("--sign",)], ids=["without being told", "told to"])
def test_a_call_signs_where_signatures_are_asked_for(signed: Emulate, more: tuple[str, ...]) -> None:
    done = streamer("call", "who", *more, folder=signed.folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["arn:aws:iam::123456789012:root", "123456789012"]


def test_listening_signs_too(signed: Emulate) -> None:
    done = streamer("listen", "news", "--timeout", "0.5s", folder=signed.folder)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_start_has_an_address_that_is_signed(signed: Emulate) -> None:
    url = re.findall(r'wscat -c "(ws://.*)"', signed.out.text)[0]

    with connect(url) as client:
        client.send('{"action": "who"}')
        assert json.loads(client.recv(5))["success"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("token",), "verifies signatures of AWS, and no tokens", id="a token is of no use"),
        pytest.param(("call", "who", "--sign", "--token", "t"), "both say who you are", id="both"),
        pytest.param(("call", "who", "--sign", "--user", "ada"), "--sign says who you are", id="a user"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(signed: Emulate, arguments: tuple[str, ...], said: str) -> None:
    done = streamer(*arguments, folder=signed.folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
