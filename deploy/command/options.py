"""What several commands share: options for click, what these come to, AWS, and lines on standard output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ..cloud import Cloud
from ..config import Config, load, project_folder

F = TypeVar("F", bound=Callable[..., Any])


class WithExamples(click.Command):
    """A command whose epilog are examples, one per line and not wrapped."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # Also where it is run without the group that says so: click keeps the option that it makes first.
        options["context_settings"] = {"help_option_names": ["-h", "--help"], **options.get("context_settings", {})}
        super().__init__(*arguments, **options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in (self.epilog or "").splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class GroupWithExamples(WithExamples, click.Group):
    """The same for a group, and its commands."""

    command_class = WithExamples


def not_empty(_ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """A value of an option that chooses what is acted upon; None without the option.

    Raises:
        UsageError: the value is empty: a variable that is not set must not become the default, which is another stack.
    """
    if value == "":
        raise click.UsageError(f"{option.opts[0]} is empty; leave it out for the default.")
    return value


def stack_options(*, stage: str) -> Callable[[F], F]:
    """Options that choose the stack; ``stage`` is the help of ``--stage``, which says what is chosen without it."""

    def decorate(function: F) -> F:
        for option in (
            click.option("--profile", callback=not_empty, help="Profile of the AWS configuration."),
            click.option("--stack-name", callback=not_empty, help="The stack. Default: SERVICE-STAGE."),
            click.option(
                "--region",
                callback=not_empty,
                help="AWS Region. Default: as streamer.toml or the AWS configuration says.",
            ),
            click.option("--stage", callback=not_empty, help=stage),
        ):
            function = option(function)
        return function

    return decorate


of_stack: Final = stack_options(stage="The stage, such as dev or prod. Default: as streamer.toml says, else dev.")
"""Options of the commands that act upon a stack and nothing else."""


def config_of(**said: Any) -> Config:
    """The project here, and what the command line says instead; raises DeployError."""
    return load(project_folder(Path.cwd(), said.get("app")), said)


def say(*lines: str) -> None:
    """Print lines."""
    for line in lines:
        click.echo(line)


def cloud_of(config: Config) -> Cloud:
    """AWS, or what the context's object makes instead: tests hand in a fake."""
    make_cloud: Callable[[Config], Cloud] | None = click.get_current_context().obj
    if make_cloud is not None:
        return make_cloud(config)
    # boto3 takes a fifth of a second to import; `build`, `template` and --help do without.
    from ..aws.boto import Aws  # noqa: PLC0415

    return Aws(region=config.region, profile=config.profile)
