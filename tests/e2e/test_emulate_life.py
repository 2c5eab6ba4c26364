"""How ``streamer emulate`` starts, refuses to start, stops and dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from running_command import INLINE, PATIENCE_SECONDS, STREAMER, Emulate, ask, descendants, dial, streamer, watch_end
from websockets.exceptions import ConnectionClosed

from emulator.command.here.ready_file import FILE, running
from emulator.port.tls import authority


@pytest.mark.parametrize(
    ("number", "isolation"),
    [
        pytest.param(signal.SIGINT, (), id="SIGINT"),
        pytest.param(signal.SIGTERM, INLINE, id="SIGTERM"),
        pytest.param(signal.SIGHUP, INLINE, id="SIGHUP"),
    ],
)
def test_a_signal_closes_clients_with_1001_and_runs_every_disconnect(
    tmp_path: Path, number: signal.Signals, isolation: tuple[str, ...]
) -> None:
    with Emulate(*isolation, folder=tmp_path) as emulator, ExitStack() as stack:
        clients = [stack.enter_context(dial(emulator.address())) for _ in range(5)]

        status = emulator.stop(number)

        for client in clients:
            with pytest.raises(ConnectionClosed) as closed:
                client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
    assert status == 0
    assert emulator.log.wait_for_end().count(" disconnected ") == 5
    assert not (tmp_path / "ready.json").exists()
    assert not (tmp_path / ".streamer" / "emulator.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_kill_9_leaves_no_process_and_no_temporary_file_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    with (
        Emulate(folder=tmp_path, environment=environment, own_children=True) as emulator,
        dial(emulator.address()) as client,
    ):
        ask(client, "echo", 1)
        client.send('{"action": "report", "payload": {"steps": 10, "seconds": 600}}')
        client.recv()
        running = {pid: watch_end(pid) for pid in descendants(emulator.pid)}
        (of_functions,) = temporary.iterdir()
        assert list(of_functions.iterdir()), "functions have folders for temporary files"

        emulator.kill()

        assert running, "functions run in processes of their own"
        assert [pid for pid, has_ended in running.items() if not has_ended()] == []
        assert list(temporary.iterdir()) == []


def test_an_emulators_end_leaves_the_temporary_files_of_another_alone(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    with Emulate(folder=tmp_path, environment=environment):
        (kept,) = temporary.iterdir()
        with Emulate(folder=tmp_path, environment=environment, ready_file="second.json", own_children=True) as second:
            running = {pid: watch_end(pid) for pid in descendants(second.pid)}
            second.kill()
            assert all(has_ended() for has_ended in running.values())

        assert list(temporary.iterdir()) == [kept]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_of_two_in_a_folder_commands_find_the_first_and_after_it_the_second(
    tmp_path: Path, number: signal.Signals
) -> None:
    found = tmp_path / ".streamer" / "emulator.json"
    with (
        Emulate(*INLINE, folder=tmp_path) as first,
        Emulate(*INLINE, folder=tmp_path, ready_file="second.json") as second,
    ):
        warning = second.log.wait_for("another emulator of this folder is the one that commands find")
        assert f"name this one with --url  url={second.url}" in warning
        assert json.loads(found.read_text())["websocket_url"] == first.url

        first.stop(number)
        second.log.wait_for("commands find this one now")

        assert json.loads(found.read_text())["websocket_url"] == second.url
        assert streamer("call", "echo", "1", folder=tmp_path).stdout == "1\n"
        assert second.interrupt() == 0
    assert not found.exists()


def test_a_second_that_ends_leaves_the_first_to_be_found(tmp_path: Path) -> None:
    with Emulate(*INLINE, folder=tmp_path) as first:
        with Emulate(*INLINE, folder=tmp_path, ready_file="second.json"):
            pass

        assert json.loads((tmp_path / ".streamer" / "emulator.json").read_text())["websocket_url"] == first.url
        assert "warning" not in first.log.text


def test_a_ready_file_that_is_taken_over_from_a_running_emulator_is_told(tmp_path: Path) -> None:
    with Emulate(*INLINE, folder=tmp_path) as first, Emulate(*INLINE, folder=tmp_path) as second:
        warning = second.log.wait_for("the ready file named an emulator that still runs")

        assert first.url in warning
        assert first.url != second.url


@pytest.mark.parametrize("log_format", ["pretty", "json"])
def test_it_serves_on_when_nobody_reads_its_output_any_more(tmp_path: Path, log_format: str) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [STREAMER, "emulate", "--demo", "--port", "0", "--log-format", log_format],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as output:
            assert any("Stop with Ctrl-C" in line for line in output)

        assert streamer("call", "echo", "1", folder=tmp_path).stdout == "1\n"
        assert "this action always fails" in streamer("call", "fail", folder=tmp_path).stderr
        assert streamer("call", "echo", "2", folder=tmp_path).stdout == "2\n"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_commands_trust_the_certificate_of_the_emulator_in_their_folder(demo: Emulate, host: str) -> None:
    url = f"wss://{host}:{demo.port}/dev"

    assert streamer("call", "echo", "1", "--url", url, folder=demo.folder).stdout == "1\n"
    assert streamer("publish", "news", "1", "--url", url, folder=demo.folder).returncode == 0


def test_elsewhere_the_emulators_certificate_gets_one_line_that_says_what_to_do(
    demo: Emulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("call", "echo", "1", "--url", f"wss://127.0.0.1:{demo.port}/dev", "--token", demo.token())
    refused = streamer(*command, folder=tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", demo.ready["ca_file"])
    trusted = streamer(*command, folder=tmp_path)

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "its certificate is not trusted" in refused.stderr
    assert "set SSL_CERT_FILE" in refused.stderr
    assert "_ssl.c" not in refused.stderr
    assert trusted.stdout == "1\n"


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import time\nfrom streamer import App\napp = App()\n\n\n"
        "@app.action('hang')\ndef hang(request):\n    print('hanging', flush=True)\n    time.sleep(600)\n"
    )
    with Emulate(folder=tmp_path) as emulator, dial(emulator.address()) as client:
        client.send('{"action": "hang"}')
        emulator.log.wait_for("hanging")
        os.kill(emulator.pid, signal.SIGINT)
        emulator.log.wait_for("stopping")

        assert emulator.stop(signal.SIGINT) == 128 + signal.SIGINT


def test_a_second_start_on_the_same_port_says_so_in_one_line(demo: Emulate, tmp_path: Path) -> None:
    done = streamer("emulate", "--demo", "--port", str(demo.port), folder=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"streamer: port {demo.port} on 127.0.0.1 is in use (by another emulator?); "
        "choose another with --port, or --port 0\n"
    )
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["nowhere:app"], "there is no module 'nowhere'", id="no such module"),
        pytest.param(["json:app"], "module 'json' has no attribute 'app'", id="no such attribute"),
        pytest.param(["json:loads"], "'json:loads' is of type function", id="neither app nor topology"),
        pytest.param(["nowhere"], "write it as module:attribute", id="no attribute named"),
        pytest.param([""], "the target is empty, as an unset variable is", id="unset variable"),
        pytest.param(["template.yaml"], "there is no such file or folder", id="no such template"),
        pytest.param(["cdk.out"], "cdk.out: there is no such file or folder: run cdk synth first", id="no assembly"),
        pytest.param(["--port", "70000"], "--port", id="port out of range"),
        pytest.param(["--port", "http"], "--port", id="port not a number"),
        pytest.param(["app.py:app"], "'app.py:app' names a file", id="file for a module"),
        pytest.param(["./app:app"], "'./app:app' names a file", id="path for a module"),
        pytest.param(["--host", ""], "--host is empty", id="no host"),
        pytest.param(["--host", "http://127.0.0.1"], "is neither an address nor", id="URL for a host"),
        pytest.param(["--host", "127.0.0.1:80"], "is neither an address nor", id="host with a port"),
        pytest.param(["--host", "203.0.113.1", "--port", "0"], "cannot listen on 203.0.113.1", id="not our address"),
        pytest.param(["--idle-timeout", "-1"], "--idle-timeout", id="negative duration"),
        pytest.param(["--integration-timeout", "30"], "--integration-timeout", id="more than AWS allows"),
        pytest.param(["--dynamodb", "localhost"], "neither 'embedded' nor a URL", id="no URL"),
        pytest.param(["--dynamodb", "http://127.0.0.1:1", "--port", "0"], "127.0.0.1:1", id="no DynamoDB there"),
        pytest.param(["--isolation", "docker"], "--isolation", id="unknown isolation"),
        pytest.param(["--real", "bedrock-runtime", "--debug"], "leave out --debug", id="AWS itself from inline"),
        pytest.param(["--domain", "aws", "--isolation", "inline"], "leave out --isolation inline", id="names inline"),
        pytest.param(["--inspect", "router", "--debug"], "leave out --debug", id="a debugger of Node.js inline"),
        pytest.param(
            ["--state", "kept", "--ready-file", "./kept", "--port", "0"], "name two files", id="one file for two things"
        ),
        pytest.param(
            ["--host", "0.0.0.0", "--allow-host", "box", "--port", "0"], "say --console", id="a name of no console"
        ),
        pytest.param(["--nonsense"], "--nonsense", id="unknown option"),
        pytest.param(["--log-dir", "/dev/null/logs", "--port", "0"], "log folder", id="log folder below a file"),
        pytest.param(["--ready-file", "."], "ready-file", id="ready file is a folder"),
        pytest.param(["--ready-file", "/proc/no/ready.json", "--port", "0"], "ready", id="ready file cannot be made"),
        pytest.param(["--state", "/proc/no/state", "--port", "0"], "state", id="state file cannot be made"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    demo = ["--demo"] if arguments[0].startswith("--") else []
    done = streamer("emulate", *demo, *arguments, folder=tmp_path)

    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert done.stderr.startswith("streamer: ")
    assert done.stderr.count("\n") == 1
    if not demo:  # nothing is made where there is nothing to run
        assert [*tmp_path.iterdir()] == []


def test_the_state_folder_is_private_and_ignored_by_git_with_a_secret_of_the_users_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", "s" * 32)

    with Emulate(*INLINE, folder=tmp_path):
        state = tmp_path / ".streamer"
        assert state.stat().st_mode & 0o077 == 0
        assert (state / ".gitignore").read_text().endswith("*\n")


def test_a_state_folder_that_cannot_be_made_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    (tmp_path / ".streamer").write_text("")

    done = streamer("emulate", "--demo", "--port", "0", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr == f"streamer: the folder {tmp_path / '.streamer'} cannot be used: File exists\n"


def test_certificates_that_are_none_get_one_line(tmp_path: Path) -> None:
    made = authority(tmp_path / ".streamer")
    for file in (made.ca_file, made.bundle_file, made.server_file):
        file.write_text("")

    done = streamer("emulate", "--demo", "--port", "0", folder=tmp_path)

    assert done.returncode == 2
    assert "tls-server.pem holds no usable certificate; delete it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_certificates_that_cannot_be_written_get_one_line(tmp_path: Path) -> None:
    (tmp_path / ".streamer" / "tls-server.pem").mkdir(parents=True)

    done = streamer("emulate", "--demo", "--port", "0", folder=tmp_path)

    assert done.returncode == 2
    assert "certificates cannot be written to" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / ".streamer").glob("tls-*.pem.*")) == [], "nothing half-made is left"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        pytest.param("import nothing_of_this_name\n", "imports 'nothing_of_this_name'", id="missing dependency"),
        pytest.param("1 / 0\n", "ZeroDivisionError", id="raises when imported"),
        pytest.param(
            "import sys\nsys.exit('no configuration')\n", "SystemExit: no configuration (app.py, ", id="exits"
        ),
        pytest.param(
            "from streamer import App\napp = App()\n@app.action\ndef a(request): ...\n",
            'write @app.action("name") instead of @app.action',
            id="decorator without a name",
        ),
        pytest.param("def broken(:\n", "SyntaxError", id="syntax error"),
        pytest.param("application = 1\n", "has no attribute 'app'", id="no app in it"),
    ],
)
def test_an_app_that_cannot_be_loaded_gets_one_line(tmp_path: Path, source: str, complaint: str) -> None:
    (tmp_path / "app.py").write_text(source)

    done = streamer("emulate", "--port", "0", folder=tmp_path)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_token_appears_in_any_log(tmp_path: Path) -> None:
    with Emulate("--log-format", "json", folder=tmp_path) as emulator:
        token = emulator.token()
        with dial(f"{emulator.url}?Authorization={token}") as client:
            ask(client, "echo", {"a": 1})
        with dial(emulator.url, additional_headers={"Authorization": f"Bearer {token}"}) as client:
            ask(client, "fail")
        emulator.interrupt()

    assert token not in emulator.log.wait_for_end()
    assert token.rpartition(".")[2] not in emulator.log.text


def test_a_subprotocol_can_carry_the_token(demo: Emulate) -> None:
    token = demo.token()

    with dial(demo.url, subprotocols=["streamer.v1", f"bearer.{token}"]) as client:
        assert client.subprotocol == "streamer.v1"
        assert ask(client, "echo", 1)[0]["data"] == 1


def test_after_sigkill_what_clients_were_told_stays_true_and_their_connections_are_ended(tmp_path: Path) -> None:
    with Emulate("--state", "state", folder=tmp_path) as emulator, dial(emulator.address()) as client:
        (*_, complete) = ask(client, "report", {"steps": 1, "seconds": 0}, request_id="kept")
        client.send('{"action": "report", "id": "runs", "payload": {"steps": 10, "seconds": 600}}')
        client.recv()
        emulator.kill()

    with Emulate("-v", "--state", "state", folder=tmp_path) as emulator:
        emulator.log.wait_for("running .disconnect of connections that were open when the last emulator ended")
        emulator.log.wait_for("connection closed")
        rows = emulator.aws("dynamodb").scan(TableName="streamer_connections")
        with dial(emulator.address()) as client:
            (answer,) = ask(client, "status", {"request_id": "kept"})
            (running,) = ask(client, "status", {"request_id": "runs"})

    assert rows["Items"] == []
    assert complete["type"] == "complete"
    assert answer["data"]["result"] == complete["result"]
    told = running["data"]
    # It may be tried once: either that was not begun before the kill, or it was, and is not begun again.
    assert told["status"] in ("PENDING", "PROCESSING") or told["error"]["message"].startswith("the last attempt was")


def test_what_ran_when_it_ended_goes_on_by_its_own_event_and_waits_for_no_lease_and_no_sweep(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import threading\nfrom streamer import App\n\napp = App()\n\n\n"
        "@app.action('work', queued=True, max_attempts=2)\ndef work(request):\n"
        "    if request.attempt == 1:\n        print('the first attempt', flush=True)\n"
        "        threading.Event().wait()\n    return request.attempt\n"
    )
    started = r"processor \w+ \| START RequestId: ([\w-]+)"

    with Emulate("-v", "--state", "state", folder=tmp_path) as emulator, dial(emulator.address()) as client:
        client.send('{"action": "work", "id": "kept"}')
        event = emulator.log.wait_for("the first attempt").split()[2]
        emulator.interrupt()
    with Emulate("-v", "--state", "state", folder=tmp_path) as emulator, dial(emulator.address()) as client:
        client.send('{"action": "subscribe", "payload": {"request_id": "kept"}}')
        first = re.search(started, emulator.log.wait_for(started))
        while (message := json.loads(client.recv()))["type"] != "complete":
            pass

    assert first is not None
    assert first[1].startswith(event)
    assert message["result"] == 2


def test_two_emulators_do_not_share_a_state_file(tmp_path: Path) -> None:
    with Emulate("--state", "state", folder=tmp_path):
        done = streamer("emulate", "--demo", "--port", "0", "--state", "state", folder=tmp_path)

    assert (done.returncode, done.stderr) == (
        2,
        "streamer: state is used by another emulator; end that, or name another file\n",
    )


def test_tables_survive_a_restart_with_a_state_file(tmp_path: Path) -> None:
    with Emulate("--state", "state", folder=tmp_path) as emulator, dial(emulator.address()) as client:
        (*_, complete) = ask(client, "report", {"steps": 1, "seconds": 0}, request_id="kept")

    with Emulate("--state", "state", folder=tmp_path) as emulator, dial(emulator.address()) as client:
        (answer,) = ask(client, "status", {"request_id": "kept"})

    assert complete["type"] == "complete"
    assert answer["data"]["status"] == "COMPLETED"


def closed_terminal(folder: Path, before: str = "") -> subprocess.Popen[bytes]:
    """The demo in a terminal that is its own, as a window's is, and that closes once it serves a client."""
    terminal, of_emulator = os.openpty()
    code = f"import fcntl, os, signal, sys, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{before}\n"
    command = [str(STREAMER), "emulate", "--demo", "--port", "0", "--state", "state", "--log-dir", "logs"]
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}os.execv(sys.argv[1], sys.argv[1:])", *command],
        cwd=folder,
        stdin=of_emulator,
        stdout=of_emulator,
        stderr=of_emulator,
        start_new_session=True,
    )
    os.close(of_emulator)
    shown = b""
    while b"Stop with Ctrl-C" not in shown:
        shown += os.read(terminal, 4096)
    asked = streamer("call", "report", '{"steps": 1, "seconds": 0}', folder=folder)
    assert asked.returncode == 0, asked.stderr
    os.close(terminal)
    return process


def test_a_terminal_that_closes_ends_it_in_good_order_with_its_state_saved(tmp_path: Path) -> None:
    process = closed_terminal(tmp_path)

    assert process.wait(PATIENCE_SECONDS) == 0
    assert running(tmp_path / FILE) is None
    with Emulate("--state", "state", folder=tmp_path) as emulator:
        (kept,) = emulator.aws("dynamodb").scan(TableName="streamer_requests")["Items"]
    assert kept["status"] == {"S": "COMPLETED"}
    assert "open when the last emulator ended" not in emulator.log.text


def test_below_nohup_it_serves_on_when_the_terminal_closes(tmp_path: Path) -> None:
    process = closed_terminal(tmp_path, "signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    try:
        process.send_signal(signal.SIGHUP)
        asked = streamer("call", "echo", "1", folder=tmp_path)
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE_SECONDS)

    assert asked.stdout == "1\n"
    assert status == 0
