"""``docs/cli.md`` cannot fall behind the command line, nor promise what it does not have."""

from __future__ import annotations

import re
from pathlib import Path

import click

import cli
from streamer.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
PARTS = re.split(r"^## ", TEXT, flags=re.MULTILINE)
SECTIONS = {part.split()[1]: part for part in PARTS if part.startswith("streamer ")}
DEPLOYING = next(part for part in PARTS if part.startswith("Deploying"))
OPTION = re.compile(r"`(--[a-z-]+)`")
CONTEXT = click.Context(cli.cli)
COMMANDS = {name: command for name in cli.cli.list_commands(CONTEXT) if (command := cli.cli.get_command(CONTEXT, name))}


def section(name: str) -> str:
    """What is said of a command, the options that it shares with others included."""
    return SECTIONS[name] + (DEPLOYING if name in cli.DEPLOYING else "")


def options(command: click.Command) -> list[str]:
    found = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return [name for option in found for name in (*option.opts, *option.secondary_opts)]


PARAMETERS = [(name, parameter) for name, command in COMMANDS.items() for parameter in command.params]


def test_every_command_has_a_section_and_every_section_is_of_one() -> None:
    assert sorted(SECTIONS) == sorted(COMMANDS)


def test_every_option_is_in_its_commands_section() -> None:
    found = [(name, option) for name, command in COMMANDS.items() for option in options(command)]

    assert [each for each in found if f"`{each[1]}`" not in section(each[0])] == []


def test_every_option_of_a_section_exists() -> None:
    rows = {
        name: [line.partition("|")[2].partition("|")[0] for line in text.splitlines() if line.startswith("|")]
        for name, text in SECTIONS.items()
    }
    told = [(name, option) for name, cells in rows.items() for cell in cells for option in OPTION.findall(cell)]

    assert [(name, option) for name, option in told if option not in options(COMMANDS[name])] == []


def test_every_argument_is_in_the_heading() -> None:
    arguments = [
        (name, parameter.human_readable_name) for name, parameter in PARAMETERS if isinstance(parameter, click.Argument)
    ]

    assert [each for each in arguments if each[1].upper() not in SECTIONS[each[0]].splitlines()[0]] == []


def test_every_default_is_the_documented_one() -> None:
    defaults = {
        (name, parameter.opts[0]): parameter.default if isinstance(parameter.default, str) else f"{parameter.default:g}"
        for name, parameter in PARAMETERS
        if isinstance(parameter, click.Option)
        and isinstance(parameter.default, str | int | float)
        and not isinstance(parameter.default, bool)
    }

    assert {(name, option): documented_default(name, option) for name, option in defaults} == defaults


def documented_default(name: str, option: str) -> str:
    row = next(line for line in section(name).splitlines() if line.startswith(f"| `{option}`"))
    return row.split("|")[2].strip().strip("`")


def test_every_variable_of_the_settings_is_documented() -> None:
    of_another_name = {
        "app": "STREAMER_APP",
        "authorization": "STREAMER_AUTHORIZATION",
        "service": "STREAMER_SERVICE",
        "stage": "STREAMER_STAGE",
        "production": "STREAMER_ENV",
    }
    variables = [of_another_name.get(name, name.upper()) for name in Settings.__dataclass_fields__]

    assert [each for each in variables if f"`{each}`" not in TEXT] == []
