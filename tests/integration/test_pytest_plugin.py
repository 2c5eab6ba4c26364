"""The pytest plugin as its users meet it: a project of their own, and pytest run in it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from forked_command import begin

APP = """
import os
from streamer import App

app = App(environment=["GREETING"])


@app.action("greet")
def greet(request):
    print("greeting", request.payload)
    return f"{os.environ['GREETING']} {request.payload}"


@app.action("work", queued=True, permissions=["work"])
def work(request, progress):
    progress(50, "half-way")
    return "done"
"""
CONFTEST = """
import os
import pytest

@pytest.fixture(scope="session")
def streamer_environment():
    return {**os.environ, "GREETING": "hello"}
"""
FORKED = "Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
"""What pytest says of a process in which the plugin's package is imported by then."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def started(project: Path, *arguments: str, is_forked: bool = True) -> tuple[str, str, int]:
    """What pytest, with no plugin for our own tests alone, writes to its two streams, and its exit status."""
    # hypothesis is half of pytest's start
    without = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", f"ignore:{FORKED}")
    process = begin((sys.executable, "-m", "pytest", *without, *arguments), project, os.environ, is_forked=is_forked)
    out, log = process.communicate(timeout=250)
    return out, log, process.wait()


def run_pytest(project: Path, tests: str, *arguments: str, is_forked: bool = True) -> str:
    """The output of pytest on a file with these tests; ``is_forked`` False: of a Python that starts anew."""
    (project / "test_app.py").write_text(tests)
    further = (
        *("-q", "-p", "no:randomly", "-W", "error::ResourceWarning"),
        f"--basetemp={project / 'tests-files'}",  # else pytest keeps the last three for all who run it at once
    )
    return started(project, *further, *arguments, is_forked=is_forked)[0]


def test_plain_functions_need_no_other_plugin(project: Path) -> None:
    output = run_pytest(
        project,
        """
import pytest
from streamer.client import RequestFailedError, RequestTimeoutError

def test_result(streamer_session):
    with streamer_session.connect("ada") as client:
        assert client.request("greet", "Ada") == "hello Ada"

def test_events(streamer_session):
    with streamer_session.connect("ada", permissions=["work"]) as client:
        events = list(client.events("work", id="r-1"))
    # All else may overtake the acknowledgment (docs/protocol.md).
    assert [event.type for event in events if event.type != "acknowledgment"] == ["progress", "complete"]
    assert {event.request_id for event in events} == {"r-1"}

def test_progress(streamer_session):
    seen = []
    with streamer_session.connect("ada", permissions=["work"]) as client:
        assert client.request("work", on_progress=seen.append) == "done"
    assert [(step.percentage, step.message) for step in seen] == [(50, "half-way")]

def test_what_progress_leads_to(streamer_session):
    with streamer_session.connect("ada", permissions=["work"]) as client:
        seen = []
        done = client.request("work", id="r-2", on_progress=lambda step: seen.append(client.status("r-2")["action"]))
        assert (done, seen, client.resume("r-2")) == ("done", ["work"], "done")

def test_permissions(streamer_session):
    with streamer_session.connect("ada") as client, pytest.raises(RequestFailedError) as failed:
        client.request("work")
    assert failed.value.code == "FORBIDDEN"

def test_nobody_waits_longer_than_was_said(streamer_session):
    with streamer_session.connect("ada", permissions=["work"], timeout=0.001) as client:
        with pytest.raises(RequestTimeoutError):
            client.request("work")
        with pytest.raises(TimeoutError, match="no message came within 0.001 s"):
            next(client.direct())
        assert client.request("greet", "Ada", timeout=30) == "hello Ada"

def test_logs(streamer_session):
    with streamer_session.connect("bob") as client:
        client.request("greet", "Bob")
    assert streamer_session.logs.wait_for("greeting Bob").function == "router"
    closed = streamer_session.logs.wait_for(
        lambda line: line.record.get("message") == "connection closed" and line.record["user_id"] == "bob"
    )
    assert closed.record["disconnect_code"] == 1000
""",
        "-p",
        "no:asyncio",
    )

    assert "\n7 passed" in output, output


