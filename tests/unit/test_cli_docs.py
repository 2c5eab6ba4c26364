"""``docs/cli.md`` cannot fall behind the command line, nor promise what it does not have."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import cli
from streamer.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
PARTS = re.split(r"^## ", TEXT, flags=re.MULTILINE)
SECTIONS = {part.split()[1]: part for part in PARTS if part.startswith("streamer ")}
DEPLOYING = next(part for part in PARTS if part.startswith("Deploying"))
CONTEXT = click.Context(cli.cli)
COMMANDS = {name: command for name in cli.cli.list_commands(CONTEXT) if (command := cli.cli.get_command(CONTEXT, name))}


def section(name: str) -> str:
    """What is said of a command, the options that it shares with others included."""
    return SECTIONS[name] + (DEPLOYING if name in cli.DEPLOYING else "")


def options(command: click.Command) -> list[str]:
    found = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return [name for option in found for name in (*option.opts, *option.secondary_opts)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section(name: str) -> None:
    assert name in SECTIONS


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_of_a_command(name: str) -> None:
    assert name in COMMANDS


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, command in COMMANDS.items() for option in options(command)]
)
def test_every_option_is_in_its_commands_section(name: str, option: str) -> None:
    assert f"`{option}`" in section(name)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_option_of_a_section_exists(name: str) -> None:
    rows = [line.partition("|")[2].partition("|")[0] for line in SECTIONS[name].splitlines() if line.startswith("|")]
    documented = {option for row in rows for option in re.findall(r"`(--[a-z-]+)`", row)}

    assert documented <= set(options(COMMANDS[name]))


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, parameter.human_readable_name)
        for name, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    ],
)
def test_every_argument_is_in_the_heading(name: str, argument: str) -> None:
    assert argument.upper() in SECTIONS[name].splitlines()[0]


@pytest.mark.parametrize(
    ("name", "option", "default"),
    [
        (name, parameter.opts[0], parameter.default)
        for name, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        and isinstance(parameter.default, str | int | float)
        and not isinstance(parameter.default, bool)
    ],
)
def test_every_default_is_the_documented_one(name: str, option: str, default: str | float) -> None:
    shown = default if isinstance(default, str) else f"{default:g}"
    row = next(line for line in section(name).splitlines() if line.startswith(f"| `{option}`"))

    assert row.split("|")[2].strip().strip("`") == shown


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_every_variable_of_the_settings_is_documented(name: str) -> None:
    variable = {
        "app": "STREAMER_APP",
        "authorization": "STREAMER_AUTHORIZATION",
        "service": "STREAMER_SERVICE",
        "stage": "STREAMER_STAGE",
        "production": "STREAMER_ENV",
    }

    assert f"`{variable.get(name, name.upper())}`" in TEXT
