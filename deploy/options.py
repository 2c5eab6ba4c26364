"""Options that several commands share, for click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def stack_options(*, stage: str) -> Callable[[F], F]:
    """Options that choose the stack; ``stage`` is the help of ``--stage``, which says what is chosen without it."""

    def decorate(function: F) -> F:
        for option in (
            click.option("--profile", help="Profile of the AWS configuration."),
            click.option("--stack-name", help="The stack. Default: SERVICE-STAGE."),
            click.option("--region", help="AWS Region. Default: as streamer.toml or the AWS configuration says."),
            click.option("--stage", help=stage),
        ):
            function = option(function)
        return function

    return decorate
