"""What a machine may do to ``streamer emulate``: closed streams, ignored signals, full disks, files that are none."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from running_command import INLINE, PATIENCE_SECONDS, STREAMER, Emulate, ask, aws_client, certificates, dial, streamer

from emulator.command.here.ready_file import FILE, running
from emulator.iam.call_log import VARIABLE


@pytest.fixture(autouse=True)
def no_log_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files may not grow in some of these: it would be the log of `make test-iam` that they are about."""
    monkeypatch.delenv(VARIABLE, raising=False)


def serves_and_ends(folder: Path, before: str) -> str:
    """Start the demo in a process that some Python has prepared, ask it something, end it; what it logged."""
    log = folder / "log"
    code = f"import os, resource, signal, sys\n{before}\nos.execv(sys.argv[1], sys.argv[1:])"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", code, STREAMER, "emulate", "--demo", "--port", "0"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        for _ in range(600):
            if running(folder / FILE) is not None:
                break
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.1)
        assert streamer("call", "echo", "1", folder=folder).stdout == "1\n"
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE_SECONDS)
    assert status == 0
    return log.read_text()


def test_it_serves_and_ends_in_good_order_with_standard_streams_closed(tmp_path: Path) -> None:
    assert serves_and_ends(tmp_path, "os.closerange(0, 3)") == ""


@pytest.mark.parametrize("closed", [0, 1, 2], ids=["stdin", "stdout", "stderr"])
def test_no_file_of_a_command_takes_the_place_of_a_standard_stream_that_is_closed(tmp_path: Path, closed: int) -> None:
    path = tmp_path / "open"
    command = (
        "import sys; from streamer._entry import main; sys.argv[1:] = ['--version']\n"
        f"try: main()\nfinally: print(open({str(path)!r}, 'w').fileno(), file=open({str(path)!r}, 'w'))"
    )
    code = f"import os, sys; os.close({closed}); os.execv(sys.executable, [sys.executable, '-c', {command!r}])"

    done = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert int(path.read_text()) > 2
    assert (b"version" in done.stdout) is (closed != 1)


@pytest.mark.parametrize(
    "ignore",
    [
        pytest.param("signal.signal(signal.SIGCHLD, signal.SIG_IGN)", id="ends of children ignored"),
        pytest.param("signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGCHLD))", id="blocked"),
    ],
)
def test_it_does_not_matter_what_signals_its_parent_does_without(tmp_path: Path, ignore: str) -> None:
    log = serves_and_ends(tmp_path, ignore)

    assert "Traceback" not in log
    assert "stopping" in log


@pytest.mark.parametrize("isolation", ["process", "inline"])
def test_what_the_user_has_for_aws_and_for_proxies_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    nobody = "http://127.0.0.1:9"
    hostile = {
        **dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE"), "nobody"),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), nobody),
        **dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS"), nobody),
        "AWS_CONFIG_FILE": str(tmp_path),
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)

    with Emulate("--isolation", isolation, folder=tmp_path):
        done = streamer("call", "report", '{"steps": 1, "seconds": 0}', folder=tmp_path)
        assert done.returncode == 0, done.stderr
        listed = streamer("requests", folder=tmp_path)

    assert (listed.returncode, listed.stderr) == (0, "")
    assert "COMPLETED" in listed.stdout


def test_with_few_files_it_serves(tmp_path: Path) -> None:
    assert "Traceback" not in serves_and_ends(tmp_path, "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))")


