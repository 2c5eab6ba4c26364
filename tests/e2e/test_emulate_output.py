"""What ``streamer emulate`` tells: one line per message for people, JSON Lines for programs."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from running_command import INLINE, PATIENCE_SECONDS, STREAMER, Emulate, ask, dial

APP = """
import logging
import os

from streamer import App

app = App()


@app.action("echo")
def echo(request):
    print("printed")
    return request.payload


@app.action("report", estimated_duration=10)
def report(request, progress):
    progress(50, "half")
    return 1


@app.action("boom")
def boom(request):
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger().exception("caught it")
    print("no end", end="")
    return helper(request)


def helper(request):
    raise ValueError("bad \\x1b[31m")


@app.action("crash")
def crash(request):
    os.write(2, b"last words\\xff")
    os._exit(3)
"""
PLAIN = """
from streamer.topology import Api, Function, Route, Topology


def echo(event, context):
    return {"statusCode": 200}


def sleep(event, context):
    import time
    print("going to sleep", flush=True)
    time.sleep(600)


def hungry(event, context):
    return bytearray(400_000_000)


def function(name, **more):
    return Function(name=name, handler=f"service.{name}", **{"timeout_seconds": 20, "memory_mb": 256, **more})


topology = Topology(
    api=Api(
        name="plain",
        routes=tuple(Route(route_key=name, function=name) for name in ("echo", "sleep", "hungry")),
    ),
    functions=(function("echo"), function("sleep", timeout_seconds=1), function("hungry", memory_mb=128)),
)
"""


def project(folder: Path, source: str = APP, name: str = "app.py") -> Path:
    (folder / name).write_text(source)
    return folder


def lines_of(text: str) -> list[str]:
    """Without the times that lines begin with."""
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


def test_the_terminal_shows_one_line_per_message(tmp_path: Path) -> None:
    with Emulate(folder=project(tmp_path)) as emulator:
        with dial(emulator.address()) as client:
            ask(client, "echo", 1, request_id="quick")
            ask(client, "report", request_id="queued")
            emulator.log.wait_for("^.* report .* done")
            ask(client, "boom", request_id="failing")
            ask(client, "ecco", request_id="unknown")
        emulator.log.wait_for("disconnected")

    text = "\n".join(lines_of(emulator.log.text))
    assert re.search(r"^connected +ada$", text, re.MULTILINE)
    assert re.search(r"^router \| printed\necho +[\d.]+ m?s  ok +ada$", text, re.MULTILINE)
    assert re.search(r"^report +queued +ada  queued$", text, re.MULTILINE)
    assert re.search(r"^report +[\d.]+ m?s  done +ada  queued$", text, re.MULTILINE)
    assert re.search(r"^ecco +refused +ada  INVALID_ACTION: ", text, re.MULTILINE)
    assert re.search(
        r'^router \| error: caught it\nTraceback .*\n  File "app.py", line \d+, in boom\n    1 / 0\n(    ~~\^~~\n)?'
        r"ZeroDivisionError: division by zero\nrouter \| no end\n"
        r"boom +[\d.]+ m?s  failed +ada  ValueError: bad \\x1b\[31m\nTraceback .*\n"
        r'  File "app.py", line \d+, in boom\n    return helper\(request\)\n(?: +~*\^+\n)?'
        r'  File "app.py", line \d+, in helper\n',
        text,
        re.MULTILINE,
    )
    assert "\x1b" not in text


def test_broken_code_is_told_when_it_is_saved_and_again_when_it_loads(tmp_path: Path) -> None:
    with Emulate(folder=project(tmp_path)) as emulator, dial(emulator.address()) as client:
        ask(client, "echo")
        project(tmp_path, APP.replace("app = App()", "app = App(("))
        emulator.log.wait_for(r"SyntaxError: '\(' was never closed$")
        told = "\n".join(lines_of(emulator.log.text))
        project(tmp_path)
        emulator.log.wait_for(r"loads again  changed=app\.py")
        (answer,) = ask(client, "echo", 2, request_id="r-2")

    assert re.search(
        r"^error: the code does not load: SyntaxError: '\(' was never closed \(app\.py:7\); until it does, messages "
        r'are answered with 500\nTraceback .*\n  File "app\.py", line 7\n    app = App\(\(\n +\^\nSyntaxError',
        told,
        re.MULTILINE,
    )
    assert "reloaded" not in told
    assert answer["data"] == 2


@pytest.mark.parametrize("isolation", [(), INLINE], ids=["process", "inline"])
def test_code_that_configures_logging_has_its_own_way_and_this_log_goes_on(
    tmp_path: Path, isolation: tuple[str, ...]
) -> None:
    configured = """
