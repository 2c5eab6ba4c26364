"""As whom a developer connects, and with which key that is signed: one rule for all commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.command.here.development_secret import development_secret
from emulator.command.here.identity import DEVELOPMENT, OWN, PUBLIC_KEY, SHELL, Identity, is_here, key_kind, signing_key
from streamer.aws_limits import LOOPBACK
from streamer.errors import ConfigurationError

IN_SHELL = {"JWT_SECRET": "the-shells-secret-of-thirty-two-characters"}


def test_a_developer_may_do_what_the_apps_actions_ask_for_in_a_tenant_that_may_come_in() -> None:
    who = Identity.of_developer({"ALLOWED_TENANTS": "acme, umbrella"}, ["reports"])

    assert who == Identity(
        user="developer", tenant="acme", permissions=("reports", "requests:cancel", "topics:publish")
    )


@pytest.mark.parametrize(
    ("environment", "is_app", "kind"),
    [
        pytest.param(IN_SHELL, True, SHELL, id="the shell has a secret"),
        pytest.param({"JWT_PUBLIC_KEY": "PEM"}, True, PUBLIC_KEY, id="a public key"),
        pytest.param({}, True, DEVELOPMENT, id="nothing"),
        pytest.param(IN_SHELL, False, OWN, id="plain handlers"),
    ],
)
def test_how_tokens_are_verified(environment: dict[str, str], is_app: bool, kind: str) -> None:
    assert key_kind(environment, is_app=is_app) == kind


@pytest.mark.parametrize(
    ("environment", "running", "source"),
    [
        pytest.param(IN_SHELL, SHELL, SHELL, id="both have JWT_SECRET"),
        pytest.param(IN_SHELL, None, SHELL, id="nothing runs, and the shell has JWT_SECRET"),
        pytest.param(IN_SHELL, DEVELOPMENT, DEVELOPMENT, id="the emulator has none"),
        pytest.param({}, DEVELOPMENT, DEVELOPMENT, id="neither has one"),
        pytest.param({}, None, DEVELOPMENT, id="nothing at all"),
    ],
)
def test_a_token_is_signed_with_what_the_emulator_verifies_with(
    tmp_path: Path, environment: dict[str, str], running: str | None, source: str
) -> None:
    kept = development_secret(tmp_path / ".streamer").value

    key = signing_key(tmp_path / ".streamer", environment, running, makes=False)

    assert key.source == source
    assert key.secret == (environment["JWT_SECRET"] if source == SHELL else kept)
    assert key.secret not in repr(key)


@pytest.mark.parametrize(
    ("running", "said"),
    [
        pytest.param(SHELL, "a JWT_SECRET that this shell does not have", id="the emulator's shell has JWT_SECRET"),
        pytest.param(PUBLIC_KEY, "give one with --token", id="a public key"),
        pytest.param(None, "no emulator runs in", id="nothing runs, and there is no secret"),
    ],
)
def test_without_a_key_that_would_do_nothing_is_made_and_the_way_out_is_said(
    tmp_path: Path, running: str | None, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        signing_key(tmp_path / ".streamer", {}, running, makes=False)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://127.0.0.1:8787/dev", True),
        ("wss://localhost/dev", True),
        ("wss://a1.execute-api.us-east-1.amazonaws.com/dev", False),
        ("ws://127.0.0.1.evil.example/dev", False),
        ("ws://[", False),
    ],
)
def test_tokens_are_made_for_this_machine_only(url: str, expected: bool) -> None:
    assert is_here(url, LOOPBACK) is expected
