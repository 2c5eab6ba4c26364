"""The ``streamer`` command: parses and prints, nothing else.

What a command does is imported when it runs, from beside this file in a checkout and from inside the package in a
wheel (`streamer._entry.tool`), so that ``streamer --help`` is instant.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from click.shell_completion import get_completion_class

from streamer._entry import tool
from streamer.errors import ConfigurationError, PayloadTooLargeError, StreamerError

if TYPE_CHECKING:
    from streamer.client.console import Display

DEFAULT_URL: Final = "ws://127.0.0.1:8787/dev"
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells count."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 success, 1 failure, 2 bad input (one line that says what to do), 130 interrupted."""
    try:
        status = cli.main(arguments, prog_name="streamer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = BAD_INPUT
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "streamer"
        status = _complain(f"{error.format_message().rstrip('.')}. See: {command} --help")
    except click.ClickException as error:
        status = _complain(error.format_message())
    except ConfigurationError as error:
        status = _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> int:
    click.echo(f"streamer: {' '.join(message.split())}", err=True)
    return BAD_INPUT


class Duration(click.ParamType[Any]):
    """``90s``, ``15m``, ``24h``, ``7d``; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        from streamer.durations import parse_duration

        try:
            return value if isinstance(value, float) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Claim(click.ParamType[Any]):
    """``NAME=VALUE``; the value is JSON, or else a string."""

    name = "claim"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """Name and value."""
        name, separator, text = value.partition("=")
        if not name or not separator:
            self.fail(f"{value!r} is not NAME=VALUE, such as role=admin or level=3", param, ctx)
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text


class Payload(click.ParamType[Any]):
    """JSON, ``@FILE`` with JSON, or ``-`` for JSON on standard input."""

    name = "payload"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The JSON value."""
        try:
            text = sys.stdin.read() if value == "-" else value
            if value.startswith("@"):
                text = Path(value[1:]).read_text("utf-8")
            return json.loads(text, parse_constant=_refuse_constant)
        except OSError as error:
            self.fail(f"cannot read {value[1:]}: {error.strerror}", param, ctx)
        except UnicodeDecodeError:
            self.fail(f"{value} is not UTF-8 text", param, ctx)
        except (ValueError, RecursionError) as error:
            self.fail(f"not JSON ({error}); write '{{\"key\": 1}}', @FILE, or - for standard input", param, ctx)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


class RequestId(click.ParamType[Any]):
    """1 to 128 letters, digits and ``._:-``."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it is."""
        from streamer.messages import REQUEST_ID

        if not REQUEST_ID.fullmatch(value):
            self.fail(f"{value!r} is no request id: use 1 to 128 letters, digits, '.', '_', ':' and '-'", param, ctx)
        return str(value)


class DynamoDb(click.ParamType[Any]):
    """``embedded`` or the URL of a DynamoDB."""

    name = "embedded|url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it is."""
        if value != "embedded" and not value.startswith(("http://", "https://")):
            self.fail(f"{value!r} is neither 'embedded' nor a URL such as http://127.0.0.1:8000", param, ctx)
        return str(value)


class Command(click.Command):
    """A command whose help ends with examples, one per line and not wrapped."""

    def __init__(self, *arguments: Any, examples: Sequence[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


DEPLOYING: Final = {
    "build": "Pack the code for Lambda.",
    "deploy": "Bring the service to AWS.",
    "destroy": "Delete the service from AWS.",
    "logs": "Show log lines of a function on AWS.",
    "requests": "List requests of a service, and put failed ones back.",
    "status": "Show how the service does on AWS.",
    "template": "Print the CloudFormation template.",
}
"""Commands that live beside what they do, in ``deploy.commands``, and what the list of commands says of them: loading
them for that would make ``streamer --help`` six times slower."""


class Group(Command, click.Group):
    """The same for the group, which finds the commands of `DEPLOYING` when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted((*super().list_commands(ctx), *DEPLOYING))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        known = {name: command.get_short_help_str(60) for name, command in self.commands.items()} | DEPLOYING
        with formatter.section("Commands"):
            formatter.write_dl(sorted(known.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name in DEPLOYING:
            found: click.Command = tool("deploy.commands").COMMANDS[cmd_name]
            return found
        return super().get_command(ctx, cmd_name)


SECONDS: Final = click.FloatRange(min=0, min_open=True)


@click.group(
    cls=Group,
    examples=[
        "streamer emulate                            run this folder's app, or the demo, on ws://127.0.0.1:8787/dev",
        "streamer call echo '{\"a\": 1}'               ask it something",
        "streamer token --user ada --tenant acme     make a token for another client",
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="streamer-ws", prog_name="streamer")
def cli() -> None:
    """Asynchronous request processing over WebSockets on AWS, developed entirely offline."""


@cli.command(
    cls=Command,
    examples=[
        "streamer emulate",
        "streamer emulate shop.service:app --port 9000",
        "streamer emulate --port 0 --ready-file ready.json --log-format json",
        "streamer emulate --idle-timeout 5",
    ],
)
@click.argument("target", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8787, show_default=True, help="0 picks a free one.")
@click.option("--stage", default="dev", show_default=True, help="Name of the stage, the path of the URL.")
@click.option(
    "--dynamodb",
    type=DynamoDb(),
    default="embedded",
    show_default=True,
    help="The embedded DynamoDB, or the URL of another one (DynamoDB Local, moto-server, AWS).",
)
@click.option(
    "--isolation",
    type=click.Choice(["process", "inline"]),
    help="Run functions in processes of their own, like Lambda, or in this one, for debuggers.",
)
@click.option(
    "--reload/--no-reload", default=True, show_default=True, help="Load the functions anew when files change."
)
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the addresses there.")
@click.option("--log-format", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True)
@click.option("--idle-timeout", type=SECONDS, default=600.0, show_default=True, help="Seconds of silence allowed.")
@click.option("--max-duration", type=SECONDS, default=7200.0, show_default=True, help="Seconds a connection may last.")
@click.option(
    "--integration-timeout",
    type=click.FloatRange(0.05, 29),
    help="Seconds to wait for a function; default: what each route says, 29 at most.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another limit, such as account=aws (AWS's throttle) or frame_bytes=1000; repeat for more.",
)
@click.option(
    "--assume",
    "assumptions",
    multiple=True,
    metavar="NAME=VALUE",
    help="What AWS is taken to do where nobody knows, such as ping_resets_idle=true; repeat for more.",
)
@click.option(
    "--state",
    "state_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the embedded DynamoDB's tables there between runs.",
)
@click.option(
    "--log-dir", type=click.Path(file_okay=False, path_type=Path), help="Write Lambda's log lines there, per function."
)
@click.pass_obj
def emulate(run: Callable[[Any], int | None] | None, /, **options: Any) -> int:
    """Run the service on this machine.

    API Gateway, Lambda, DynamoDB and its streams, behaving as they do on AWS.

    TARGET is module:attribute of an App or a topology. Default: app:app in this folder if it exists, else a demo app.
    Ctrl-C ends it: clients are closed, every $disconnect runs. A second Ctrl-C ends it at once.
    """
    parsed = tool("emulator.options").EmulateOptions(**options)
    # Tests pass a function that records the options as the context's object.
    return (run or tool("emulator.command").run_emulator)(parsed) or 0


@cli.command(
    cls=Command,
    examples=[
        "streamer token --user ada --tenant acme",
        "streamer token --user ada --tenant acme --permission reports --expires-in 15m",
        'wscat -c "ws://127.0.0.1:8787/dev?Authorization=$(streamer token --user ada --tenant acme)"',
    ],
)
@click.option("--user", required=True, help="The user's id.")
@click.option("--tenant", required=True, help="The tenant's id.")
@click.option("--permission", "permissions", multiple=True, help="What the user may do; repeat for more.")
@click.option("--expires-in", type=Duration(), default="24h", show_default=True, help="90s, 15m, 24h, 7d.")
@click.option("--claim", "claims", type=Claim(), multiple=True, help="A further claim NAME=VALUE, VALUE in JSON.")
@click.option("--secret", envvar="JWT_SECRET", help="Sign with this. Default: JWT_SECRET, else the development secret.")
def token(
    *,
    user: str,
    tenant: str,
    permissions: tuple[str, ...],
    expires_in: float,
    claims: tuple[tuple[str, Any], ...],
    secret: str | None,
) -> None:
    """Print a token that the service accepts.

    A JWT signed with HS256, alone on standard output. Without --secret and JWT_SECRET it is signed with the
    development secret in .streamer/, as the emulator expects.
    """
    if not user or not tenant:
        raise click.UsageError("--user and --tenant must not be empty.")
    click.echo(
        _minted(secret, user, tenant, permissions=permissions, expires_in_seconds=expires_in, claims=dict(claims))
    )


def _minted(
    secret: str | None,
    user: str,
    tenant: str,
    *,
    permissions: Sequence[str] = (),
    expires_in_seconds: float = 3600,
    claims: dict[str, Any] | None = None,
) -> str:
    from streamer.auth import mint

    if not secret:
        kept = tool("emulator.secret").development_secret()
        secret = kept.value
        if kept.is_new:
            click.echo("streamer: made a new development secret in .streamer/ of this folder", err=True)
    return mint(
        secret,
        user_id=user,
        tenant_id=tenant,
        permissions=permissions,
        now=time.time(),
        expires_in_seconds=expires_in_seconds,
        claims=claims,
    )


@cli.command(
    cls=Command,
    examples=[
        "streamer call echo '{\"a\": 1}'",
        'streamer call report \'{"steps": 5, "seconds": 3}\'',
        "streamer call report @payload.json --json | jq .type",
        'streamer call echo --url wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod --token "$TOKEN"',
    ],
)
@click.argument("action")
@click.argument("payload", type=Payload(), required=False)
@click.option("--url", help=f"The service. Default: the emulator that runs in this folder, else {DEFAULT_URL}.")
@click.option("--token", help="Default: one for user 'developer' of tenant 'local', signed as 'streamer token' does.")
@click.option("--id", "request_id", type=RequestId(), help="The request's id. Default: a new one.")
@click.option("--timeout", type=Duration(), help="Give up after this long. Default: wait.")
@click.option("--json", "as_json", is_flag=True, help="Print every message of the service, one JSON object per line.")
@click.pass_context
def call(
    ctx: click.Context,
    *,
    action: str,
    payload: Any,
    url: str | None,
    token: str | None,
    request_id: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Send a request and print its result.

    PAYLOAD is JSON, @FILE, or - for standard input. The result goes to standard output, everything else to standard
    error. Exit status: 0 the request is complete, 1 it failed, 2 bad input or no connection.
    """
    import asyncio

    from streamer.client import CannotConnectError
    from streamer.client.console import JsonDisplay, TextDisplay

    address = url or _running_url()
    credential = token or ("" if "Authorization=" in address else _minted(None, "developer", "local"))
    display: Display = (
        JsonDisplay(sys.stdout, sys.stderr)
        if as_json
        else TextDisplay(sys.stdout, sys.stderr, is_terminal=sys.stderr.isatty())
    )
    request = Call(address, credential, action, payload, request_id, timeout)
    try:
        is_success = asyncio.run(request.run(display))
    except (CannotConnectError, PayloadTooLargeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except StreamerError as error:
        display.failed(str(error))
        is_success = False
    ctx.exit(0 if is_success else 1)


def _running_url() -> str:
    found = tool("emulator.ready").running()
    return str(found.websocket_url) if found is not None else DEFAULT_URL


@dataclass(frozen=True, slots=True)
class Call:
    """One ``streamer call``, as the command line understood it."""

    url: str
    token: str
    action: str
    payload: Any
    request_id: str | None
    timeout_seconds: float | None

    async def run(self, display: Display) -> bool:
        """Show every message; whether the request succeeded. Raises as `streamer.client.StreamerClient`."""
        import asyncio

        from streamer.client import RequestTimeoutError, StreamerClient

        is_success = False
        async with StreamerClient(self.url, self.token or None) as client:
            events = client.events(self.action, self.payload, id=self.request_id)
            try:
                async with asyncio.timeout(self.timeout_seconds), contextlib.aclosing(events):
                    async for event in events:
                        display.event(event)
                        is_success = event.type not in ("error", "cancelled")
            except TimeoutError as error:
                raise RequestTimeoutError(self.request_id or self.action, self.timeout_seconds or 0) from error
        return is_success


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
