"""What a changed template says that it did not say before."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from emulator.command.reloading.changed_files import whole
from emulator.command.reloading.templates import IGNORED, counts, is_being_made, new_warnings
from emulator.templates.assembly import Part, Project

TYPO = "template.yaml:29: Resources.Fn.Properties.Tmeout: AWS::Lambda::Function has no property 'Tmeout'"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param([], [TYPO], [TYPO], id="a new one"),
        pytest.param([TYPO], [TYPO.replace(":29:", ":31:")], [], id="the same on another line"),
        pytest.param([TYPO], [TYPO.replace("Fn", "Other")], [TYPO.replace("Fn", "Other")], id="of another resource"),
        pytest.param(["Api: it has no stage"], [], [], id="one that is gone"),
    ],
)
def test_what_was_said_before_is_not_said_again(before: list[str], after: list[str], told: list[str]) -> None:
    assert new_warnings(before, after) == told


@pytest.mark.parametrize("folder", ["cdk.out", "cdk.out/assembly-Prod"])
@pytest.mark.parametrize(
    ("format", "lock", "expected"),
    [
        pytest.param("CDK", str(os.getpid()), True, id="it runs"),
        pytest.param("CDK", str(2**31 - 1), False, id="it was killed"),
        pytest.param("CDK", "", False, id="nobody's"),
        pytest.param("CDK", None, False, id="it has ended"),
        pytest.param("CloudFormation", str(os.getpid()), False, id="of no assembly"),
    ],
)
def test_an_assembly_is_being_made_while_the_command_runs_that_its_lock_names(
    folder: str,
    format: str,  # noqa: A002 - as `Part` has it
    lock: str | None,
    expected: bool,
    tmp_path: Path,
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    if lock is not None:
        (tmp_path / "cdk.out" / "synth.lock").write_text(lock)
    part = Part(template=tmp_path / folder / "T.json", folder=tmp_path / folder, stack="T", format=format)

    assert is_being_made(Project(name="cdk.out", root=tmp_path, parts=(part,))) is expected


async def test_what_changes_while_a_project_is_being_made_counts_when_it_is_whole() -> None:
    steps = iter([(set(), False), ({"a"}, True), ({"b"}, True), ({"synth.lock"}, False), ({"c"}, False)])
    is_held = False

    async def told() -> AsyncGenerator[frozenset[Path]]:
        nonlocal is_held
        for names, is_held in steps:  # noqa: B007 - read below
            yield frozenset(map(Path, names))

    found = [sorted(map(str, changed)) async for changed in whole(told(), lambda: is_held)]

    assert found == [[], ["a", "b", "synth.lock"], ["c"]]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("template.yaml", True, id="a template"),
        pytest.param("src/handlers/app.py", True, id="code"),
        pytest.param("src/handlers", True, id="its folder"),
        pytest.param("src", True, id="a folder above, moved with it"),
        pytest.param("src/handlers/node_modules/a/index.js", False, id="packages"),
        pytest.param("src/other", False, id="a folder beside"),
        pytest.param("README.md", False, id="another file"),
    ],
)
def test_a_change_counts_of_what_is_watched_and_of_folders_above_it(path: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "src" / "handlers").mkdir(parents=True)
    watched = [tmp_path / "template.yaml", tmp_path / "src" / "handlers"]

    assert counts(tmp_path / path, watched, IGNORED) is expected
