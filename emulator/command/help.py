"""Commands whose help ends with examples, and a group that loads a command when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise, takewhile
from typing import Any, Final

import click

from streamer._entry import tool

from .extras import require
from .parameters import Payload

MAY_BE_EMPTY: Final = frozenset({"--body", "--filter", "--table-prefix"})
"""Options of which an empty value has a meaning."""
_NEGATIVE: Final = re.compile(r"-\d[\d.eE+-]*")
"""What JSON has for a number, and no option is called."""
UNREAD: Final = 141
"""128 + SIGPIPE, as shells count what other commands of a pipe end by; click would make 1 of it, which is an answer."""


@contextmanager
def _ends_unread() -> Iterator[None]:
    """End the command where nobody reads its output any more, as after ``| head``."""
    try:
        yield
    except BrokenPipeError as error:
        raise click.exceptions.Exit(UNREAD) from error


class Command(click.Command):
    """A command whose help ends with examples, one per line and not wrapped."""

    def __init__(self, *arguments: Any, examples: Sequence[str], **options: Any) -> None:
        # Also where it is run without the group that says so: click keeps the option that it makes first.
        options["context_settings"] = {"help_option_names": ["-h", "--help"], **options.get("context_settings", {})}
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments; a complaint of click's parser names no command, whose help says more."""
        try:
            with _ends_unread():  # --help
                return super().parse_args(ctx, _with_numbers(self, ctx, args))
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        with _ends_unread():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted((*super().list_commands(ctx), *self._home))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        known = {name: command.get_short_help_str(60) for name, command in self.commands.items()} | self._summaries
        with formatter.section("Commands"):
            formatter.write_dl(sorted(known.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; an option's value that was forgotten is told as that."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _require_values(command, click.Context(command, parent=ctx, info_name=name), rest)
        return name, command, rest

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name in self._home:
            if self._home[cmd_name].startswith("deploy"):
                require("deploy")
            found: click.Command = tool(self._home[cmd_name]).COMMANDS[cmd_name]
            return found
        return super().get_command(ctx, cmd_name)


def _with_numbers(command: click.Command, ctx: click.Context, arguments: Sequence[str]) -> list[str]:
    """The same, with a blank before negative numbers where a command takes JSON, which may begin with one."""
    if not any(isinstance(each.type, Payload) for each in command.params):
        return [*arguments]
    wanting = _wanting(command, ctx)
    return [
        f" {said}" if _NEGATIVE.fullmatch(said) and before not in wanting else said
        for before, said in pairwise(["", *arguments])
    ]


def _wanting(command: click.Command, ctx: click.Context) -> set[str]:
    """Names of the options that what follows them is the value of."""
    options = [each for each in command.get_params(ctx) if isinstance(each, click.Option)]
    return {name for each in options if _wants_value(each) for name in each.opts}


def _require_values(command: click.Command, ctx: click.Context, arguments: Sequence[str]) -> None:
    """Refuse the name of an option as the value of the one before it, and an empty value, as click does not.

    What is empty is a variable that is not set, and must not become the default: another user, folder or service.

    Raises:
        UsageError: a value was forgotten, or is empty.
    """
    options = [each for each in command.get_params(ctx) if isinstance(each, click.Option)]
    names = {name for each in options for name in (*each.opts, *each.secondary_opts)}
    wanting = _wanting(command, ctx)
    said = [*takewhile(lambda argument: argument != "--", arguments)]
    for option, value in pairwise(said):
        if option in wanting and value in names:
            raise click.BadOptionUsage(option, f"Option '{option}' requires an argument.", ctx)
    empty = [option for option, value in pairwise(said) if not value]
    empty += [argument[:-1] for argument in said if argument.startswith("--") and argument.endswith("=")]
    for option in empty:
        if option in wanting - MAY_BE_EMPTY:
            raise click.UsageError(f"{option} is empty; leave it out for the default.", ctx)


def _wants_value(option: click.Option) -> bool:
    """Whether what follows an option is its value, whatever it looks like."""
    has_default = isinstance(option.flag_value, str | int) and not isinstance(option.flag_value, bool)
    return not option.is_flag and not option.count and not has_default
