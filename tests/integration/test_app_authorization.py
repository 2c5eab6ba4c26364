"""Who lets the clients of an App in, besides its own tokens: a Lambda authorizer of its own, or IAM."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from loaded_target import load_target

from emulator.command.targets.target import Target
from emulator.functions.variables import OWNER
from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import CannotConnectError, StreamerClient, signed_with
from streamer.errors import ConfigurationError
from streamer.project import Project

ACTIONS = """

    @app.action("who")
    def who(request):
        return [request.user_id, request.tenant_id, sorted(request.principal.permissions)]


    @app.action("rename", permissions=["names"])
    def rename(request):
        return request.payload
"""
ASKS = """
    import os

    from streamer import App
    from streamer.topology import Function

    app = App(
        authorizer=Function(name="doorkeeper", handler="door.handler", secrets=("WORD",)),
        identity_sources=["route.request.querystring.token"],
    )
"""
DOOR = """
    import os


    def handler(event, context):
        word, _, user = event["queryStringParameters"]["token"].partition("-")
        if word != os.environ["WORD"]:
            raise Exception("Unauthorized")
        allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
        told = {"tenant_id": "acme", "permissions": "names, more"} if user != "nobody" else {}
        return {"principalId": user, "policyDocument": {"Version": "2012-10-17", "Statement": [allow]}, "context": told}
"""
SIGNED = """
    from streamer import App

    app = App(iam=True)
"""


def loaded(folder: Path, app: str, **environment: str) -> Target:
    (folder / "let_in.py").write_text(textwrap.dedent(app + ACTIONS))
    (folder / "door.py").write_text(textwrap.dedent(DOOR))
    project = Project(folder=folder, code=folder, app="let_in:app")
    return load_target(None, project, environment=environment)


def emulated(folder: Path, app: str, isolation: object) -> EmulatorThread:
    config = EmulatorConfig(project_folder=folder, state_folder=folder / "state", isolation=isolation)  # type: ignore[arg-type]
    return emulator_thread(lambda given: loaded(folder, app, WORD="sesame", **given), config, {})


@pytest.fixture(params=["process", "inline"])
def asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmulatorThread]:
    with emulated(tmp_path, ASKS, request.param) as running:
        yield running


@pytest.fixture(params=["process", "inline"])
def signed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmulatorThread]:
    with emulated(tmp_path, SIGNED, request.param) as running:
        yield running


async def test_an_authorizer_says_who_somebody_is_and_what_they_may(asking: EmulatorThread) -> None:
    async with StreamerClient(f"{asking.websocket_url}?token=sesame-ada") as client:
        assert await client.request("who") == ["ada", "acme", ["more", "names"]]
        assert await client.request("rename", "x") == "x"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("?token=open-ada", 401, id="the authorizer says no"),
        pytest.param("", 401, id="there is nothing to ask it with"),
        pytest.param("?token=sesame-nobody", 401, id="it does not say of which tenant"),
    ],
)
async def test_whom_the_authorizer_does_not_let_in_stays_outside(
    asking: EmulatorThread, query: str, status: int
) -> None:
    with pytest.raises(CannotConnectError) as refused:
        async with StreamerClient(f"{asking.websocket_url}{query}"):
            pass

    assert refused.value.status == status


async def test_whoever_signs_the_handshake_is_known_by_their_arn_and_account(signed: EmulatorThread) -> None:
    sign = signed_with(OWNER.access_key_id, OWNER.secret_access_key, OWNER.session_token, region="us-east-1")
    async with StreamerClient(signed.websocket_url, sign=sign) as client:
        assert await client.request("who") == ["arn:aws:iam::123456789012:root", "123456789012", []]


@pytest.mark.parametrize("secret", [None, "another secret"])
async def test_a_handshake_without_a_good_signature_is_refused(signed: EmulatorThread, secret: str | None) -> None:
    sign = None if secret is None else signed_with(OWNER.access_key_id, secret, region="us-east-1")
    with pytest.raises(CannotConnectError) as refused:
        async with StreamerClient(signed.websocket_url, sign=sign):
            pass

    assert refused.value.status == 403


def test_an_app_that_verifies_no_tokens_needs_no_secret_for_them(tmp_path: Path) -> None:
    target = loaded(tmp_path, ASKS, WORD="sesame")

    assert target.topology.function("connect").secrets == ()
    assert not target.has_tokens


def test_the_secret_of_an_authorizer_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="function 'doorkeeper' needs WORD"):
        loaded(tmp_path, ASKS)