TEMPLATES = Path(__file__).parents[1] / "templates"
ASK = """
import json
from websockets.sync.client import connect

def test_greet(streamer):
    with connect(streamer.websocket_url, proxy=None) as client:
        client.send(json.dumps({"action": "send", "name": "Ada"}))
        print(client.recv(timeout=20))
    assert streamer.websocket_url.endswith("/" + streamer.resources["StageOfChat"])
    assert streamer.resources["Greet"].startswith("sam-Greet-")
"""


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    folder = tmp_path / "sam"
    shutil.copytree(TEMPLATES / "sam-globals", folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def test_a_project_is_emulated_from_the_template_that_its_folder_has(sam: Path) -> None:
    output = run_pytest(sam, ASK, "-s")

    assert "hello from" in output, output
    assert "1 passed" in output, output


def test_a_template_can_be_named_and_given_parameters(sam: Path) -> None:
    (sam / "service").mkdir()
    for name in ("template.yaml", "src", "layer"):
        (sam / name).rename(sam / "service" / name)
    template = sam / "service" / "template.yaml"
    template.write_text(template.read_text().replace("[!Ref Stage, live]", "[!Ref Stage, never]"))
    (sam / "conftest.py").write_text("""
import dataclasses, pytest

@pytest.fixture(scope="session")
def streamer_template(streamer_template):
    return dataclasses.replace(streamer_template, parameters=("Stage=live",), stack="sam")
""")

    output = run_pytest(sam, ASK, "-s", "--streamer-target", "service/template.yaml")

    assert "good day from" in output, output
    assert "1 passed" in output, output


def test_a_template_may_be_named_by_a_path(sam: Path) -> None:
    (sam / "conftest.py").write_text("""
import pathlib, pytest

@pytest.fixture(scope="session")
def streamer_target():
    return pathlib.Path(__file__).with_name("template.yaml")
""")

    assert "1 passed" in (output := run_pytest(sam, ASK)), output


def test_a_template_is_built_once_for_all_tests(sam: Path) -> None:
    (sam / "build.py").write_text("open('builds', 'a').write('built ')")
    (sam / "conftest.py").write_text(f"""
import dataclasses, pytest

@pytest.fixture(scope="session")
def streamer_template(streamer_template):
    return dataclasses.replace(streamer_template, build={f"{sys.executable} build.py"!r})
""")
    tests = "import pytest\n\n@pytest.mark.parametrize('number', [1, 2])\ndef test_starts(streamer, number): ...\n"

    assert "2 passed" in (output := run_pytest(sam, tests)), output
    assert (sam / "builds").read_text() == "built "


def test_what_is_said_of_a_template_is_refused_for_an_app(project: Path) -> None:
    (project / "conftest.py").write_text(f"""{CONFTEST}
import dataclasses

@pytest.fixture(scope="session")
def streamer_template(streamer_template):
    return dataclasses.replace(streamer_template, parameters=("Stage=live",))
""")

    output = run_pytest(project, "def test_starts(streamer): ...\n")

    assert "streamer: streamer_template says parameters, and the target is no template" in output, output


def test_a_template_that_cannot_be_emulated_is_told_in_a_line(sam: Path) -> None:
    output = run_pytest(sam, ASK, "--streamer-target", "other.yaml")

    assert "streamer: other.yaml: there is no such file or folder; the target is 'other.yaml'" in output, output


@pytest.mark.parametrize(("mode", "mark"), [("auto", ""), ("strict", "@pytest.mark.asyncio\n")])
def test_async_tests_work_with_pytest_asyncio(project: Path, mode: str, mark: str) -> None:
    output = run_pytest(
        project,
        f"""
import asyncio
import pytest
from streamer.client import CannotConnectError

{mark}async def test_many_clients(streamer_session):
    async def greet(name):
        async with streamer_session.client(name) as client:
            return await client.request("greet", name)
    assert await asyncio.gather(*map(greet, "abc")) == ["hello a", "hello b", "hello c"]

{mark}async def test_an_expired_token(streamer_session):
    with pytest.raises(CannotConnectError) as refused:
        async with streamer_session.client("ada", expires_in=-1):
            pass
    assert refused.value.status == 401
""",
        "-o",
        f"asyncio_mode={mode}",
    )

    assert "2 passed" in output, output


def test_each_test_has_tables_of_its_own_unless_it_shares_the_sessions(project: Path) -> None:
    output = run_pytest(
        project,
        """
import boto3
import pytest

def requests(emulator):
    items = boto3.client("dynamodb", **emulator.aws("dynamodb")).scan(TableName="streamer_requests")["Items"]
    return [item["request_id"]["S"] for item in items]

@pytest.mark.parametrize("number", ["1", "2"])
def test_own(streamer, number):
    assert requests(streamer) == []
    with streamer.connect(permissions=["work"]) as client:
        client.request("work", id=number)
    assert requests(streamer) == [number]

@pytest.mark.parametrize("number", ["1", "2"])
def test_shared(streamer_session, number):
    with streamer_session.connect(permissions=["work"]) as client:
        client.request("work", id=number)
    assert len(requests(streamer_session)) == int(number)
""",
    )

    assert "4 passed" in output, output


def test_from_a_subfolder_the_project_is_found_as_commands_find_it(project: Path) -> None:
    (project / "pytest.ini").unlink()
    (project / "src").mkdir()
    (project / "app.py").rename(project / "src" / "service.py")
    (project / "streamer.toml").write_text('project = "src"\napp = "service:app"\n')
    (project / "tests").mkdir()
    (project / "conftest.py").rename(project / "tests" / "conftest.py")

    output = run_pytest(
        project / "tests",
        """
def test_greet(streamer):
    with streamer.connect("ada") as client:
        assert client.request("greet", "Ada") == "hello Ada"
""",
    )

    assert "1 passed" in output, output


def test_a_failing_test_shows_what_the_functions_wrote_during_it(project: Path) -> None:
    output = run_pytest(
        project,
        """
def test_before(streamer_session):
    with streamer_session.connect() as client:
        client.request("greet", "somebody else")

def test_fails(streamer_session):
    with streamer_session.connect() as client:
        assert client.request("greet", "Ada") == "good evening"
""",
    )

    assert "1 failed, 1 passed" in output, output
    assert "Log of the functions (streamer_session)" in output
    recorded = output.partition("What passed through the emulator (streamer_session)")[2].partition("- Log of")[0]
    assert "greet  → router  ok" in recorded
    assert "somebody else" not in recorded
    file = Path(recorded.partition("streamer tail --recording ")[2].split()[0])
    assert json.loads(file.read_text())["streamer"] == "recording"
    assert "router: greeting Ada" in output
    assert "somebody else" not in output


def test_settings_choose_target_folder_and_isolation(project: Path) -> None:
    (project / "src").mkdir()
    (project / "app.py").rename(project / "src" / "service.py")
    (project / "pytest.ini").write_text(
        "[pytest]\nstreamer_project = src\nstreamer_target = service:app\nstreamer_isolation = inline\n"
    )

    output = run_pytest(
        project,
        """
import os

def test_inline(streamer):
    os.environ["GREETING"] = "not seen by functions, whose variables are their own"
    with streamer.connect() as client:
        assert client.request("greet", "Ada") == "hello Ada"

def test_two_of_them(streamer, streamer_session):
    pass
""",
    )

    assert "1 passed, 1 error" in output, output
    assert "runs in this process already" in output
    assert "the target is" not in output  # of which nothing is wrong


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(
            ["--streamer-target", "nowhere:app"],
            "\nstreamer: there is no module 'nowhere' (from 'nowhere:app'); is it in the current folder or installed?; "
            "the target is 'nowhere:app', from --streamer-target",
            id="no such module",
        ),
        pytest.param(["--streamer-isolation", "docker"], "invalid choice: 'docker'", id="unknown isolation"),
    ],
)
def test_wrong_settings_are_named(project: Path, arguments: list[str], complaint: str) -> None:
    (project / "test_app.py").write_text("def test_it(streamer):\n    pass\n")

    out, log, status = started(project, *arguments)

    assert status != 0
    assert complaint in out + log
    assert "Traceback" not in out
    assert "pytest_plugin.py" not in out