def test_with_too_few_files_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -n 24; exec "{STREAMER}" emulate --demo --port 0'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("streamer: only 24 files may be open here; raise that with `ulimit -n`: 40 are")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["emulate", "--demo"], ["token"]], ids=["emulate", "token"])
def test_a_folder_that_is_gone_gets_one_line(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", f'rmdir "{folder}"; exec "{STREAMER}" {" ".join(command)}'],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "streamer: the current folder does not exist any more; go to another one\n"


def test_a_path_that_is_too_long_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "streamer.toml").write_text(f'project = "{"a" * 300}"')

    done = streamer("token", folder=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"streamer: {tmp_path}/{'a' * 300}: {os.strerror(errno.ENAMETOOLONG)}\n"


def test_links_that_lead_in_a_circle_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "streamer.toml").write_text('project = "circle"')

    done = streamer("describe", folder=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("streamer: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_cannot_be_written_gets_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [STREAMER, "token"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
        mute = subprocess.run([STREAMER, "token"], cwd=tmp_path, stdout=full, stderr=full, check=False)

    assert (done.returncode, mute.returncode) == (1, 1)
    assert done.stderr.splitlines()[-1] == "streamer: the output cannot be written: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("token",), ("--help",), ("deploy", "--help")], ids=" ".join)
def test_output_that_nobody_reads_any_more_ends_a_command_as_others_of_a_pipe(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run([STREAMER, *arguments], cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False)

    os.close(writer)
    assert (done.returncode, b"Traceback" in done.stderr) == (141, False)


@pytest.mark.parametrize("option", ["--state", "--ready-file"])
def test_a_fifo_instead_of_a_file_gets_one_line_and_stays(tmp_path: Path, option: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    done = streamer("emulate", "--demo", "--port", "0", option, "fifo", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("streamer: the ")
    assert done.stderr.endswith("it is no regular file\n")
    assert done.stderr.count("\n") == 1
    assert stat.S_ISFIFO(fifo.lstat().st_mode)


def test_log_lines_that_cannot_be_written_are_told_and_harm_nothing(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    router = logs / "aws-lambda-router.log"
    os.mkfifo(router)
    with Emulate("--log-dir", "logs", folder=tmp_path) as emulator, dial(emulator.address()) as client:
        assert ask(client, "echo", 1)[-1]["data"] == 1
        emulator.log.wait_for("log lines are lost until their file can be written: it is no regular file")
        router.unlink()
        assert ask(client, "echo", 2)[-1]["data"] == 2
        emulator.log.wait_for("log lines can be written again")
        assert emulator.interrupt() == 0

    assert stat.S_IMODE(router.stat().st_mode) == 0o600
    assert "action ran" in router.read_text()
    assert "Traceback" not in emulator.log.text


fills_the_disk = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="sets limits of another process, as Linux can"
)


def room(emulator: Emulate, file_bytes: int) -> None:
    """How long a file may become that the emulator writes, as if its disk were full then; -1: as long as it likes."""
    resource.prlimit(emulator.pid, resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))


@fills_the_disk
@pytest.mark.usefixtures("unmeasured")
def test_log_lines_that_a_full_disk_does_not_take_cost_no_message(tmp_path: Path) -> None:
    with Emulate("--log-dir", "logs", *INLINE, folder=tmp_path) as emulator, dial(emulator.address()) as client:
        assert ask(client, "echo", 1)[-1]["data"] == 1
        room(emulator, 0)
        assert [ask(client, "echo", number)[-1]["data"] for number in range(2, 5)] == [2, 3, 4]
        with dial(emulator.address()) as another:
            assert ask(another, "echo", 5)[-1]["data"] == 5
        emulator.log.wait_for("log lines are lost until their file can be written: File too large +function=router")
        room(emulator, -1)
        assert ask(client, "echo", 6)[-1]["data"] == 6
        emulator.log.wait_for("log lines can be written again +function=router")
        assert emulator.interrupt() == 0

    told = [line for line in emulator.log.text.splitlines() if "lost until" in line and "function=router" in line]
    assert len(told) == 1
    assert "Traceback" not in emulator.log.text


@fills_the_disk
@pytest.mark.usefixtures("unmeasured")
def test_a_state_that_a_full_disk_does_not_take_is_saved_when_there_is_room(tmp_path: Path) -> None:
    with Emulate("--state", "state", *INLINE, folder=tmp_path) as emulator:
        room(emulator, 0)
        with dial(emulator.address()) as client:
            assert ask(client, "report", {"seconds": 0}, request_id="kept")[-1]["type"] == "complete"
            emulator.log.wait_for("the state cannot be saved, which is tried again: File too large")
            room(emulator, -1)
            emulator.log.wait_for("the state is saved again")
        assert emulator.interrupt() == 0

    assert emulator.log.text.count("cannot be saved") == 1
    assert "Traceback" not in emulator.log.text
    with Emulate("--state", "state", *INLINE, folder=tmp_path):
        assert json.loads(streamer("requests", "show", "kept", folder=tmp_path).stdout)["status"] == "COMPLETED"


@fills_the_disk
@pytest.mark.usefixtures("unmeasured")
def test_a_state_that_a_full_disk_does_not_take_until_the_end_is_one_line_and_exit_status_1(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Emulate("--state", "state", *INLINE, folder=tmp_path) as emulator:
        before = state.read_bytes()
        room(emulator, 0)
        with dial(emulator.address()) as client:
            assert ask(client, "report", {"seconds": 0}, request_id="kept")[-1]["type"] == "complete"
        status = emulator.interrupt()

    assert status == 1
    assert emulator.log.wait_for_end().splitlines()[-1] == (
        "streamer: the state cannot be written to state: File too large; "
        "it is as it was when that began, and what changed since is lost"
    )
    assert "Traceback" not in emulator.log.text
    assert state.read_bytes() == before
    with Emulate("--state", "state", *INLINE, folder=tmp_path) as emulator:
        assert emulator.interrupt() == 0


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        pytest.param(1, "the state file state cannot be used: File too large", id="the state"),
        pytest.param(0, "no folder for temporary files can be made: No usable temporary directory", id="anything"),
    ],
)
def test_a_disk_that_is_full_at_the_start_is_one_line_and_exit_status_2(tmp_path: Path, blocks: int, said: str) -> None:
    assert streamer("token", folder=tmp_path).returncode == 0  # which makes the folder of what is kept
    shutil.copytree(certificates(), tmp_path / ".streamer", dirs_exist_ok=True)
    done = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -f {blocks}; exec "{STREAMER}" emulate --demo --port 0 --state state'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith(f"streamer: {said}")


def test_modules_of_a_project_with_names_of_others_are_imported_by_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from streamer import App\napp = App()\n"
        "@app.action('shout')\ndef shout(request):\n    import greetings\n    return greetings.HELLO\n"
    )
    (tmp_path / "greetings.py").write_text("HELLO = 'hello'\n")
    for name in ("websockets", "moto"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not for you')\n")

    with Emulate("--no-reload", folder=tmp_path) as emulator:
        with dial(emulator.address()) as client:
            assert ask(client, "shout")[-1]["data"] == "hello"
        described = streamer("describe", "--format", "json", folder=tmp_path)
        made = aws_client("sqs", emulator.ready["url"]).create_queue(QueueName="mails")

    assert (described.returncode, described.stderr) == (0, "")
    assert made["QueueUrl"].endswith("/mails")


@pytest.mark.parametrize("command", [("emulate", "--port", "0"), ("actions",), ("template",)], ids=lambda each: each[0])
def test_a_module_called_as_what_verifies_tokens_gets_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "app.py").write_text("from streamer import App\nimport jwt\napp = App()\n")
    (tmp_path / "jwt.py").write_text("MINE = 1\n")

    done = streamer(*command, folder=tmp_path)

    told = "streamer: jwt.py is called as PyJWT's module, which verifies tokens; give it another name\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_a_garbled_ready_file_is_none(tmp_path: Path) -> None:
    (tmp_path / ".streamer").mkdir()
    (tmp_path / FILE).write_text("[" * 100_000)

    for command in (["requests", "list"], ["call", "echo"]):
        done = streamer(*command, folder=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_a_state_folder_that_others_may_use_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / ".streamer"
    folder.mkdir()
    folder.chmod(0o777)

    assert streamer("token", folder=tmp_path).returncode == 0

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_linked_state_folder_is_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    target.chmod(0o755)
    (tmp_path / ".streamer").symlink_to(target)

    assert streamer("token", folder=tmp_path).returncode == 0

    assert stat.S_IMODE(target.stat().st_mode) == 0o755
