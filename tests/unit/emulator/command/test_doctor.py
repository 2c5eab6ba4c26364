"""What is said of a machine and a project, and what to do about it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from emulator.command.doctor import Check, Facts, Package, Port, Running, diagnose, documents, is_healthy, lines

GOOD = Facts(
    python=(3, 13, 1),
    implementation="CPython",
    executable="/venv/bin/python",
    platform="linux",
    version="0.1.0",
    packages=(Package(requirement="click>=8.2", version="8.3", fits=True),),
    environment=None,
    folder="/shop",
    target="app:app",
    problem=None,
    is_broken=False,
    state_folder_writable=True,
    running=None,
    port=Port(number=8787, is_free=True),
    key="development secret",
    key_problem=None,
    files=20_000,
    missing_means=(),
    container=None,
)
RUNS = Running(url="ws://127.0.0.1:8787/dev", pid=7, folder="/shop", answers=True)
TAKEN = Port(number=8787, is_free=False, holder="process 9 (node) of /web")


def checks(**changed: Any) -> dict[str, Check]:
    return {check.name: check for check in diagnose(dataclasses.replace(GOOD, **changed))}


def test_where_nothing_is_wrong_every_line_is_ok_and_nothing_is_to_do() -> None:
    found = checks().values()

    assert {(check.state, check.todo) for check in found} == {("ok", None)}
    assert is_healthy(found)


@pytest.mark.parametrize(
    ("name", "changed", "state", "told"),
    [
        pytest.param("python", {"python": (3, 10, 4)}, "fail", "virtual environment", id="an old Python"),
        pytest.param("python", {"python": (3, 15, 0)}, "warn", "tested on 3.11 to 3.14", id="a new Python"),
        pytest.param("python", {"implementation": "PyPy"}, "warn", "CPython", id="another Python"),
        pytest.param("platform", {"platform": "win32"}, "fail", "WSL", id="Windows"),
        pytest.param(
            "packages",
            {"packages": (Package(requirement="boto3>=1.43", version=None, fits=False),)},
            "fail",
            "pip install 'boto3>=1.43'",
            id="a package is missing",
        ),
        pytest.param(
            "packages",
            {"packages": (Package(requirement="boto3>=1.43", version="1.2", fits=False),)},
            "fail",
            "pip install 'boto3>=1.43'",
            id="a package is too old",
        ),
        pytest.param("python", {"environment": "/shop/.venv"}, "warn", "not what /shop/.venv has", id="another venv"),
        pytest.param(
            "project", {"problem": "streamer.toml is bad", "is_broken": True}, "fail", "/shop", id="bad configuration"
        ),
        pytest.param("state", {"state_folder_writable": False}, "fail", "writable", id="a folder of somebody else's"),
        pytest.param("emulator", {"port": TAKEN}, "warn", "--port 8788", id="the port is taken"),
        pytest.param(
            "emulator", {"running": dataclasses.replace(RUNS, answers=False)}, "fail", "kill 7", id="no answer"
        ),
        pytest.param("tokens", {"key_problem": "no JWT_SECRET here"}, "fail", "--token", id="no key"),
        pytest.param("files", {"files": 256}, "warn", "ulimit", id="few files"),
        pytest.param("isolation", {"missing_means": ("forks",)}, "warn", "docs/lambda.md", id="macOS"),
    ],
)
def test_what_is_wrong_says_what_to_do(name: str, changed: dict[str, Any], state: str, told: str) -> None:
    found = checks(**changed)

    assert found[name].state == state
    assert told in str(found[name].todo)
    assert [check.name for check in found.values() if check.state != "ok"] == [name]
    assert is_healthy(found.values()) == (state != "fail")


def test_where_no_limit_of_files_is_set_no_number_is_made_up() -> None:
    assert checks(files=None)["files"] == Check("files", "ok", "no limit is set to how many may be open at once")


def test_a_folder_without_a_service_is_told_as_emulate_tells_it() -> None:
    found = checks(target=None, problem="there is no service in /shop")["project"]

    assert (found.state, found.found, found.todo) == ("warn", "there is no service in /shop", None)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"running": RUNS}, "runs at ws://127.0.0.1:8787/dev for /shop (process 7)", id="runs"),
        pytest.param({"running": RUNS, "port": TAKEN}, "runs at", id="it is the one that has the port"),
        pytest.param({"port": TAKEN}, "taken by process 9 (node) of /web", id="whose the port is"),
        pytest.param({}, "port 8787 is free", id="free"),
    ],
)
def test_the_emulator_is_named_and_who_has_its_port(changed: dict[str, Any], told: str) -> None:
    assert told in checks(**changed)["emulator"].found


def test_a_line_begins_with_its_state_and_what_to_do_stands_below_it() -> None:
    told = lines([Check("files", "warn", "256", "raise it"), Check("tokens", "ok", "signed")])

    assert told == ["warn  files   256", "              raise it", "ok    tokens  signed"]


def test_programs_get_the_same() -> None:
    assert documents([Check("files", "warn", "256", "raise it")]) == [
        {"name": "files", "state": "warn", "found": "256", "todo": "raise it"}
    ]
