"""The commands ``init``, ``actions``, ``describe``, ``doctor``, ``event`` and ``invoke``: they parse and print.

What they do is in the other modules, most of which is loaded when it is needed.
"""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from streamer.errors import ConfigurationError

from . import parameters
from .help import Command
from .here.project import Here, here
from .here.ready_file import Ready
from .init import IGNORED, TEMPLATES, make_project

FUNCTION_FAILED: Final = 1
NOT_HEALTHY: Final = 1
DIFFERS: Final = 1
PLACE: Final = "streamer.place"
"""Where the context of ``streamer`` has what loads ``deploy.place``, which knows stages on AWS."""
EVENTS: Final = ("connect", "message", "disconnect", "stream", "sqs", "schedule")


@click.command(
    cls=Command,
    examples=[
        "streamer init",
        "streamer init chat --template handlers",
    ],
)
@click.argument("folder", type=parameters.Folder(file_okay=False, path_type=Path), default=Path())
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="minimal",
    show_default=True,
    help="An App with two actions, a whole service with tests of both kinds, or plain Lambda handlers.",
)
def init(*, folder: Path, template: str) -> None:
    """Make a new service in FOLDER.

    FOLDER is by default the current one. It gets code, tests, streamer.toml, a workflow for GitHub and launch
    configurations for an editor. Never replaces a file.
    """
    made = make_project(folder, template)
    for name in made.files:
        click.echo(f"made {folder / name}", err=True)
    if made.ignored:
        click.echo(f"added to {folder / IGNORED}: {', '.join(made.ignored)}", err=True)
    for name, why in made.left_out.items():
        click.echo(f"left out {name}: {why}", err=True)
    place = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"Run it: {place}streamer emulate; test it: pytest", err=True)


@click.command(cls=Command, examples=["streamer actions", "streamer actions --json"])
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def actions(*, as_json: bool) -> None:
    """List what clients can call.

    Of the service that the project's emulator runs; where none runs, of the App that 'streamer emulate' would run.
    """
    emulator = here().ready
    if emulator is None:
        from .described import names_of_actions  # noqa: PLC0415 - see the module's docstring

        names, functions = names_of_actions(None)
    else:
        names, functions = list(emulator.actions), ", ".join(emulator.functions)
    if names or as_json:
        click.echo(json.dumps(names) if as_json else "\n".join(names))
    else:
        click.echo(
            f"streamer: the service is no App, so it has no actions; 'streamer invoke' runs its functions: {functions}",
            err=True,
        )


@click.command(
    cls=Command,
    examples=[
        "streamer describe > asyncapi.json",
        "streamer describe --format typescript --output web/src/service.ts",
        "streamer describe --format json --output service.json",
        "streamer describe --format json --check service.json",
    ],
)
@click.argument("target", required=False)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["asyncapi", "json", "typescript", "python", "markdown"]),
    default="asyncapi",
    show_default=True,
    help="What to make.",
)
@click.option("--asyncapi", "version", type=click.Choice(["3.0", "3.1"]), default="3.0", show_default=True)
@click.option(
    "--url", type=parameters.WebSocketUrl(), help="Where the service is, for the document. Default: it is not told."
)
@click.option("--stage", help="The document tells the address of this stage on AWS.")
@click.option("--no-builtins", is_flag=True, help="Leave out what every service can do: ping, status, cancel ...")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: standard output.")
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with this file instead, and say what breaks clients that know it. Exit status 1 if it differs.",
)
def describe(
    *, target: str | None, output: Path | None, check: Path | None, url: str | None, stage: str | None, **options: Any
) -> int:
    """Describe what clients can ask an App for.

    As an AsyncAPI 3 document, a plain JSON list, TypeScript for the JavaScript client, Python for the Python client, or
    a page. TARGET is module:attribute of an App; default: as 'streamer emulate'. Needs no emulator, and no network but
    for --stage.
    """
    from .described import compared, made, written  # noqa: PLC0415 - see the module's docstring

    if check is not None and output is not None:
        raise click.UsageError("--check compares and --output writes; choose one.")
    if url is not None and stage is not None:
        raise click.UsageError("--url and --stage both say where the service is; choose one.")
    if stage is not None:
        url = click.get_current_context().meta[PLACE]().deployed(here().folder, stage, signs=False).url
    text, document = made(target, url=url, **options)
    if check is not None:
        lines = compared(check, text, document)
        for line in lines:
            click.echo(line, err=True)
        return DIFFERS if lines else 0
    if output is None:
        click.echo(text, nl=False)
    else:
        written(output, text)
    return 0


asyncapi: Final = Command(
    "asyncapi",
    params=[each for each in describe.params if each.name != "kind"],
    callback=functools.partial(describe.callback or describe, kind="asyncapi"),
    help="Describe what clients can ask an App for, as AsyncAPI: `streamer describe` with its default format.",
    examples=["streamer asyncapi > asyncapi.json", "streamer asyncapi --check asyncapi.json"],
)


