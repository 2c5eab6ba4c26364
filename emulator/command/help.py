"""Commands whose help ends with examples, and a group that loads a command when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from streamer._entry import tool

from .extras import require


class Command(click.Command):
    """A command whose help ends with examples, one per line and not wrapped."""

    def __init__(self, *arguments: Any, examples: Sequence[str], **options: Any) -> None:
        # Also where it is run without the group that says so: click keeps the option that it makes first.
        options["context_settings"] = {"help_option_names": ["-h", "--help"], **options.get("context_settings", {})}
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Group(Command, click.Group):
    """The same for the group. Its ``elsewhere`` are commands that live beside what they do."""

    def __init__(self, *arguments: Any, elsewhere: Mapping[str, Mapping[str, str]], **options: Any) -> None:
        """Take the name of a module with ``COMMANDS`` to the names of its commands and what the list says of them.

        Loading them for that would make ``streamer --help`` six times slower.
        """
        super().__init__(*arguments, **options)
        self._home = {name: module for module, summaries in elsewhere.items() for name in summaries}
        self._summaries = {name: text for summaries in elsewhere.values() for name, text in summaries.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted((*super().list_commands(ctx), *self._home))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        known = {name: command.get_short_help_str(60) for name, command in self.commands.items()} | self._summaries
        with formatter.section("Commands"):
            formatter.write_dl(sorted(known.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name in self._home:
            if self._home[cmd_name].startswith("deploy"):
                require("deploy")
            found: click.Command = tool(self._home[cmd_name]).COMMANDS[cmd_name]
            return found
        return super().get_command(ctx, cmd_name)
