from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from emulator.command.emulate.banner import banner, connecting
from emulator.command.here.identity import IAM, OWN, SHELL, Access, Identity
from emulator.command.targets.target import DEMO, Target
from emulator.gateway.rules.domains import Domain
from emulator.gateway.rules.signature import Signature, parse
from emulator.port.tls import Authority
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Topology

SECRET = "a-secret-of-at-least-thirty-two-characters"
DEVELOPER = Identity()
ESCAPE = "\x1b"
DOMAIN = Domain(name="ws.example.com", base_path="chat")


@dataclass
class Running:
    """What the banner needs of an emulator."""

    websocket_url: str = "ws://127.0.0.1:8787/dev"
    websocket_urls: tuple[str, ...] = ("ws://127.0.0.1:8787/dev",)
    address: str = "127.0.0.1:8787"
    management_url: str = "http://127.0.0.1:8787/dev"
    dynamodb_url: str = "http://127.0.0.1:8787"
    url: str = "http://127.0.0.1:8787"
    config: EmulatorConfig = field(default_factory=lambda: EmulatorConfig(domains={"x": (DOMAIN,)}))
    console_url: str | None = "http://127.0.0.1:8787/_streamer/#token=t"
    authority: Authority = field(default_factory=lambda: Authority(Path("ca.pem"), Path("bundle.pem"), Path("key.pem")))


def show(
    *,
    name: str = DEMO,
    is_app: bool = True,
    is_terminal: bool = False,
    secret: str | None = SECRET,
    identity: Identity = DEVELOPER,
    actions: tuple[str, ...] = (),
    is_found: bool = True,
    running: Any = None,
) -> str:
    target = Target(
        name=name, topology=Topology(api=Api(name="x", routes=()), functions=()), is_app=is_app, actions=actions
    )
    access = Access(identity=identity, verifies_with=SHELL if is_app else OWN, secret=secret)
    running = running or Running()
    return banner(running, target, access, command="streamer", is_found=is_found, is_terminal=is_terminal)


def claims(text: str) -> dict[str, object]:
    token = re.findall(r'wscat -c "ws://127\.0\.0\.1:8787/dev\?Authorization=(.*)"', text)[0]
    decoded: dict[str, object] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return decoded


def test_every_address_is_shown() -> None:
    text = show()

    addresses = ("ws://127.0.0.1:8787/dev", "http://127.0.0.1:8787/dev", "/_streamer/#token=t", "ca.pem", DEMO)
    for address in (*addresses, "ws://127.0.0.1:8787/chat for wss://ws.example.com/chat"):
        assert address in text


@pytest.mark.parametrize(("url", "told"), [("ws://127.0.0.1:6000/dev", ["port 6000"]), ("ws://127.0.0.1:8787/dev", [])])
def test_a_port_that_no_browser_connects_to_is_told(url: str, told: list[str]) -> None:
    text = show(running=Running(websocket_url=url, websocket_urls=(url,)))

    assert re.findall(r"no browser connects to (port \d+)", text) == told


def test_the_token_is_the_developers_whom_all_commands_take_their_user_for() -> None:
    text = show(identity=Identity.of_developer({}, ["reports"]))

    assert "Connect as developer of tenant local, for 24 hours:" in text
    assert (
        claims(text).items()
        >= {
            "user_id": "developer",
            "tenant_id": "local",
            "permissions": ["reports", "requests:cancel", "topics:publish"],
        }.items()
    )


def test_actions_are_listed() -> None:
    assert "\nActions: greet, report\n" in show(actions=("greet", "report"))
    assert "a11 and 3 more" in show(actions=tuple(f"a{number}" for number in range(15)))


def test_with_a_public_key_alone_the_token_is_the_users_own() -> None:
    assert 'wscat -c "ws://127.0.0.1:8787/dev?Authorization=TOKEN"' in show(secret=None)


def test_plain_handlers_need_no_token() -> None:
    assert 'wscat -c "ws://127.0.0.1:8787/dev"\n' in show(name="service:chat", is_app=False, secret=None)


def test_the_stage_default_is_quoted_so_that_no_shell_replaces_it() -> None:
    lines = connecting(
        "ws://127.0.0.1:8787/$default", Access(identity=DEVELOPER, verifies_with=OWN, secret=None), "us-east-1"
    )
    assert lines == ["Connect:", "  wscat -c 'ws://127.0.0.1:8787/$default'"]


def test_a_handshake_that_is_to_be_signed_comes_signed() -> None:
    access = Access(identity=DEVELOPER, verifies_with=IAM, secret=None)

    _, line = connecting("ws://127.0.0.1:8787/dev", access, "eu-west-1")

    url = urlsplit(line.removeprefix('  wscat -c "').removesuffix('"'))
    signature = parse({}, parse_qsl(url.query))
    assert isinstance(signature, Signature)
    assert (signature.access_key_id, signature.region, signature.expires_seconds) == ("local", "eu-west-1", 86_400)


@pytest.mark.parametrize(("is_app", "is_called"), [(True, True), (False, False)], ids=["an App", "a template"])
def test_only_an_app_has_actions_to_call(is_app: bool, is_called: bool) -> None:
    topology = Topology(api=Api(name="x", routes=()), functions=())
    target = Target(name="it", topology=topology, is_app=is_app)
    access = Access(identity=DEVELOPER, verifies_with=IAM, secret=None)

    running: Any = Running()
    text = banner(running, target, access, command="streamer", is_found=True, is_terminal=False)

    assert ("streamer call ping" in text) is is_called


@pytest.mark.parametrize(("name", "call"), [(DEMO, "streamer call echo"), ("app:app", "streamer call ping")])
def test_the_call_that_is_suggested_works_with_what_runs(name: str, call: str) -> None:
    assert call in show(name=name)


def test_a_second_emulator_of_a_folder_suggests_a_call_that_reaches_it() -> None:
    assert "streamer call ping --url ws://127.0.0.1:8787/dev\n" in show(name="app:app", is_found=False)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_gets_escape_codes(is_terminal: bool) -> None:
    assert (ESCAPE in show(is_terminal=is_terminal)) == is_terminal
