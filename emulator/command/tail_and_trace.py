"""The commands ``console``, ``tail`` and ``trace``: they parse, ask the console of the emulator here, and print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar

import click

from ..console.exporting.recorded import Recorded
from ..console.opening import open_url, page_url
from ..console.reading.lines import line
from ..console.reading.telling import Told
from ..console.reading.waterfall import waterfall
from .help import Command
from .here.console_reader import GoneError, Reader, found
from .here.project import here

F = TypeVar("F", bound=Callable[..., Any])
LAST: Final = 200
"""Records that `tail` begins with."""


FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


STAGES: Final = "streamer.stages"
"""Where the context of ``streamer`` has what makes a source of a stage on AWS: ``deploy.command.watching.stage``."""


class Source(Protocol):
    """Where records are from: the emulator here, a file, or a stage on AWS."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def get(self, path: str) -> Told:
        """What is told at ``traces/ID``."""

    def events(self, *, follow: bool, limit: int, missed: Callable[[int], None], **wanted: Any) -> Iterator[Told]:
        """Records, the oldest first."""


def _source(recording: Path | None, stage: str | None, since: str | None) -> Source:
    if recording is not None and stage is not None:
        raise click.UsageError("--recording and --stage are two places; leave out one of them.")
    if stage is not None:
        made: Source = click.get_current_context().meta[STAGES](here().folder, stage, since=since)
        return made
    if since is not None:
        raise click.UsageError("--since is for a --stage; leave it out.")
    return Reader.of(here()) if recording is None else Recorded(recording)


def _elsewhere(since: str) -> Callable[[F], F]:
    """The options that choose another place than the emulator here; ``since`` is how far back a stage is read."""

    def decorate(command: F) -> F:
        for option in (
            click.option(
                "--recording", type=FILE, help="Read this file, an export of the console or of a failed test."
            ),
            click.option("--since", metavar="DURATION", help=f"With --stage: how far back. Default: {since}."),
            click.option("--stage", help="Read the logs and traces of this stage on AWS."),
        ):
            command = option(command)
        return command

    return decorate


@click.command(
    cls=Command,
    examples=[
        "streamer tail --errors",
        "streamer tail --follow --user ada",
        "streamer tail --request 7f3a --json | jq .kind",
        "streamer tail --stage prod --errors --since 1h",
    ],
)
@click.option("--errors", is_flag=True, help="Only what went wrong.")
@click.option("--connection", metavar="ID", help="Only of this connection.")
@click.option("--user", help="Only of this user's connections.")
@click.option("--request", "trace", metavar="ID", help="Only what belongs to the message of this id.")
@click.option("--limit", type=click.IntRange(1, 20_000), default=LAST, show_default=True, help="The last so many.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@_elsewhere(since="10m")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def tail(
    *,
    errors: bool,
    limit: int,
    follow: bool,
    recording: Path | None,
    stage: str | None,
    since: str | None,
    as_json: bool,
    **named: str | None,
) -> int:
    """Print what passes through the emulator of this folder.

    Messages, functions, their calls of DynamoDB and @connections, their log lines, connections, stream batches. With
    --request: an id of the client's, the gateway's, Lambda's or X-Ray's, or the number that stands before each line.
    With --stage: what CloudWatch Logs has of functions, their log lines, messages and connections.
    """

    def missed(count: int) -> None:
        click.echo(f"streamer: {count} more were not shown: they came too fast", err=True)

    wanted: dict[str, Any] = {**named, "errors": "1" if errors else None, "lines": None if as_json else "1"}
    colors = sys.stdout.isatty()
    is_empty = True
    try:
        with _source(recording, stage, since) as reader:
            for told in reader.events(follow=follow, limit=limit, missed=missed, **wanted):
                text = json.dumps(told, ensure_ascii=False) if as_json else line(told, colors=colors, follows=follow)
                if text is not None:
                    click.echo(text)
                    is_empty = False
    except GoneError as error:
        click.echo(f"streamer: {error}", err=True)
        return 1
    if is_empty:
        back = "" if stage is None else "; --since looks further back"
        click.echo(f"streamer: {_nothing(errors, named)}{back}", err=True)
    return 0


def _nothing(errors: bool, named: Mapping[str, str | None]) -> str:
    """What to say where there is no line: a name that is not known looks like silence otherwise."""
    asked = [f"{'request' if name == 'trace' else name} {value}" for name, value in named.items() if value]
    of = f" of {' and '.join(asked)}" if asked else ""
    return f"nothing that is kept{of} went wrong" if errors else f"nothing{of or ' at all'} is kept"


@click.command(
    cls=Command,
    examples=["streamer trace 7f3a", "streamer trace 98 --json | jq .verdict", "streamer trace 7f3a --stage prod"],
)
@click.argument("name", metavar="ID")
@_elsewhere(since="6h")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def trace(*, name: str, recording: Path | None, stage: str | None, since: str | None, as_json: bool) -> int:
    """Show what became of a message.

    A waterfall of all that followed from it: functions, waiting, cold starts, calls, frames, attempts and log lines,
    with the reason of a failure on top. ID is the client's id of a request, the gateway's, Lambda's or X-Ray's, or the
    number of a line of `streamer tail`. With --stage it is made of CloudWatch Logs and X-Ray, and ID is the client's,
    Lambda's or X-Ray's. Exit status: 0 it went well or goes on, 1 it failed.
    """
    if not name:
        raise click.UsageError("ID is empty; `streamer tail` shows some.")
    try:
        with _source(recording, stage, since) as reader:
            told = reader.get(f"traces/{name}")
    except GoneError as error:
        click.echo(f"streamer: {error}", err=True)
        return 1
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo("\n".join(waterfall(told)))
    return 1 if told["status"] in ("error", "refused") else 0


@click.command(cls=Command, examples=["streamer console", "streamer console --print"])
@click.option("--print", "prints", is_flag=True, help="Print the address, with its token, instead of opening it.")
def console(*, prints: bool) -> int:
    """Open the console of this folder's emulator in a browser.

    It shows what passes through the emulator: messages, what became of them, connections.
    """
    project = here()
    url, token = found(project)
    try:
        with Reader(url, token) as reader:
            reader.get("info")
    except GoneError as error:
        raise click.ClickException(str(error)) from error
    if prints:
        click.echo(page_url(url, token))
    elif not open_url(project.state_folder, page_url(url, token)):
        raise click.ClickException(f"there is no browser to open; go to {page_url(url, token)}")
    return 0


COMMANDS: Final = {"console": console, "tail": tail, "trace": trace}
