"""The options of ``streamer emulate``, as the command line parses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from . import parameters
from .options import EmulateOptions

DEFAULTS: Final = EmulateOptions()
DURATION: Final = parameters.Duration()
_OPTIONS: Final = (
    click.option("--demo", is_flag=True, help="Run the built-in demo instead of a service."),
    click.option(
        "--control-plane",
        is_flag=True,
        help="Run nothing yet: sam deploy, cdk deploy, serverless deploy and streamer deploy find an AWS here.",
    ),
    click.option(
        "--env-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Variables where the shell has none; default: .env of the project.",
    ),
    click.option(
        "--env", multiple=True, metavar="NAME=VALUE", help="A variable that every function gets; repeat for more."
    ),
    click.option("--host", metavar="ADDRESS", default=DEFAULTS.host, show_default=True, help="Address to listen on."),
    click.option(
        "--port", type=click.IntRange(0, 65_535), default=DEFAULTS.port, show_default=True, help="0 picks a free one."
    ),
    click.option("--all-users", is_flag=True, help="Answer other users of this machine, too."),
    click.option(
        "--stage",
        type=parameters.Stage(),
        help="Name of the stage, the path of the URL; default: what the target says, for an App dev.",
    ),
    click.option(
        "--dynamodb",
        type=parameters.DynamoDb(),
        default=DEFAULTS.dynamodb,
        show_default=True,
        help="The embedded DynamoDB, or the URL of another one (DynamoDB Local, moto-server, AWS).",
    ),
    click.option(
        "--isolation",
        type=click.Choice(["process", "inline"]),
        help="Run functions in processes of their own, like Lambda, or in this one, for debuggers.",
    ),
    click.option(
        "--iam",
        type=click.Choice(["enforce", "record", "off"]),
        help="Hold functions to what their roles allow on AWS (the default, except for templates), allow everything "
        "and print at the end the grants that were needed, or allow everything.",
    ),
    click.option(
        "--debug",
        type=click.IntRange(0, 65_535),
        is_flag=False,
        flag_value=5678,
        metavar="[PORT]",
        help="Wait for a debugger (debugpy) on this port, 5678 unless said; functions run inline, without time-outs.",
    ),
    click.option(
        "--inspect",
        multiple=True,
        metavar="ID[=PORT]",
        help="Let a debugger of Node.js stop this function, at this port (9229 and on); no time-outs; repeat for more.",
    ),
    click.option(
        "--reload/--no-reload",
        default=DEFAULTS.reload,
        show_default=True,
        help="Load the functions anew when files change.",
    ),
    click.option(
        "--console/--no-console",
        default=None,
        help="Record what happens, for `streamer tail` and `trace`; default: on, unless --host is open to a network.",
    ),
    click.option(
        "--allow-host",
        "allowed_hosts",
        type=parameters.HostName(),
        multiple=True,
        help="Another name that leads here; repeat it.",
    ),
    click.option(
        "--static",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Serve this folder's pages too, and give them tokens of the developer.",
    ),
    click.option("--ready-file", type=parameters.NewFile(), help="Write the addresses there."),
    click.option(
        "--log-format",
        type=click.Choice(["pretty", "json"]),
        default=DEFAULTS.log_format,
        show_default=True,
        help="Lines for people, or JSON Lines of everything.",
    ),
    click.option("--verbose", "-v", is_flag=True, help="Show all lines with all fields, START, END and REPORT too."),
    click.option("--quiet", "-q", is_flag=True, help="Show nothing but errors."),
    click.option("--idle-timeout", type=DURATION, help="Silence allowed, such as 30s; default: AWS's 10m."),
    click.option("--max-duration", type=DURATION, help="How long a connection may last; default: AWS's 2h."),
    click.option(
        "--integration-timeout",
        type=parameters.Duration(least=0.05, most=29),
        help="How long to wait for a function; default: what each route says, 29s at most.",
    ),
    click.option(
        "--install/--no-install",
        default=DEFAULTS.install,
        show_default=True,
        help="Let npm fetch, once, the SDK that Lambda provides to Node.js.",
    ),
    click.option(
        "--real",
        multiple=True,
        metavar="SERVICE",
        help="Ask AWS itself for a service that is not emulated, with your credentials; repeat for more.",
    ),
    click.option(
        "--domain",
        type=click.Choice(["aws", "local"]),
        help="What domainName in events is: AWS's form (the default for templates) or this address.",
    ),
    click.option(
        "--otlp",
        metavar="URL",
        help="Send what is recorded to a collector of OpenTelemetry, such as http://127.0.0.1:4318.",
    ),
    click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=VALUE",
        help="Another limit, such as account=aws (AWS's throttle) or frame_bytes=1000; repeat for more.",
    ),
    click.option(
        "--assume",
        "assumptions",
        multiple=True,
        metavar="NAME=VALUE",
        help="What AWS is taken to do where nobody knows, such as ping_resets_idle=true; repeat for more.",
    ),
    click.option(
        "--state",
        "state_file",
        type=parameters.NewFile(),
        help="Keep the embedded DynamoDB's tables, and how far their streams were read, there between runs.",
    ),
    click.option(
        "--log-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Write Lambda's log lines there, per function.",
    ),
)
_FOR_TEMPLATES: Final = (
    click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A template's parameter."),
    click.option(
        "--parameter-overrides", "overrides", multiple=True, metavar="TEXT", help="Parameters in SAM's spelling."
    ),
    click.option(
        "--import", "imports", multiple=True, metavar="NAME=VALUE", help="An export of a stack that is not here."
    ),
    click.option(
        "--secret", "secrets", multiple=True, metavar="NAME=VALUE", help="A secret that the template refers to."
    ),
    click.option(
        "--env-vars",
        "-n",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Further variables of functions: SAM's JSON, or a .env file for all.",
    ),
    click.option(
        "--config-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="SAM's configuration; default: samconfig.toml, .yaml or .yml beside the template.",
    ),
    click.option("--config-env", metavar="NAME", help="Which part of it; default: default."),
    click.option("--stack", metavar="NAME", help="Which stack of a CDK assembly, or the stack's name."),
    click.option("--api", metavar="ID", help="Which WebSocket API; default: all, each on a port of its own."),
    click.option("--build", metavar="COMMAND", help="Run it before the start, and after changes of sources."),
    click.option("--code", multiple=True, metavar="ID=FOLDER", help="Other code for a function; repeat for more."),
    click.option(
        "--command",
        "commands",
        multiple=True,
        metavar="ID=COMMAND",
        help="Run a function by a command that speaks the Runtime API.",
    ),
    click.option("--check", is_flag=True, help="Tell what would be emulated, ignored and missing, and end."),
)


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options, in this order."""
    for option in reversed((*_OPTIONS, *_FOR_TEMPLATES)):
        command = option(command)
    return command