import logging.config  # with the default that disables every logger that is there
logging.config.dictConfig({
    "version": 1,
    "formatters": {"mine": {"format": "MINE %(levelname)s %(message)s"}},
    "handlers": {"mine": {"class": "logging.StreamHandler", "formatter": "mine"}},
    "root": {"level": "DEBUG", "handlers": ["mine"]},
})
"""
    project(tmp_path, configured + APP)

    with Emulate(*isolation, folder=tmp_path) as emulator:
        with dial(emulator.address()) as client:
            ask(client, "boom")
            emulator.log.wait_for("MINE ERROR caught it")
            project(tmp_path, configured + APP + "#")
            emulator.log.wait_for("reloaded")
            ask(client, "echo", request_id="r-2")
        emulator.log.wait_for("disconnected")

    assert "watchfiles" not in emulator.log.text


@pytest.mark.parametrize("name", ["app:app", "service:topology"])
def test_broken_code_in_an_imported_module_is_told_with_its_own_place(tmp_path: Path, name: str) -> None:
    module = name.partition(":")[0]
    source = "import store\n" + (APP if module == "app" else PLAIN)
    (tmp_path / "store.py").write_text("")
    with Emulate(name, folder=project(tmp_path, source, f"{module}.py")) as emulator:
        with dial(emulator.address() if module == "app" else emulator.url) as client:
            client.send('{"action": "echo"}')  # by then files are watched
            emulator.log.wait_for("echo .* ok")
        (tmp_path / "store.py").write_text("x = 1\n\nraise ValueError('boom')\n")
        emulator.log.wait_for(r"the code does not load: ValueError: boom \(store\.py:3\)")
        (tmp_path / "store.py").unlink()
        emulator.log.wait_for(rf"the code does not load: ModuleNotFoundError.* \({module}\.py:1\)")
        (tmp_path / "store.py").write_text("x = 2\n")
        emulator.log.wait_for("loads again")


def test_messages_of_plain_handlers_timeouts_memory_and_cold_starts_are_said_in_words(tmp_path: Path) -> None:
    with (
        Emulate("service:topology", folder=project(tmp_path, PLAIN, "service.py")) as emulator,
        dial(emulator.url) as client,
    ):
        for action in ("echo", "sleep", "hungry"):
            client.send(json.dumps({"action": action}))
        emulator.log.wait_for("echo .* ok")
        emulator.log.wait_for("sleep .* failed")
        emulator.log.wait_for("hungry .* failed")

    text = emulator.log.text
    assert re.search(r"echo +[\d.]+ m?s  ok ", text)
    assert "sleep | timed out: it took longer than its 1 s, and its environment was ended" in text
    assert "error: out of memory: the function used more than its 128 MB (memory_mb)" in text
    assert "hungry | its process ended: signal: killed" in text


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_are_json_whatever_happens(tmp_path: Path) -> None:
    with Emulate("--log-format", "json", folder=project(tmp_path)) as emulator:
        with dial(emulator.address()) as client:
            for action in ("echo", "report", "boom"):
                ask(client, action, {"a": "\x1b\u2028ü"}, request_id=action)
            client.send('{"action": "crash", "id": "crash"}')
            client.recv(PATIENCE_SECONDS)
        project(tmp_path, "def broken(:\n")
        emulator.log.wait_for("the code does not load")
        emulator.interrupt()

    found = records(emulator.log.wait_for_end())
    messages = [line["message"] for line in found]
    assert all({"time", "type", "level", "message"} <= line.keys() for line in found)
    assert all({"function", "request_id"} <= line.keys() for line in found if line["type"] == "function")
    assert {"printed", "no end", "last words\ufffd", "action ran", "request failed", "stopping"} <= set(messages)
    assert {"platform.start", "platform.end", "platform.report", "platform.fault", "emulator"} <= {
        line["type"] for line in found
    }
    report = next(line for line in found if line["type"] == "platform.report" and line["function"] == "router")
    assert report["metrics"]["durationMs"] > 0
    assert report["metrics"]["memorySizeMB"] == 512
    caught = next(line for line in found if line["message"].startswith("caught it\nTraceback"))
    ran = next(line for line in found if line.get("record", {}).get("action") == "boom")
    assert caught["level"] == "ERROR"
    assert caught["request_id"] == ran["request_id"]


def test_json_lines_tell_messages_timeouts_and_lack_of_memory_of_plain_handlers(tmp_path: Path) -> None:
    arguments = ("service:topology", "--log-format", "json")
    with (
        Emulate(*arguments, folder=project(tmp_path, PLAIN, "service.py")) as emulator,
        dial(emulator.url) as client,
    ):
        for action in ("echo", "sleep", "hungry"):
            client.send(json.dumps({"action": action}))
            emulator.log.wait_for(rf'"message": "ran", "route": "{action}"')
        emulator.interrupt()

    found = records(emulator.log.wait_for_end())
    ended = {line["route"]: line["outcome"] for line in found if line["message"] == "ran"}
    reports = {line["function"]: line for line in found if line["type"] == "platform.report"}
    assert ended == {"echo": "ok", "sleep": "failed", "hungry": "failed"}
    assert (reports["sleep"]["status"], reports["hungry"]["errorType"]) == ("timeout", "Runtime.OutOfMemory")
    assert any("out of memory" in line["message"] for line in found)


def test_json_lines_say_too_why_it_does_not_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [STREAMER, "emulate", "--log-format", "json", "app:app"],
        cwd=project(tmp_path, "print('hello')\n1 / 0\n"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    (line,) = records(done.stderr)
    assert "ZeroDivisionError: division by zero (app.py, line 2)" in line["message"]


def test_quiet_tells_errors_alone_and_verbose_everything(tmp_path: Path) -> None:
    project(tmp_path)
    texts = []
    for option in ("-q", "-v"):
        with Emulate(option, folder=tmp_path) as emulator:
            with dial(emulator.address()) as client:
                ask(client, "echo")
                ask(client, "boom", request_id="r-2")
            emulator.interrupt()
        texts.append(emulator.log.wait_for_end())
    quiet, verbose = texts

    assert [line for line in lines_of(quiet) if re.match("echo|connected|router . printed", line)] == []
    assert re.search(r"boom +[\d.]+ m?s  failed", quiet)
    assert re.search(r"router [0-9a-f]{8} \| START RequestId: ", verbose)
    assert re.search(r"router [0-9a-f]{8} \| action ran .*action=echo", verbose)
    assert re.search(r'File ".*/streamer/handlers/router\.py"', verbose)


@pytest.mark.parametrize(
    "options", [["-v", "-q"], ["--log-format", "json", "-v"], ["--log-format", "json", "-q"]], ids=" ".join
)
def test_options_that_contradict_each_other_are_refused(tmp_path: Path, options: list[str]) -> None:
    done = subprocess.run(
        [STREAMER, "emulate", "--demo", *options],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert "-v" in done.stderr


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)], ids=["a terminal", "NO_COLOR"])
def test_only_a_terminal_gets_colours(tmp_path: Path, no_color: str, coloured: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [STREAMER, "emulate", "--demo", "--port", "0", *INLINE],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": no_color, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    try:
        assert process.stdout is not None
        assert any("Stop with Ctrl-C" in line for line in process.stdout)
        subprocess.run([STREAMER, "call", "fail"], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    finally:
        process.send_signal(signal.SIGINT)
    text = ""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            data = b""
        if not data:
            break
        text += data.decode()
    os.close(ours)
    process.stdout.close()
    process.wait(PATIENCE_SECONDS)

    assert "RuntimeError: this action always fails" in text
    assert ("\x1b[31mfail" in text) is coloured
    assert ("\x1b" in text) is coloured
