"""``streamer token`` as a user runs it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamer.auth import Principal, principal_of
from streamer.errors import AuthError
from streamer.settings import Settings

pytestmark = pytest.mark.e2e


def streamer(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "JWT_SECRET"}
    return subprocess.run(
        [sys.executable, "-m", "streamer", *arguments],
        cwd=folder,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def principal(token: str, secret: str) -> Principal:
    return principal_of(token, Settings(jwt_secret=secret), time.time())


def test_where_git_cannot_be_told_to_ignore_the_secret_none_is_made(tmp_path: Path) -> None:
    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; unset JWT_SECRET; exec "$0" -m streamer token', sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (full.returncode, full.stdout) == (2, "")
    assert list((tmp_path / ".streamer").iterdir()) == []


def test_it_prints_the_token_alone(tmp_path: Path) -> None:
    secret = "s" * 32
    done = streamer(
        tmp_path,
        "token",
        "--user",
        "ada",
        "--tenant",
        "acme",
        "--permission",
        "a",
        "--permission",
        "b",
        JWT_SECRET=secret,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert principal(done.stdout.strip(), secret) == Principal("ada", "acme", frozenset({"a", "b"}))
    assert not (tmp_path / ".streamer").exists()


def test_an_option_wins_over_the_variable(tmp_path: Path) -> None:
    done = streamer(tmp_path, "token", "--user", "u", "--tenant", "t", "--secret", "mine", JWT_SECRET="theirs")

    assert principal(done.stdout.strip(), "mine").user_id == "u"


def test_without_a_secret_it_makes_one_keeps_it_and_says_so_once(tmp_path: Path) -> None:
    first = streamer(tmp_path, "token", "--user", "ada", "--tenant", "acme")
    second = streamer(tmp_path, "token", "--user", "bob", "--tenant", "acme", JWT_SECRET="")

    path = tmp_path / ".streamer" / "jwt-secret"
    secret = path.read_text("ascii").strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert principal(first.stdout.strip(), secret).user_id == "ada"
    assert principal(second.stdout.strip(), secret).user_id == "bob"
    assert "development secret" in first.stderr
    assert second.stderr == ""
    assert secret not in first.stdout + first.stderr


def test_claims_can_make_a_token_that_is_refused(tmp_path: Path) -> None:
    done = streamer(tmp_path, "token", "--user", "u", "--tenant", "t", "--claim", "exp=0", "--secret", "s")

    with pytest.raises(AuthError, match="token_expired"):
        principal(done.stdout.strip(), "s")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["token", "--user", ""], id="no user"),
        pytest.param(["token", "--user", "u", "--tenant", "t", "--expires-in", "1 fortnight"], id="malformed duration"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(tmp_path: Path, arguments: list[str]) -> None:
    done = streamer(tmp_path, *arguments)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_folder_in_which_no_secret_can_be_kept_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / ".streamer").touch()
    done = streamer(tmp_path, "token", "--user", "u", "--tenant", "t")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "JWT_SECRET" in done.stderr
