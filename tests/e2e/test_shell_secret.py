"""``streamer call``, ``listen`` and ``publish`` where the emulator verifies tokens with the JWT_SECRET of the shell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_command import INLINE, PATIENCE_SECONDS, STREAMER, Emulate, streamer

from emulator.command.here.development_secret import development_secret

pytestmark = pytest.mark.e2e

SECRET = "the secret of this shell, for tests"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the emulator runs; a development secret of an earlier day lies there, too."""
    folder = tmp_path_factory.mktemp("service")
    with Emulate("--no-reload", *INLINE, folder=folder, environment={"JWT_SECRET": SECRET}) as emulator:
        assert emulator.ready["verifies_with"] == "JWT_SECRET"
        assert development_secret(folder / ".streamer").value != SECRET
        yield folder


def test_a_call_is_signed_with_the_shells_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)

    done = streamer("call", "echo", "1", folder=folder)

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_who_listens_and_who_publishes_sign_with_the_shells_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    listening = subprocess.Popen(
        [STREAMER, "listen", "news", "--count", "1", "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    delivered = 0
    while not delivered and listening.poll() is None:  # until it has subscribed
        published = streamer("publish", "news", '"now"', folder=folder)
        assert (published.returncode, published.stderr) == (0, "")
        delivered = json.loads(published.stdout)["delivered"]
    out, err = listening.communicate(timeout=PATIENCE_SECONDS)

    assert (listening.returncode, delivered) == (0, 1), err
    assert json.loads(out)["data"] == "now"


COMMANDS = [
    pytest.param(("call", "echo", "1"), id="call"),
    pytest.param(("listen", "news", "--count", "1"), id="listen"),
    pytest.param(("publish", "news", "1"), id="publish"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_another_secret_is_refused_with_the_reason(
    folder: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", "another secret, of another shell")

    done = streamer(*command, folder=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith(
        f"the emulator of {folder} verifies tokens with its JWT_SECRET; this shell's JWT_SECRET is another"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_secret_the_development_secret_is_not_tried(folder: Path, command: tuple[str, ...]) -> None:
    done = streamer(*command, folder=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"streamer: the emulator of {folder} verifies tokens with a JWT_SECRET that this shell does not have; "
        "export it, or put it into .env for both\n"
    )
