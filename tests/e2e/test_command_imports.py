"""What commands import until they are of use, by module name, not by milliseconds: so they stay quick."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from running_command import Emulate, streamer

pytestmark = pytest.mark.e2e

TEMPLATE = Path(__file__).parents[1] / "templates/sam-python/template.yaml"

PROGRAM = """
import sys
from streamer._entry import main
try:
    main()
finally:
    print(sorted(sys.modules), file=sys.stderr)
"""

BEFORE_MAIN = """
import sys
before = set(sys.modules)
import streamer._entry
print(sorted(set(sys.modules) - before), file=sys.stderr)
"""

UNTIL_READY = """
import os, signal, sys
from streamer._entry import main

def hear(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("/told.json"):
        print(sorted(sys.modules), file=sys.stderr)
        os.kill(os.getpid(), signal.SIGTERM)

sys.addaudithook(hear)
main()
"""


def imported(program: str, *arguments: str, folder: Path) -> tuple[set[str], str]:
    """The modules that a command has imported, and what it printed; none that measure the coverage of tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(re.findall(r"'([\w.]+)'", done.stderr)), done.stdout


def test_until_it_hears_of_ctrl_c_a_command_imports_next_to_nothing(tmp_path: Path) -> None:
    modules, _ = imported(BEFORE_MAIN, folder=tmp_path)

    assert modules <= {"__future__", "gc", "streamer", "streamer._entry"}


def test_help_does_not_load_what_it_only_lists(tmp_path: Path) -> None:
    modules, printed = imported(PROGRAM, "--help", folder=tmp_path)

    loaded = {name.partition(".")[0] for name in modules}
    assert "Print the CloudFormation template." in printed
    assert not loaded & {"deploy", "asyncio", "websockets", "boto3", "botocore", "jwt", "moto", "decimal", "hashlib"}
    assert not modules & {"streamer.app", "streamer.actions", "streamer.protocol.messages", "streamer.settings"}
    assert {name for name in modules if name.startswith("emulator.")} <= {
        "emulator.command",
        "emulator.command.click_options",
        "emulator.command.extras",
        "emulator.command.help",
        "emulator.command.options",
        "emulator.command.parameters",
    }


@pytest.mark.parametrize("isolation", ["process", "inline"])
def test_the_emulator_is_ready_before_it_imports_what_is_only_needed_later(tmp_path: Path, isolation: str) -> None:
    arguments = ["emulate", "--demo", "--port", "0", "--ready-file", "told.json", "--isolation", isolation]
    imported(UNTIL_READY, *arguments, folder=tmp_path)  # makes the certificates

    modules, _ = imported(UNTIL_READY, *arguments, folder=tmp_path)

    assert "emulator.wiring.emulator" in modules
    assert not modules & {"emulator.gateway.vtl", "emulator.services.sts.federation", "streamer.topology.http_apis"}
    assert {name.partition(".")[0] for name in modules} & {
        *("aiobotocore", "anyio", "boto3", "botocore", "certifi", "cryptography", "ctypes", "deploy", "email", "h2"),
        *("html", "jsonschema", "jwt", "moto", "packaging", "pathspec", "stringprep", "tomllib"),
        *("trustme", "watchfiles", "yaml", "zipfile"),
    } == set()


def test_call_imports_what_signs_a_token_only_when_none_was_kept(demo: Emulate) -> None:
    arguments = ["call", "echo", '{"a": 1}']
    imported(PROGRAM, *arguments, folder=demo.folder)  # keeps a token

    modules, printed = imported(PROGRAM, *arguments, folder=demo.folder)

    assert json.loads(printed) == {"a": 1}
    assert {name.partition(".")[0] for name in modules} & {
        *("boto3", "botocore", "cryptography", "deploy", "difflib", "email", "jwt", "moto"),
        *("msgspec", "shutil", "tempfile", "tomllib", "uvloop", "yaml", "zipfile"),
    } == set()
    assert not modules & {
        "importlib.metadata",
        "streamer.app",
        "streamer.auth",
        "streamer.client.uploads",
        "streamer.topology",
    }
    assert {name for name in modules if name.startswith("emulator.")} <= {
        "emulator.command",
        "emulator.command.click_options",
        "emulator.command.here",
        "emulator.command.here.development_secret",
        "emulator.command.extras",
        "emulator.command.help",
        "emulator.command.here.identity",
        "emulator.command.here.kept_token",
        "emulator.command.options",
        "emulator.command.parameters",
        "emulator.command.here.project",
        "emulator.command.here.ready_file",
        "emulator.command.here.which_service",
        "emulator.foundation",
        "emulator.foundation.files",
        "emulator.foundation.place",
        "emulator.foundation.put_off",
    }


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(("--version",), 0, id="ends well"),
        pytest.param(("emulate", "app:nothing"), 2, id="refuses what is asked"),
        pytest.param(("call", "echo", "--url", "ws://127.0.0.1:9/dev"), 2, id="reaches nobody"),
        pytest.param(("emulate", str(TEMPLATE), "--check"), 0, id="has SAM's translator read a template"),
    ],
)
def test_a_command_that_tests_fork_is_the_one_that_starts(
    arguments: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text("from streamer import App\n\napp = App()\n")

    forked, started = (streamer(*arguments, folder=tmp_path, is_forked=each) for each in (True, False))

    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)
    assert started.returncode == status