@click.command(cls=Command, examples=["streamer doctor", "streamer doctor --json | jq '.[] | .name, .state'"])
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of name, state, found and todo.")
def doctor(*, as_json: bool) -> int:
    """Look for what keeps streamer from working here.

    The interpreter and its packages, the project, its emulator and port, tokens, limits of the system. Changes nothing.
    Exit status 1 if something fails.
    """
    from .doctor import diagnose, documents, is_healthy, lines  # noqa: PLC0415 - see the module's docstring
    from .doctor_facts import examine  # noqa: PLC0415

    checks = diagnose(examine())
    click.echo(json.dumps(documents(checks), indent=2) if as_json else "\n".join(lines(checks)))
    return 0 if is_healthy(checks) else NOT_HEALTHY


def _functions(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """What Tab offers for FUNCTION."""
    try:
        ready = here().ready
    except ConfigurationError:
        return []
    return [name for name in (ready.callable_functions() if ready else ()) if name.startswith(incomplete)]


@click.command(
    cls=Command,
    examples=[
        "streamer invoke processor event.json",
        "streamer event connect | streamer invoke connect -",
        "streamer invoke nightly '{\"detail\": {}}' --event",
    ],
)
@click.argument("function", shell_complete=_functions)
@click.argument("event", type=parameters.Event(), default="{}")
@click.option("--event", "is_event", is_flag=True, help="Queue the event instead, and do not wait for a result.")
def invoke(*, function: str, event: Any, is_event: bool) -> int:
    """Run one function of the emulator here with EVENT.

    FUNCTION is its name or, in a template, its logical id. EVENT is a file with JSON, - for standard input, or JSON;
    without it {}. What the function returns goes to standard output, the end of its log to standard error. Exit status
    1 if the function fails.
    """
    from .invoke import invoke as do  # noqa: PLC0415 - see the module's docstring

    ready = _emulator(here())
    names = ready.callable_functions()
    if names and function not in names:
        raise click.ClickException(f"there is no function {function!r}; there are {', '.join(names)}")
    answer = do(ready.url, names.get(function, function), json.dumps(event).encode(), waits=not is_event)
    click.echo(answer.log, err=True, nl=False)
    if is_event:
        click.echo(f"queued: {answer.request_id}", err=True)
        return 0
    click.echo(answer.payload)
    return FUNCTION_FAILED if answer.failed else 0


@click.command(
    cls=Command,
    examples=[
        "streamer event connect | streamer invoke connect -",
        'streamer event message --body \'{"action": "ping"}\' | streamer invoke router -',
        "streamer event sqs --body hello > event.json",
    ],
)
@click.argument("kind", type=click.Choice(EVENTS))
@click.option("--body", help="Text of the message. Default: a sample's.")
@click.option("--connection-id", help="Default: the same for all samples.")
def event(*, kind: str, body: str | None, connection_id: str | None) -> None:
    """Print a sample event of KIND.

    As API Gateway, DynamoDB, SQS and EventBridge send it to a function. While an emulator runs here, events of its API
    name its address and stage, and that of a connect holds the developer's token.
    """
    from ..console.api.samples import CONNECTION, Sample, sample  # noqa: PLC0415 - see the module's docstring

    if body is not None and kind not in ("message", "sqs"):
        raise click.UsageError("--body is for message and sqs.")
    if connection_id is not None and kind not in ("connect", "message", "disconnect"):
        raise click.UsageError("--connection-id is for connect, message and disconnect.")
    found = here()
    place: dict[str, str] = {}
    if found.ready is not None:
        parts = urlsplit(found.ready.websocket_url)
        place = {"domain_name": parts.netloc, "stage": parts.path.strip("/")}
    wanted = Sample(
        now=datetime.now(UTC),
        body=body,
        token=_token(found) if kind == "connect" else None,
        connection_id=connection_id or CONNECTION,
        **place,
    )
    click.echo(json.dumps(sample(kind, wanted), indent=2, ensure_ascii=False))


def _token(found: Here) -> str | None:
    """The developer's token for the emulator that runs here, if there is one to be had."""
    if found.websocket_url is None:
        return None
    try:
        return found.token_for(found.websocket_url, found.identity(None, None, ()))
    except ConfigurationError:  # its key is not ours: the sample goes without
        return None


def _emulator(found: Here) -> Ready:
    """The one that runs here."""
    if found.ready is None:
        raise click.ClickException(f"no emulator runs in {found.folder} or above; start `streamer emulate`")
    return found.ready


_ALL: Final[Sequence[click.Command]] = (actions, asyncapi, describe, doctor, event, init, invoke)
COMMANDS: Final = {command.name: command for command in _ALL}
"""By name, for `help.Group`."""