def test_an_app_that_lacks_a_variable_says_which(project: Path) -> None:
    (project / "conftest.py").unlink()

    output = run_pytest(project, "def test_it(streamer):\n    pass\n")

    assert "the app needs GREETING; set it in the shell or .env, or, if it is no secret, below [environment]" in output


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(
            'JWT_JWKS_URL = "https://idp.example/keys"\nJWT_ISSUER = "https://idp.example/"', id="published keys"
        ),
        pytest.param('ALLOWED_TENANTS = "acme, umbrella"', id="tenants"),
        pytest.param('JWT_AUDIENCE = "shop"\nJWT_TENANT_CLAIM = "custom:tenant"\nJWT_USER_CLAIM = "sub"', id="claims"),
    ],
)
def test_tokens_are_accepted_whoever_makes_those_of_users(project: Path, said: str) -> None:
    (project / "streamer.toml").write_text(f"[environment]\n{said}\n")

    output = run_pytest(
        project,
        """
def test_greet(streamer):
    with streamer.connect("ada", permissions=["work"]) as client:
        assert client.request("work") == "done"
""",
        "--streamer-isolation",
        "inline",
    )

    assert "1 passed" in output, output


def test_nothing_of_the_emulator_is_imported_before_it_is_asked_for(project: Path) -> None:
    (project / "conftest.py").unlink()

    output = run_pytest(
        project,
        """
import sys

def test_imports():
    assert not {"moto", "boto3", "websockets", "emulator.wiring.emulator", "emulator.command"} & set(sys.modules)
""",
        is_forked=False,
    )

    assert "1 passed" in output, output
