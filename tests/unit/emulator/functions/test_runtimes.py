"""What runs a function of each runtime."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from emulator.functions.runtimes import identity, launch, program_missing, reason_not_run
from streamer.topology import Function


def function(runtime: str | None = None, **more: object) -> Function:
    return Function(name="f", handler="main", runtime=runtime, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", [None, "python3.9", "python3.14"])
def test_python_is_run_by_this_interpreter(runtime: str | None, tmp_path: Path) -> None:
    (tmp_path / "layer" / "python").mkdir(parents=True)
    paths = (str(tmp_path / "layer"), str(tmp_path / "built"))

    found = launch(function(runtime, search_paths=paths), code_folder=str(tmp_path))

    assert found.command is None
    assert found.import_path == (str(tmp_path / "layer" / "python"), str(tmp_path / "built"))


OWN = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("there", "found"),
    [((OWN, "python3.9"), (OWN,)), (("python3.9",), ("python3.9",))],
    ids=["of this version", "of another alone"],
)
def test_a_layers_packages_are_found_whatever_minor_version_they_are_for(
    there: tuple[str, ...], found: tuple[str, ...], tmp_path: Path
) -> None:
    inside = tmp_path / "python" / "lib"
    for version in there:
        (inside / version / "site-packages").mkdir(parents=True)

    path = launch(function(search_paths=(str(tmp_path),)), code_folder=str(tmp_path)).import_path

    assert path == (str(tmp_path / "python"), *(str(inside / each / "site-packages") for each in found))


@pytest.mark.needs_node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_node_is_run_by_a_client_of_ours_that_inherits_its_connection(tmp_path: Path) -> None:
    for folder in ("layer/nodejs/node20/node_modules", "layer/nodejs/node_modules", "built/node_modules"):
        (tmp_path / folder).mkdir(parents=True)
    paths = (str(tmp_path / "layer"), str(tmp_path / "built"))

    found = launch(function("nodejs20.x", search_paths=paths, memory_mb=1000), code_folder="/code")

    assert found.inherits_channel
    assert found.command is not None
    assert found.command[-3].endswith("runtime.cjs")
    assert found.command[-2:] == paths
    assert "--max-old-space-size=900" in found.command
    assert found.variables["NODE_PATH"].split(":") == [
        f"{tmp_path}/layer/nodejs/node20/node_modules",
        f"{tmp_path}/layer/nodejs/node_modules",
        f"{tmp_path}/built/node_modules",
        "/code",
    ]


@pytest.mark.needs_node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_a_functions_own_node_options_win(tmp_path: Path) -> None:
    options = {"NODE_OPTIONS": "--max-old-space-size=50 --experimental-require-module"}

    command = launch(function("nodejs20.x", environment=options), code_folder="/code").command

    assert command is not None
    assert not [word for word in command if "old-space" in word or "require-module" in word]


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("nodejs20.x", "nodejs20.x"),
        ("provided.al2023", "provided.al2023"),
        ("node run.mjs", "provided"),
        (None, f"python{sys.version_info[0]}.{sys.version_info[1]}"),
    ],
)
def test_what_a_function_is_told_that_runs_it(runtime: str | None, name: str) -> None:
    assert identity(function(runtime)) == name


def test_a_bootstrap_is_started_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")

    assert launch(function("provided.al2023"), code_folder=str(tmp_path)).command == (str(tmp_path / "bootstrap"),)


def test_a_binary_of_go_is_its_handler(tmp_path: Path) -> None:
    (tmp_path / "main").write_text("")

    assert launch(function("go1.x"), code_folder=str(tmp_path)).command == (str(tmp_path / "main"),)


@pytest.mark.parametrize("runtime", ["provided.al2023", "provided"])
def test_a_bootstrap_may_come_from_a_layer_unless_the_function_has_its_own(runtime: str, tmp_path: Path) -> None:
    code, first, second = (tmp_path / name for name in ("code", "first", "second"))
    for folder in (code, first, second):
        folder.mkdir()
    described = function(runtime, search_paths=(str(first), str(second)))

    (second / "bootstrap").write_text("#!/bin/sh\n")
    assert launch(described, code_folder=str(code)).command == (str(second / "bootstrap"),)
    (code / "bootstrap").write_text("#!/bin/sh\n")
    assert launch(described, code_folder=str(code)).command == (str(code / "bootstrap"),)


@pytest.mark.parametrize(
    ("runtime", "missing"),
    [
        ("provided.al2023", "bootstrap, and such a function is started by it (provided.al2023): build it"),
        ("go1.x", "main, and such a function is that binary (go1.x): build it"),
        ("python3.12", None),
        ("nodejs20.x", None),
        ("java21", None),
        ("./run me", None),
    ],
)
def test_what_a_function_is_started_by_is_missed_where_there_is_one(
    runtime: str, missing: str | None, tmp_path: Path
) -> None:
    found = program_missing(runtime, "main", (str(tmp_path),))

    assert found == (None if missing is None else f"there is no file {tmp_path}/{missing}")
    for name in ("bootstrap", "main"):
        (tmp_path / name).write_text("")
    assert program_missing(runtime, "main", (str(tmp_path),)) is None


def test_a_command_line_is_split_like_a_shells(tmp_path: Path) -> None:
    assert launch(function("node 'a b.mjs'"), code_folder=str(tmp_path)).command == ("node", "a b.mjs")


def test_programs_and_libraries_of_layers_are_found(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()

    assert launch(function(search_paths=(str(tmp_path),)), code_folder="/").variables == {"PATH": str(tmp_path / "bin")}


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        pytest.param(function(unavailable="no code"), "no code", id="unavailable"),
        pytest.param(function("provided.al2"), "there is no file", id="no bootstrap"),
        pytest.param(function("dotnet8"), "dotnet8 is not run here", id="a runtime that nothing runs"),
    ],
)
def test_a_function_that_cannot_run_ends_in_its_init_and_says_why(
    described: Function, reason: str, tmp_path: Path
) -> None:
    command = launch(described, code_folder=str(tmp_path)).command

    assert command is not None
    assert command[0] == sys.executable
    assert reason in command[-1]


@pytest.mark.parametrize(
    ("runtime", "is_run"),
    [("python3.12", True), ("provided.al2023", True), ("java21", False), ("ruby3.3", False), ("./run me", True)],
)
def test_which_runtimes_are_run(runtime: str, is_run: bool) -> None:
    assert (reason_not_run(runtime) is None) is is_run
