"""The ``streamer`` command: parses and prints, nothing else.

What a command does is imported when it runs, from beside this file in a checkout and from inside the package in a
wheel (`streamer._entry.tool`), so that ``streamer --help`` is instant.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from click.shell_completion import get_completion_class

from streamer import __version__
from streamer._entry import tool
from streamer.errors import ConfigurationError, PayloadTooLargeError, StreamerError

if TYPE_CHECKING:
    from emulator.command.help import Command, Group
    from streamer.client.commands import Service

else:
    Command, Group = tool("emulator.command.help").Command, tool("emulator.command.help").Group

parameters: Final = tool("emulator.command.parameters")
DEFAULTS: Final = tool("emulator.command.options").EmulateOptions()
"""Of ``streamer emulate``; they stand there alone."""
DEFAULT_URL: Final = f"ws://{DEFAULTS.host}:{DEFAULTS.port}/dev"
URL_HELP: Final = f"The service. Default: the emulator that runs in this folder, else {DEFAULT_URL}."
CREDENTIAL_HELP: Final = "Default: one as 'streamer token' prints, for a service on this machine."
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells count."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 success, 1 failure, 2 bad input (one line that says what to do), 130 interrupted.

    141 is for output that nobody reads any more (`emulator.command.help`).
    """
    try:
        status = cli.main(arguments, prog_name="streamer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = BAD_INPUT
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "streamer"
        text = parameters.in_plain_words(error.format_message()).rstrip(".")
        status = _complain(f"{text}{'' if text.endswith('?') else '.'} See: {command} --help")
    except click.ClickException as error:
        status = _complain(error.format_message())
    except ConfigurationError as error:
        status = _complain(str(error))
    except StreamerError as error:
        status = _complain(str(error), status=1)
    except ModuleNotFoundError as error:
        status = _complain(str(tool("emulator.command.extras").explained(error)))
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except (OSError, RuntimeError) as error:
        status = _explained(error)
    _let_go_of_output()
    sys.exit(status if isinstance(status, int) else 0)


def _let_go_of_output() -> None:
    """Write what is left of it; that nobody reads it any more is no failure, though Python would exit with 120."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed from the beginning
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explained(error: OSError | RuntimeError) -> int:
    """The exit status after what the place does that the command runs in; anything else is a bug, and raised again."""
    if isinstance(error, RuntimeError):  # which pathlib before Python 3.13 makes of links that lead in a circle
        loop = error.__context__
        if not isinstance(loop, OSError) or loop.errno != errno.ELOOP:
            raise error
        return _explained(loop)
    try:
        os.getcwd()  # noqa: PTH109 - of no other use here
    except OSError:
        return _complain("the current folder does not exist any more; go to another one")
    # Of what an option, a file or a folder's place says.
    if error.filename is not None and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return _complain(f"{error.filename}: {error.strerror}")
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return _complain(f"the output cannot be written: {error.strerror}", status=1)
    raise error


def _complain(message: str, status: int = BAD_INPUT) -> int:
    with contextlib.suppress(OSError):  # nobody can read it, as where the terminal is gone; the status says it too
        click.echo(f"streamer: {' '.join(message.split())}", err=True)
    return status


DEPLOYING: Final = {
    "build": "Pack the code for Lambda.",
    "deploy": "Bring the service to AWS.",
    "destroy": "Delete the service from AWS.",
    "logs": "Show log lines of a function on AWS.",
    "requests": "List requests of a service, and put failed ones back.",
    "rollback": "Deploy what ran before again.",
    "status": "Show how the service does on AWS.",
    "template": "Print the CloudFormation template.",
}
"""Commands that live in ``deploy.command.commands``, and what the list of commands says of them."""
HERE: Final = {
    "actions": "List what clients can call.",
    "asyncapi": "Describe an App as AsyncAPI.",
    "describe": "Describe what clients can ask an App for.",
    "doctor": "Look for what keeps streamer from working.",
    "event": "Print a sample event of a function.",
    "init": "Make a new service.",
    "invoke": "Run one function with an event.",
}
"""The same for those in ``emulator.command.commands``."""
WATCHING: Final = {
    "console": "Show in a browser what passes through the emulator.",
    "tail": "Print what passes through the emulator.",
    "trace": "Show what became of a message.",
}
"""The same for those in ``emulator.command.tail_and_trace``."""


@click.group(
    cls=Group,
    elsewhere={
        "deploy.command.commands": DEPLOYING,
        "emulator.command.commands": HERE,
        "emulator.command.tail_and_trace": WATCHING,
    },
    examples=[
        "streamer emulate                            run this folder's service on ws://127.0.0.1:8787/dev",
        "streamer call echo '{\"a\": 1}'               ask it something",
        "streamer token --user ada --tenant acme     make a token for another client",
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="streamer")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Asynchronous request processing over WebSockets on AWS, developed entirely offline."""
    # The emulator and the deployer know nothing of each other.
    ctx.meta["streamer.place"] = lambda: tool("deploy.place")
    ctx.meta["streamer.stages"] = lambda *said, **more: tool("deploy.command.watching").stage(*said, **more)


def _emulate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return tool("emulator.command.click_options").with_options(command)  # type: ignore[no-any-return]


@cli.command(
    cls=Command,
    examples=[
        "streamer emulate",
        "streamer emulate shop.service:app --port 9000",
        "streamer emulate template.yaml --parameter Stage=test",
        "streamer emulate cdk.out --check",
        "streamer emulate --port 0 --ready-file ready.json --log-format json",
    ],
)
@click.argument("target", required=False)
@_emulate_options
@click.pass_obj
def emulate(run: Callable[[Any], int | None] | None, /, **options: Any) -> int:
    """Run the service on this machine.

    API Gateway, Lambda, DynamoDB and its streams, behaving as they do on AWS.

    TARGET is module:attribute of an App or a topology, a SAM or CloudFormation template, or a folder: cdk.out,
    .serverless or one with a template. Default: what streamer.toml names, else app:app, else the folder's template.
    Ctrl-C ends it: clients are closed, every $disconnect runs. A second Ctrl-C ends it at once.
    """
    tool("emulator.command.extras").require("emulator")
    parsed = tool("emulator.command.options").EmulateOptions(**options)
    if run is not None:  # Tests pass a function that records the options as the context's object.
        return run(parsed) or 0
    if parsed.check:
        click.echo("\n".join(tool("emulator.command.emulate.check").checked(parsed)))
        return 0
    gc.disable()  # a tenth of the start: nothing of what is imported is garbage; the emulator turns it on when ready
    try:
        tool("emulator.command.emulate.start").start(parsed)
    finally:
        gc.enable()
    return 0


@cli.command(
    cls=Command,
    examples=[
        "streamer token --user ada --tenant acme",
        "streamer token --user ada --tenant acme --permission reports --expires-in 15m",
        'wscat -c "ws://127.0.0.1:8787/dev?Authorization=$(streamer token --user ada --tenant acme)"',
    ],
)
@click.option("--user", help="The user's id. Default: developer.")
@click.option("--tenant", help="The tenant's id. Default: local, or the first of ALLOWED_TENANTS.")
@click.option("--permission", "permissions", multiple=True, help="What the user may do; repeat for more.")
@click.option("--expires-in", type=parameters.Duration(), default="24h", show_default=True, help="90s, 15m, 24h, 7d.")
@click.option(
    "--claim", "claims", type=parameters.Claim(), multiple=True, help="A further claim NAME=VALUE, VALUE in JSON."
)
@click.option("--secret", help="Sign with this. Default: as the emulator here verifies, else JWT_SECRET.")
def token(
    *,
    user: str | None,
    tenant: str | None,
    permissions: tuple[str, ...],
    expires_in: float,
    claims: tuple[tuple[str, Any], ...],
    secret: str | None,
) -> None:
    """Print a token that the service accepts.

    A JWT signed with HS256, alone on standard output. Without --secret it is signed with what the emulator of this
    folder verifies with; where none runs, with JWT_SECRET of the shell or of .env, else the development secret in
    .streamer/. Without --user and --permission it is the developer's, who may do all that the App's actions ask for.
    """
    development = tool("emulator.command.here.project")
    here = development.here()
    who = here.identity(user, tenant, permissions)
    key = here.key(secret, makes=True)
    if key.is_new:
        click.echo(f"streamer: made a new development secret in {here.state_folder}", err=True)
    click.echo(here.mint(key, who, expires_in_seconds=expires_in, claims=dict(claims)))


def _with_service(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which service is meant and as whom to connect, which ``where`` of the command is made of."""

    @functools.wraps(command)
    def chosen(**named: Any) -> Any:
        said = {name: named.pop(name) for name in _SAID_OF_SERVICE}
        which = tool("emulator.command.here.which_service")
        where: Service = which.service(which.Asked(**said), lambda: tool("deploy.place"), DEFAULT_URL)
        return command(where=where, **named)

    for option in (
        click.option("--permission", "permissions", multiple=True, help="What that user may do; repeat for more."),
        click.option("--tenant", help="Connect as a user of this tenant."),
        click.option("--user", help="Connect as this user. Default: developer."),
        click.option("--stage", help="The service is this stage on AWS; a token is made with its JWT_SECRET."),
        click.option("--sign", "signs", is_flag=True, help="Sign the handshake with your AWS credentials."),
        click.option("--token", help=CREDENTIAL_HELP),
        click.option("--url", type=parameters.WebSocketUrl(), help=URL_HELP),
    ):
        chosen = option(chosen)
    return chosen


_SAID_OF_SERVICE: Final = ("url", "token", "user", "tenant", "permissions", "stage", "signs")


def _actions(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """What Tab offers for ACTION: what the emulator here can be asked for."""
    from streamer.app import BUILT_IN_ACTIONS

    try:
        ready = tool("emulator.command.here.project").here().ready
    except ConfigurationError:
        return []
    known = () if ready is None else (*ready.actions, *sorted(BUILT_IN_ACTIONS - {"keep-alive"}))  # has no answer
    return [name for name in known if name.startswith(incomplete)]


@cli.command(
    cls=Command,
    examples=[
        "streamer call echo '{\"a\": 1}'",
        'streamer call report \'{"steps": 5, "seconds": 3}\'',
        "streamer call report @payload.json --json | jq .type",
        'streamer call echo --url wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod --token "$TOKEN"',
    ],
)
@click.argument("action", shell_complete=_actions)
@click.argument("payload", type=parameters.Payload(), required=False)
@_with_service
@click.option("--id", "request_id", type=parameters.RequestId(), help="The request's id. Default: a new one.")
@click.option("--timeout", type=parameters.Duration(), help="Give up after this long. Default: wait.")
@click.option("--json", "as_json", is_flag=True, help="Print every message of the service, one JSON object per line.")
@click.pass_context
def call(
    ctx: click.Context,
    *,
    action: str,
    payload: Any,
    where: Service,
    request_id: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Send a request and print its result.

    PAYLOAD is JSON, @FILE, or - for standard input. The result goes to standard output, everything else to standard
    error. Exit status: 0 the request is complete, 1 it failed, 2 bad input or no connection.
    """
    from streamer.client.commands import call as do
    from streamer.client.display import JsonDisplay, TextDisplay

    display = (
        JsonDisplay(sys.stdout, sys.stderr)
        if as_json
        else TextDisplay(sys.stdout, sys.stderr, is_terminal=sys.stderr.isatty())
    )
    ctx.exit(
        _talked(where, do(where, action, payload, request_id=request_id, timeout_seconds=timeout, display=display))
    )


@cli.command(
    cls=Command,
    examples=[
        "streamer listen news",
        "streamer listen orders/eu --json | jq .data.id",
        "streamer listen news --count 1 --timeout 30s",
    ],
)
@click.argument("topic")
@_with_service
@click.option("--count", type=click.IntRange(min=1), help="End after so many messages. Default: go on.")
@click.option("--timeout", type=parameters.Duration(), help="Give up after this long. Default: go on.")
@click.option("--json", "as_json", is_flag=True, help="Print topic, data, timestamp and missed, not just the data.")
@click.pass_context
def listen(
    ctx: click.Context,
    *,
    topic: str,
    where: Service,
    count: int | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Print what is published to a topic.

    One line of JSON per message, until Ctrl-C. A lost connection is opened again.
    """
    from streamer.client.commands import listen as do

    ctx.exit(_talked(where, do(where, topic, count=count, timeout_seconds=timeout, as_json=as_json)))


@cli.command(
    cls=Command,
    examples=[
        'streamer publish news \'{"headline": "it works"}\'',
        'streamer publish news @news.json --url "$URL" --token "$TOKEN"',
    ],
)
@click.argument("topic")
@click.argument("data", type=parameters.Payload(), required=False)
@_with_service
@click.pass_context
def publish(
    ctx: click.Context,
    *,
    topic: str,
    data: Any,
    where: Service,
) -> None:
    """Publish to a topic of the token's tenant.

    DATA is JSON, @FILE, or - for standard input. Prints how many connections got it, were gone, and failed. A token
    of your own needs the permission topics:publish, unless the service decides otherwise.
    """
    from streamer.client.commands import publish as do

    ctx.exit(_talked(where, do(where, topic, data)))


def _talked(where: Service, conversation: Coroutine[Any, Any, bool]) -> int:
    """Talk to a service, and return the exit status."""
    import asyncio

    from streamer.client import CannotConnectError

    try:
        return 0 if asyncio.run(conversation) else 1
    except CannotConnectError as error:
        hint = f"; {where.refused}" if error.status == 401 and where.refused is not None else ""
        raise click.ClickException(f"{error}{hint}") from error
    except (PayloadTooLargeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except StreamerError as error:
        click.echo(f"streamer: {error}", err=True)
        return 1


@cli.command(
    cls=Command,
    examples=[
        "streamer completion bash > ~/.local/share/bash-completion/completions/streamer",
        'streamer completion zsh > "${fpath[1]}/_streamer"',
        "streamer completion fish > ~/.config/fish/completions/streamer.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell completion script.

    Put it where SHELL looks for such scripts, and Tab completes streamer's commands and options.
    """
    found = get_completion_class(shell)
    assert found is not None  # the choices above are click's own
    click.echo(found(cli, {}, "streamer", "_STREAMER_COMPLETE").source())
