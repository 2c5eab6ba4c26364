"""``streamer listen`` and ``streamer publish`` as a user runs them, in the folder where the emulator runs."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_command import PATIENCE_SECONDS, STREAMER, Emulate, Output

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("service")
    with Emulate("--no-reload", folder=folder):
        yield folder


class Listening:
    """A ``streamer listen`` that has certainly subscribed."""

    def __init__(self, folder: Path, topic: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [STREAMER, "listen", topic, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.out = Output(self.process.stdout)
        while json.loads(publish(folder, topic, '"are you there?"')[1])["delivered"] == 0:
            pass
        self.out.wait_for("are you there?")

    def end(self) -> tuple[int, str]:
        """Wait for its end; exit status and standard error."""
        assert self.process.stderr is not None
        with self.process.stderr as err:
            return self.process.wait(PATIENCE_SECONDS), err.read()


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [STREAMER, *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    return done.returncode, done.stdout, done.stderr


def publish(folder: Path, *arguments: str) -> tuple[int, str, str]:
    return run(folder, "publish", *arguments)


def test_what_is_published_is_a_line_each(folder: Path) -> None:
    listening = Listening(folder, "lines", "--count", "3")

    assert publish(folder, "lines", '{"a": [1]}') == (0, '{"delivered": 1, "gone": 0, "failed": 0}\n', "")
    assert publish(folder, "lines")[0] == 0

    assert listening.end() == (0, "")
    assert listening.out.wait_for_end().splitlines()[-2:] == ['{"a": [1]}', "null"]


def test_json_tells_topic_and_time_and_ctrl_c_ends_it(folder: Path) -> None:
    listening = Listening(folder, "times", "--json")
    listening.process.send_signal(signal.SIGINT)

    status, err = listening.end()
    assert (status, err.strip()) == (130, "")
    message = json.loads(listening.out.wait_for_end().splitlines()[0])
    assert (message["topic"], message["data"], message["missed"]) == ("times", "are you there?", 0)
    assert message["timestamp"] > 0


def test_too_few_messages_in_time_is_exit_status_1(folder: Path) -> None:
    assert run(folder, "listen", "silence", "--count", "1", "--timeout", "0.1s") == (
        1,
        "",
        "streamer: 0 of 1 messages came within 0.1 s\n",
    )


def test_a_token_without_the_permission_may_not_publish(folder: Path) -> None:
    token = run(folder, "token", "--user", "ada", "--tenant", "local")[1].strip()

    status, out, err = publish(folder, "news", "1", "--token", token)

    assert (status, out) == (1, "")
    assert err.startswith("streamer: FORBIDDEN")


def test_what_is_no_topic_is_refused_in_one_line(folder: Path) -> None:
    status, out, err = publish(folder, "no topic", "1")

    assert (status, out, err.count("\n")) == (1, "", 1)
