"""Commands and the emulator where ``[environment]`` of ``streamer.toml`` says how tokens are verified."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_command import INLINE, Emulate, streamer

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("said", "verifies_with"),
    [
        pytest.param(
            'JWT_ISSUER = "us"\nJWT_AUDIENCE = "shop"\nJWT_TENANT_CLAIM = "org"\nALLOWED_TENANTS = "acme, umbrella"',
            "development secret",
            id="claims",
        ),
        pytest.param('JWT_SECRET = "the secret of this project, for tests"', "JWT_SECRET", id="a secret"),
    ],
)
def test_the_developers_token_is_what_the_service_is_told_to_accept(
    tmp_path: Path, said: str, verifies_with: str
) -> None:
    (tmp_path / "streamer.toml").write_text(f"[environment]\n{said}\n")

    with Emulate("--demo", "--no-reload", *INLINE, folder=tmp_path) as emulator:
        assert emulator.ready["verifies_with"] == verifies_with
        done = streamer("call", "echo", "1", folder=tmp_path)
        token = streamer("token", folder=tmp_path).stdout.strip()
        again = streamer("call", "echo", "2", "--token", token, folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert (again.returncode, again.stdout) == (0, "2\n")


def test_tokens_of_an_identity_provider_are_asked_for_where_it_publishes_the_keys(tmp_path: Path) -> None:
    said = 'JWT_JWKS_URL = "http://127.0.0.1:9/keys"\nJWT_ISSUER = "us"'
    (tmp_path / "streamer.toml").write_text(f"[environment]\n{said}\n")

    with Emulate("--demo", "--no-reload", *INLINE, folder=tmp_path) as emulator:
        done = streamer("call", "echo", folder=tmp_path)
        refused = streamer("call", "echo", "--token", "none", folder=tmp_path)
        assert "Connect with a token that your JWT_JWKS_URL verifies" in emulator.out.text

    assert (done.returncode, done.stderr) == (
        2,
        "streamer: the emulator here verifies tokens with JWT_JWKS_URL; give one with --token\n",
    )
    assert "HTTP 401" in refused.stderr
