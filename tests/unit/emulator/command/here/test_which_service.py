"""Which service a command talks to, and what lets it in."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emulator.command.here.which_service import Asked, service
from streamer.auth import Principal, principal_of
from streamer.client.signing import signed_with
from streamer.errors import ConfigurationError
from streamer.settings import Settings

HERE = "ws://127.0.0.1:1/dev"
THERE = "wss://api1.execute-api.eu-west-1.amazonaws.com/prod"


@dataclass
class Stage:
    url: str = THERE
    secret: str | None = None
    is_signed: bool = False


@dataclass
class FakePlace:
    """What would be asked of AWS."""

    stage: Stage = field(default_factory=Stage)
    asked: list[Any] = field(default_factory=list)

    def deployed(self, folder: Path, stage: str, *, signs: bool) -> Any:
        self.asked.append((stage, signs))
        return self.stage

    def signer(self, folder: Path, url: str, stage: str | None = None) -> Callable[[str], Mapping[str, str]]:
        self.asked.append((url, stage))
        return signed_with("AKIDEXAMPLE", "secret", None, region="eu-west-1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs(folder: Path, verifies_with: str, websocket_url: str = HERE, **more: str) -> None:
    """Say that an emulator runs here: this process."""
    (folder / ".streamer").mkdir()
    ready = {"websocket_url": websocket_url, "management_url": "", "dynamodb_url": "", "pid": os.getpid()}
    (folder / ".streamer" / "emulator.json").write_text(json.dumps(ready | {"verifies_with": verifies_with} | more))


def scope_of(sign: Callable[[str], Mapping[str, str]]) -> list[str]:
    """Key, date, Region and service."""
    headers = {name.lower(): value for name, value in sign(THERE).items()}
    return headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")


def key_of(sign: Callable[[str], Mapping[str, str]] | None) -> str | None:
    if sign is None:
        return None
    return scope_of(sign)[0]


@pytest.mark.parametrize(
    ("asked", "key", "questions"),
    [
        pytest.param(Asked(), "AKIAIOSFODNN7EXAMPLE", [], id="the emulator here asks for it"),
        pytest.param(Asked(signs=True, url="ws://127.0.0.1:2/dev"), "AKIAIOSFODNN7EXAMPLE", [], id="another emulator"),
        pytest.param(Asked(signs=True, url=THERE), "AKIDEXAMPLE", [(THERE, None)], id="a service elsewhere"),
        pytest.param(Asked(token="t"), None, [], id="a token is given"),
    ],
)
def test_real_keys_are_used_for_services_elsewhere_alone(
    folder: Path, asked: Asked, key: str | None, questions: list[Any]
) -> None:
    runs(folder, "IAM")
    place = FakePlace()

    found = service(asked, lambda: place, HERE)

    assert (key_of(found.sign), found.token, place.asked) == (key, asked.token, questions)


@pytest.mark.parametrize(("said", "region"), [({}, "us-east-1"), ({"region": "eu-west-1"}, "eu-west-1")])
def test_what_is_signed_for_an_emulator_is_for_its_region(folder: Path, said: dict[str, str], region: str) -> None:
    runs(folder, "IAM", **said)

    found = service(Asked(), FakePlace, HERE)

    assert found.sign is not None
    assert scope_of(found.sign)[2] == region


@pytest.mark.parametrize("verifies_with", ["JWT_SECRET", "own", "IAM"])
@pytest.mark.parametrize(
    "named",
    [THERE, "ws://127.0.0.1.evil.example/dev", "ws://192.0.2.1:8787/dev", "ws://127.0.0.1@evil.example/dev", "x"],
)
def test_the_files_of_a_folder_never_say_that_another_machine_gets_a_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch, named: str, verifies_with: str
) -> None:
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    runs(folder, verifies_with, named)

    found = service(Asked(), FakePlace, HERE)

    assert found.url == HERE


@pytest.mark.parametrize(
    ("stage", "asked", "key", "questions"),
    [
        pytest.param(
            Stage(is_signed=True), Asked(stage="prod"), "AKIDEXAMPLE", [("prod", True), (THERE, "prod")], id="it asks"
        ),
        pytest.param(
            Stage(secret="s" * 32),
            Asked(stage="prod", signs=True),
            "AKIDEXAMPLE",
            [("prod", False), (THERE, "prod")],
            id="we say so",
        ),
        pytest.param(Stage(secret="s" * 32), Asked(stage="prod"), None, [("prod", True)], id="it verifies tokens"),
        pytest.param(
            Stage(is_signed=True),
            Asked(stage="prod", token="t"),
            None,
            [("prod", False)],
            id="a token is given",
        ),
    ],
)
def test_a_stage_is_signed_for_where_it_asks_for_it(
    stage: Stage, asked: Asked, key: str | None, questions: list[Any]
) -> None:
    place = FakePlace(stage)

    found = service(asked, lambda: place, HERE)

    assert (key_of(found.sign), found.url, place.asked) == (key, THERE, questions)
    assert (found.token is None) is (key is not None)


def test_a_token_for_a_stage_claims_what_that_stage_is_told_to_want(folder: Path) -> None:
    (folder / "streamer.toml").write_text('[stages.prod.environment]\nJWT_ISSUER = "us"\nJWT_TENANT_CLAIM = "org"\n')
    place = FakePlace(Stage(secret="s" * 32))

    found = service(Asked(stage="prod", user="ada", tenant="acme"), lambda: place, HERE)

    told = Settings(jwt_secret="s" * 32, jwt_issuer="us", jwt_tenant_claim="org")
    assert found.token is not None
    assert principal_of(found.token, told, time.time()) == Principal("ada", "acme")


def test_a_stage_is_called_as_its_own_developer_not_as_that_of_the_emulator_here(folder: Path) -> None:
    (folder / "streamer.toml").write_text(
        '[environment]\nALLOWED_TENANTS = "local-only"\n[stages.prod.environment]\nALLOWED_TENANTS = "acme, other"\n'
    )
    runs(folder, "development secret")
    place = FakePlace(Stage(secret="s" * 32))

    found = service(Asked(stage="prod"), lambda: place, HERE)

    told = Settings(jwt_secret="s" * 32, allowed_tenants=frozenset({"acme", "other"}))
    assert found.token is not None
    assert principal_of(found.token, told, time.time()).tenant_id == "acme"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(Asked(user="x" * 257), "--user 'x", id="too long a user"),
        pytest.param(Asked(user="a\nb"), r"--user 'a\\nb'", id="what cannot be printed"),
        pytest.param(Asked(tenant=" acme"), "--tenant ' acme'", id="a blank before it"),
    ],
)
def test_who_no_service_accepts_is_refused_before_it_is_asked(folder: Path, asked: Asked, told: str) -> None:
    runs(folder, "development secret")

    with pytest.raises(ConfigurationError, match=f"^{told}.* is refused by every service"):
        service(asked, FakePlace, HERE)


def test_a_token_that_was_made_as_the_emulator_here_wants_it_is_refused_elsewhere_alone(folder: Path) -> None:
    runs(folder, "development secret")
    (folder / ".streamer" / "jwt-secret").write_text("s" * 64)

    refused = service(Asked(url="ws://127.0.0.1:2/dev"), FakePlace, HERE).refused

    assert refused is not None
    assert refused.endswith("is the URL another's?")
