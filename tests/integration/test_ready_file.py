"""The ready file: complete or absent, and believed only while its process lives."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.command.here.ready_file import Ready, remove_ready, running, trusted_ca_file, write_ready
from emulator.foundation.files import Claim


def ready(pid: int, *, ca_file: str = "") -> Ready:
    return Ready(
        websocket_url="ws://127.0.0.1:1/dev",
        management_url="http://127.0.0.1:1/dev",
        dynamodb_url="http://127.0.0.1:2",
        pid=pid,
        ca_file=ca_file,
    )


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("pid", [0, -1, 2**70])
def test_a_number_that_is_no_process_counts_for_nothing(tmp_path: Path, pid: int) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(pid))

    assert running(path) is None


def test_what_is_written_is_found(tmp_path: Path) -> None:
    path = tmp_path / "new" / "emulator.json"
    write_ready(path, ready(os.getpid()))

    assert running(path) == ready(os.getpid())
    assert list(path.parent.iterdir()) == [path]


def test_functions_are_called_by_their_names_and_by_logical_ids_of_a_template(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    ids = {"Say": "shop-Say-1N2M", "NotRun": "shop-NotRun-3K4L"}
    write_ready(path, replace(ready(os.getpid()), functions=("shop-Say-1N2M",), function_ids=ids))
    found = running(path)

    assert found is not None
    assert found.callable_functions() == {"Say": "shop-Say-1N2M", "shop-Say-1N2M": "shop-Say-1N2M"}


def test_a_file_of_a_process_that_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(dead_pid()))

    assert running(path) is None


PLACES = '"websocket_url": "ws://127.0.0.1:1/dev", "management_url": "http://127.0.0.1:1/dev", "dynamodb_url": "x"'


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", '{"pid": "x"}', "\ufffd"),
        pytest.param("[" * 100_000, id="nested too deep"),
        pytest.param(f'{{"pid": 1e400, {PLACES}}}', id="endless"),
        pytest.param(f'{{"pid": {10**20}, {PLACES}}}', id="large"),
        pytest.param('{"pid": 1, "management_url": "x", "dynamodb_url": "http://127.0.0.1:1"}', id="no URL"),
    ],
)
def test_a_file_of_another_kind_counts_for_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "emulator.json"
    path.write_text(content, "utf-8")

    assert running(path) is None


def test_no_file_is_no_emulator(tmp_path: Path) -> None:
    assert running(tmp_path / "emulator.json") is None


def test_an_emulator_removes_its_own_file_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(os.getpid()))
    remove_ready(path, os.getpid() + 1)
    assert path.exists()

    remove_ready(path, os.getpid())
    assert not path.exists()


def test_a_link_to_the_file_stays_when_the_file_is_removed(tmp_path: Path) -> None:
    path, link = tmp_path / "emulator.json", tmp_path / "link.json"
    link.symlink_to(path)
    write_ready(link, ready(os.getpid()))
    assert path.is_file()

    remove_ready(link, os.getpid())

    assert link.is_symlink()
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "is_trusted"),
    [
        pytest.param("wss://127.0.0.1:9/dev", True, id="this machine"),
        pytest.param("wss://LOCALHOST:9/dev", True, id="its name"),
        pytest.param("wss://[::1]:9/dev", True, id="IPv6"),
        pytest.param("ws://127.0.0.1:9/dev", False, id="no TLS"),
        pytest.param("wss://api.example.com/prod", False, id="another host"),
        pytest.param("wss://127.0.0.1.example.com/prod", False, id="another host that looks like it"),
        pytest.param("wss://127.0.0.1@example.com/prod", False, id="another host behind a user"),
        pytest.param("wss://[::1/dev", False, id="no URL"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_the_certificate_of_a_running_emulator_is_trusted_on_this_machine_only(
    tmp_path: Path, url: str, is_trusted: bool
) -> None:
    path = tmp_path / "emulator.json"
    write_ready(path, ready(os.getpid(), ca_file="ca.pem"))

    assert trusted_ca_file(url, path) == ("ca.pem" if is_trusted else None)


def test_no_certificate_is_trusted_without_a_running_emulator_that_has_one(tmp_path: Path) -> None:
    path, url = tmp_path / "emulator.json", "wss://127.0.0.1:9/dev"
    assert trusted_ca_file(url, path) is None

    write_ready(path, ready(dead_pid(), ca_file="ca.pem"))
    assert trusted_ca_file(url, path) is None

    write_ready(path, ready(os.getpid()))
    assert trusted_ca_file(url, path) is None


def test_one_at_a_time_holds_a_claim(tmp_path: Path) -> None:
    first, second = Claim(tmp_path / "new" / "lock"), Claim(tmp_path / "new" / "lock")

    assert (first.take(), second.take(), first.take()) == (True, False, True)
    first.close()
    assert second.take()
    second.close()


def test_the_system_takes_a_claim_back_from_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom emulator.foundation.files import Claim\n"
        "claim = Claim(Path(sys.argv[1]))\nprint(claim.take(), flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    claim = Claim(tmp_path / "lock")
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not claim.take()

        holder.kill()
        holder.wait()

        assert claim.take()
    claim.close()
