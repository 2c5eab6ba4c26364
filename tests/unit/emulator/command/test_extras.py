"""Extras: what they install, what is said where one is missing, and that the documents know all of it."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from emulator.command.extras import MODULES, explained, not_installed, require

ROOT = Path(__file__).parents[4]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDITIONAL = {"psutil", "uvloop"}
"""Only on some platforms, and used only where they are there."""


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=;]", each, maxsplit=1)[0].lower() for each in requirements}


def locked(file: str) -> set[str]:
    return set(re.findall(r"(?m)^([a-z0-9_.-]+)==", (ROOT / "requirements" / file).read_text()))


@pytest.mark.parametrize("extra", MODULES)
def test_the_modules_of_an_extra_are_those_of_its_distributions(extra: str) -> None:
    distributions = metadata.packages_distributions()
    known = {name.lower() for module in MODULES[extra] for name in distributions[module]}

    assert known - CONDITIONAL == names(PROJECT["optional-dependencies"][extra]) - CONDITIONAL


def test_who_can_emulate_can_deploy() -> None:
    assert set(MODULES["deploy"]) <= set(MODULES["emulator"])


@pytest.mark.parametrize("extra", MODULES)
def test_what_is_installed_is_not_asked_for(extra: str) -> None:
    require(extra)


def test_a_missing_module_of_an_extra_is_told_with_what_installs_it() -> None:
    assert str(not_installed("emulator", "moto")).endswith("pip install 'streamer-ws[emulator]'")
    assert "streamer-ws[emulator]" in str(explained(ModuleNotFoundError("no", name="moto.sqs.models")))


def test_a_module_of_nobody_is_a_fault() -> None:
    error = ModuleNotFoundError("no", name="something")

    with pytest.raises(ModuleNotFoundError) as raised:
        explained(error)
    assert raised.value is error


def test_the_runtime_alone_is_at_most_twelve_distributions() -> None:
    assert len(locked("runtime.txt") | {"streamer-ws"}) <= 12
    assert names(PROJECT["dependencies"]) <= locked("runtime.txt")


def test_the_page_on_installing_lists_every_dependency() -> None:
    build = names(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["build"])
    made_for_building = build | {"pyproject-hooks", "trove-classifiers", "tomlkit", "pluggy", "colorama"}
    told = set(re.findall(r"(?m)^\| ([a-z0-9-]+) \| (?:runtime|`)", (ROOT / "docs" / "install.md").read_text()))

    assert locked("emulate.txt") - made_for_building <= told
    assert told <= locked("dev.txt")
