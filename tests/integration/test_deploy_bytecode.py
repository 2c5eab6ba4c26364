"""Bytecode and the trial import, by the interpreter that runs the tests."""

import marshal
import os
import select
import sys
from pathlib import Path

import pytest

from deploy.errors import BundleError
from deploy.package.bundle import File
from deploy.package.bytecode import compiled, has_native_code, interpreter, trial

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def project(**modules: str) -> dict[str, File]:
    return {f"{name}.py": File(source.encode(), "project") for name, source in modules.items()}


def test_this_interpreter_is_found_and_one_that_does_not_exist_is_not() -> None:
    assert interpreter(VERSION) == sys.executable
    assert interpreter("3.99") is None


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        pytest.param({"python3.99": "echo 3.99"}, "python3.99", id="on the path"),
        pytest.param({"python3.99": "echo 3.12"}, None, id="a stand-in for another"),
        pytest.param({"python3.99": "echo 3.99; exit 1"}, None, id="a stand-in for none"),
        pytest.param({"uv": 'echo "$(dirname "$0")/own"', "own": "echo 3.99"}, "own", id="known to uv"),
        pytest.param({"uv": 'echo "$(dirname "$0")/own"', "own": "echo 3.12"}, None, id="another, of uv"),
    ],
)
def test_an_interpreter_is_asked_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], found: str | None
) -> None:
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert interpreter("3.99") == (str(tmp_path / found) if found is not None else None)


def test_stack_traces_name_files_as_they_lie_on_lambda() -> None:
    [made] = compiled(project(app="x = 1"), sys.executable).values()

    assert marshal.loads(made.content[16:]).co_filename == "/var/task/app.py"


def test_bytecode_is_the_same_each_time() -> None:
    # A set of constants stands in another order in every process.
    files = project(app="def f(x):\n    return x in {'a', 'b', 'c', 'd', 'e'}\n", other="import app\n")

    assert compiled(files, sys.executable) == compiled(files, sys.executable)


def test_bytecode_lies_where_python_looks_for_it() -> None:
    tag = f"cpython-{VERSION.replace('.', '')}"

    made = compiled({f"shop/{name}.py": File(b"x = 1", "project") for name in ("api", "[id]")}, sys.executable)

    assert set(made) == {f"shop/__pycache__/{name}.{tag}.pyc" for name in ("api", "[id]")}
    assert made[f"shop/__pycache__/api.{tag}.pyc"].part == "project"


def test_a_syntax_error_of_the_project_is_named() -> None:
    with pytest.raises(BundleError, match=r"app\.py does not compile with .*SyntaxError") as refused:
        compiled(project(app="def f(:\n"), sys.executable)

    assert "\n" not in str(refused.value)


def test_a_template_in_a_requirement_that_is_no_python_is_left_alone() -> None:
    files = {"cookie/template.py": File(b"class {{ name }}:", "cookie"), **project(app="x = 1")}

    assert [name for name in compiled(files, sys.executable) if "template" in name] == []


def test_a_trial_tells_how_long_imports_took() -> None:
    tried = trial(project(app="def handler(event, context): ..."), ["app.handler"], sys.executable, {})

    assert tried.problem is None
    assert set(tried.import_ms) == {"app.handler"}


def test_boto3_is_there_and_nothing_else_of_this_environment() -> None:
    files = project(app="import boto3\nhandler = boto3\n", other="import pytest\nhandler = pytest\n")

    assert trial(files, ["app.handler"], sys.executable, {}).problem is None
    with pytest.raises(BundleError, match=r"other\.handler imports 'pytest', which is not in the bundle"):
        trial(files, ["other.handler"], sys.executable, {})


def test_half_a_package_is_an_error() -> None:
    files = project(app="from shop import prices\nhandler = prices\n") | {"shop/__init__.py": File(b"", "project")}

    with pytest.raises(BundleError, match=r"app\.handler cannot be imported from the bundle alone: .*'prices'"):
        trial(files, ["app.handler"], sys.executable, {})


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param(
            "import os\nhandler = os.environ['DATABASE_URL']", "KeyError", id="a variable that is not set here"
        ),
        pytest.param("raise SystemExit(3)", "SystemExit", id="an exit"),
        pytest.param("import os\nos._exit(0)", "interpreter ended", id="the end of the process"),
        pytest.param("x = 1", "no attribute 'handler'", id="no handler"),
        pytest.param(
            "raise ModuleNotFoundError('no', name='snapshot_restore_py')", "which Lambda has and this machine has not"
        ),
    ],
)
def test_what_may_work_on_lambda_is_a_note(source: str, problem: str) -> None:
    tried = trial(project(app=source), ["app.handler"], sys.executable, {})

    assert tried.problem is not None
    assert problem in tried.problem


@pytest.mark.parametrize(
    ("source", "seconds", "problem"),
    [
        pytest.param(
            "while True: ...", 0.5, "app.handler: 0.5 seconds were not enough while importing it", id="a loop"
        ),
        pytest.param(
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: ...'])",
            0.5,
            "app.handler: 0.5 seconds were not enough while importing it",
            id="a process that it waits for",
        ),
        pytest.param("input()", 30, "app.handler: EOFError: EOF when reading a line", id="a question"),
        pytest.param(
            "import threading\nthreading.Thread(target=threading.Event().wait).start()\nhandler = 1",
            30,
            None,
            id="a thread that goes on",
        ),
    ],
)
def test_a_module_that_does_not_come_to_an_end_holds_nothing_up(
    source: str, seconds: float, problem: str | None
) -> None:
    assert trial(project(app=source), ["app.handler"], sys.executable, {}, seconds=seconds).problem == problem


def test_a_process_that_a_module_leaves_behind_ends_with_the_trial(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = (
        "import subprocess, sys\n"
        "waits = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"handler = subprocess.Popen(waits, stdout=open({str(pipe)!r}, 'wb'))"
    )
    held = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert trial(project(app=source), ["app.handler"], sys.executable, {}).problem is None

        assert select.select([held], [], [], 30)[0], "whoever holds the other end is still there"
        assert os.read(held, 1) == b""
    finally:
        os.close(held)


def test_what_a_module_prints_does_not_disturb() -> None:
    tried = trial(project(app="print('{\"handler\"')\ndef handler(): ..."), ["app.handler"], sys.executable, {})

    assert set(tried.import_ms) == {"app.handler"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a/b.cpython-313-aarch64-linux-gnu.so", True, id="extension"),
        pytest.param("x.libs/libz.so.1", True, id="library"),
        pytest.param("a/so.py", False, id="module"),
    ],
)
def test_native_code_is_told_by_the_names_of_files(name: str, expected: bool) -> None:
    assert has_native_code({name: File(b"", "x")}) is expected
