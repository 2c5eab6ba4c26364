"""The commands that deploy and look at what is deployed: they parse, ask and print.

What they do is in the other modules. The exit statuses are those of `deploy.moments`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from streamer.aws_limits import INLINE_TEMPLATE_BYTES
from streamer.errors import ConfigurationError
from streamer.service import tables
from streamer.settings import SECRET_BYTES

from .. import describe, lines
from ..config import Config, project_folder
from ..deployment import Desk, Ended, Wish, bring, require_length, take_away
from ..errors import DeployError, FailedError, StoppedError, UnwatchedError
from ..execute import Progress, rehearse
from ..moments import INTERRUPTED, status_of
from ..permissions import MANAGED_POLICY, Where, cloudformation, deployer, unknown_types
from ..pipeline import carry_out, go_back, list_of
from ..planning.changes import require_named, require_safe
from ..planning.differences import differences, rights
from ..planning.plan import Found, plan, require_described
from ..project import Service, load_service
from ..project import build as make
from ..stack.access_log import LOGGING_ROLE_PARAMETER
from ..stack.template import to_json
from .guide import Guide
from .looking import logs, status
from .options import WithExamples, cloud_of, config_of, of_stack, say
from .requests import requests

T = TypeVar("T")
OWN_PARAMETERS: Final = frozenset({"CodeBucket", "CodeKey", LOGGING_ROLE_PARAMETER})
"""Parameters of the template that nobody but the deployer gives values."""


def _report(step: Progress) -> None:
    line = lines.progress(step)
    if line is not None:
        click.echo(line)


_target = click.argument("app", metavar="[TARGET]", required=False)
"""What ``streamer emulate`` takes, too."""


_ending_file = click.option(
    "--outputs-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write how it ended there, as JSON: stack, status, outputs, the change set that waits.",
)


def _ends_with_a_sentence(body: Callable[..., int]) -> Callable[..., int]:
    """A command that takes SIGTERM and SIGHUP for Ctrl-C from its beginning on, while it packs the code, too."""

    @functools.wraps(body)
    def command(**said: Any) -> int:
        with _interrupted_by_signals():
            try:
                return body(**said)
            except KeyboardInterrupt:  # before anything was asked of CloudFormation
                _say_last("streamer: stopped; nothing was changed on AWS")
                return INTERRUPTED

    return command


@click.command(
    cls=WithExamples, epilog="streamer template > template.json\nstreamer template --stage prod | cfn-lint -"
)
@_target
@of_stack
def template(**said: Any) -> None:
    """Print the CloudFormation template. Needs neither code nor credentials."""
    say(to_json(load_service(config_of(**said)).template, indent=2))


@click.command(cls=WithExamples, epilog="streamer build --list\nstreamer build shop.service:app --output code.zip")
@_target
@of_stack
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the zip there.")
@click.option("--list", "is_listed", is_flag=True, help="Show every file that is packed, and what is left out and why.")
def build(output: Path | None, *, is_listed: bool, **said: Any) -> None:
    """Pack the code for Lambda: the runtime, the project and its requirements. Needs no credentials."""
    config = config_of(**said)
    code = make(config, load_service(config))
    own = config.folder / ".streamer" / "build"
    path = output or own / f"{code.digest[:16]}.zip"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if output is None:
            (own / ".gitignore").write_text("*\n", "ascii")
        path.write_bytes(code.zipped)
    except OSError as exc:
        raise DeployError(f"{path} cannot be written: {exc.strerror}") from exc
    say(*(lines.listing(code) if is_listed else ()))
    say(*lines.sizes(code), f"{path}  sha256 of the content: {code.digest}")


@click.command(cls=WithExamples, epilog="streamer deploy --guided\nstreamer deploy --stage prod --dry-run")
@_target
@of_stack
@click.option("--guided", is_flag=True, help="Ask for the settings and write streamer.toml.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done. Needs no credentials.")
@click.option("--no-execute", is_flag=True, help="Make the change set, show it, and let it wait.")
@click.option("--execute", "waiting", metavar="NAME", help="Execute a change set that waits. Needs no code.")
@click.option(
    "--print-policy", is_flag=True, help="Print the IAM policy that whoever deploys needs. Needs no credentials."
)
@click.option("--print-role-policy", is_flag=True, help="Print the policy of the role with which CloudFormation works.")
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
@click.option("--replace", multiple=True, metavar="ID", help="Allow this resource to be replaced or removed.")
@click.option(
    "--adopt", multiple=True, metavar="NAME", help="Take this table or stack over, whoever's it is by its tags."
)
@click.option("--revert-drift", is_flag=True, help="Let CloudFormation make anew, and set back, what it finds changed.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="Value of a template parameter.")
@_ending_file
@_ends_with_a_sentence
def deploy(
    *,
    guided: bool,
    dry_run: bool,
    no_execute: bool,
    waiting: str | None,
    print_policy: bool,
    print_role_policy: bool,
    yes: bool,
    replace: tuple[str, ...],
    adopt: tuple[str, ...],
    revert_drift: bool,
    parameters: tuple[str, ...],
    outputs_file: Path | None,
    **said: Any,
) -> int:
    """Bring the service to AWS, showing what will change before it does.

    Secrets such as JWT_SECRET are read from the environment, or asked for; afterwards the stack keeps them.
    """
    _require_one(
        guided=guided,
        dry_run=dry_run,
        no_execute=no_execute,
        execute=waiting is not None,
        print_policy=print_policy,
        print_role_policy=print_role_policy,
    )
    if guided:
        _guide(dry_run=dry_run, **said)
    config = config_of(**said)
    _require_unpacked(config, outputs_file)
    allowed = frozenset(replace)
    if waiting is not None:
        _require_one(
            execute=True, adopt=bool(adopt), parameter=bool(parameters), revert_drift=revert_drift
        )  # the change set has them in it
        _require_terminal(yes=yes, doing="deploy")
        return _accounted(lambda: carry_out(cloud_of(config), _desk(yes=yes), config, waiting, allowed), outputs_file)
    service = load_service(config)
    if print_policy or print_role_policy:
        return _print_policy(config, service, deployer if print_policy else cloudformation)
    values = _given(service, parameters)
    code = make(config, service)
    say(f"{config.stack}: {len(code.zipped) / 1024:,.0f} KB of code, {len(service.template['Resources'])} resources")
    say(*(f"note: {note}" for note in code.notes))
    wish = Wish(
        config=config,
        service=service,
        code=code,
        values=values,
        allowed=allowed,
        adopt=frozenset(adopt),
        reverts_drift=revert_drift,
        executes=not no_execute,
    )
    if dry_run:
        return _dry_run(wish)
    _require_terminal(yes=yes or no_execute, doing="deploy")
    return _accounted(lambda: bring(cloud_of(config), _desk(yes=yes), wish), outputs_file)


def _print_policy(
    config: Config, service: Service, policy_for: Callable[[Mapping[str, Any], Where], Mapping[str, Any]]
) -> int:
    where = Where(
        stack_name=config.stack,
        service=config.service,
        table_prefix=config.prefix,
        region=config.region,
        bucket=config.bucket,
        role_arn=config.cloudformation_role,
        kms_key_arn=config.kms_key_arn,
    )
    found = policy_for(service.template, where)
    say(to_json(found, indent=2))
    unknown = unknown_types(service.template)
    if unknown:
        click.echo(f"note: add what CloudFormation needs to make {', '.join(unknown)}, which is not in it", err=True)
    size = len("".join(to_json(found).split()))
    if size > MANAGED_POLICY:
        click.echo(
            f"note: the policy has {size:,} characters and a managed one takes {MANAGED_POLICY:,}; make two of it, or "
            f"an inline policy of a role, which takes 10,240",
            err=True,
        )
    return 0


def _require_one(**chosen: bool) -> None:
    names = [f"--{name.replace('_', '-')}" for name, is_chosen in chosen.items() if is_chosen]
    if len(names) > 1 and names != ["--guided", "--dry-run"]:
        raise DeployError(f"{' and '.join(names)} do not go together")


@click.command(cls=WithExamples, epilog="streamer rollback --list\nstreamer rollback --stage prod --to 2026-11-29")
@of_stack
@click.option("--list", "is_listed", is_flag=True, help="Show the deployments that can be gone back to.")
@click.option("--to", "named", metavar="NAME", help="The deployment, by how its name in the list begins.")
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
@click.option("--replace", multiple=True, metavar="ID", help="Allow this resource to be replaced or removed.")
@_ending_file
@_ends_with_a_sentence
def rollback(
    *,
    is_listed: bool,
    named: str | None,
    yes: bool,
    replace: tuple[str, ...],
    outputs_file: Path | None,
    **said: Any,
) -> int:
    """Deploy what ran before again: its code and its template, through a change set. Needs no code here.

    Data and secrets stay as they are.
    """
    config = config_of(**said)
    _require_unpacked(config, outputs_file)
    _require_one(list=is_listed, to=named is not None, replace=is_listed and bool(replace))
    if is_listed:
        say(*list_of(cloud_of(config), config))
        return 0
    _require_terminal(yes=yes, doing="roll back")
    return _accounted(
        lambda: go_back(cloud_of(config), _desk(yes=yes), config, named, frozenset(replace), environment=os.environ),
        outputs_file,
    )


def _given(service: Service, parameters: tuple[str, ...]) -> dict[str, str]:
    """Values of parameters that this run knows: from --parameter, from the environment, from the topology."""
    known = [name for name in service.template["Parameters"] if name not in OWN_PARAMETERS]
    values = {f"ApiKey{n}Value": key for n, key in enumerate(service.topology.api.api_keys, start=1)}
    values |= {name: os.environ[var] for name, var in service.secret_variables.items() if os.environ.get(var)}
    for number, parameter in enumerate(parameters, start=1):
        name, separator, value = parameter.partition("=")
        if not separator or name not in known:  # what was given may be a secret
            names = ", ".join(known) or "none"
            raise DeployError(f"--parameter number {number} is not NAME=VALUE with one of the names {names}")
        values[name] = value
    for name, value in values.items():
        require_length(service.template, name, value)
    return values


def _dry_run(wish: Wish) -> int:
    found: Found | None = None
    require_described(wish.adopt, wish.service.template, wish.config.stack)
    # What is not known before AWS is asked is not missing in a dry run.
    wanted = wish.wanted({*wish.values, *wish.service.secret_variables})
    try:
        cloud = cloud_of(wish.config)
        cloud.account()
    except DeployError as exc:
        say(f"note: {exc}")
        for name in sorted(wish.allowed - wanted.template["Resources"].keys()):
            say(f"note: --replace {name}: the service describes no such resource; AWS knows whether the stack has it")
    else:
        found = describe.find(cloud, wanted)
        require_named(wish.allowed, found.template or {}, wanted.template)
        say(*lines.drift(found.drift))
    made = plan(wanted, found, inline_bytes=INLINE_TEMPLATE_BYTES)
    say(*(f"note: {note}" for note in made.notes))
    rehearse(made, _report)
    old = found.template or {} if found is not None else {}
    say(*lines.changes(made.expected, differences(old, wanted.template)))
    if found is not None:
        say(*lines.permissions(*rights(old, wanted.template)))
    require_safe(made.expected, old, wanted.template, wish.allowed)
    return 0


def _guide(*, dry_run: bool, **said: Any) -> None:
    """Ask for the settings and write them."""
    if not sys.stdin.isatty():
        raise DeployError("--guided asks questions and there is no terminal; write streamer.toml instead")
    _interruptible(Guide(project_folder(Path.cwd(), said.get("app")), said, cloud_of, asks_aws=not dry_run).run)


@click.command(
    cls=WithExamples, epilog="streamer destroy --stage dev\nstreamer destroy --stage dev --delete-data --yes"
)
@of_stack
@click.option("--delete-data", is_flag=True, help="Delete the tables with everything in them, too.")
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
@_ends_with_a_sentence
def destroy(*, delete_data: bool, yes: bool, **said: Any) -> int:
    """Delete the stack. The tables stay, and the next deployment finds them again, unless --delete-data is given."""
    config = config_of(**said)
    _require_terminal(yes=yes, doing="destroy")
    named = _described_tables(config)
    return _accounted(lambda: take_away(cloud_of(config), _desk(yes=yes), config, named, with_data=delete_data))


def _described_tables(config: Config) -> list[str]:
    """The tables of the service, whatever kind of target it is; without its code here, those of an App."""
    try:
        described = load_service(config).topology.tables
    except ConfigurationError:
        described = tables(config.prefix)
    return [table.name for table in described]


def _require_terminal(*, yes: bool, doing: str) -> None:
    if not yes and not sys.stdin.isatty():
        raise DeployError(f"there is no terminal to ask on; pass --yes to {doing} without asking")


def _desk(*, yes: bool) -> Desk:
    def confirm(question: str) -> bool:
        if yes:  # whoever reads the log of a pipeline is told where it was done, too
            say(f"{question} yes")
            return True
        _require_terminal(yes=yes, doing=f"{question[0].lower()}{question[1:-1]}")
        return _interruptible(lambda: click.confirm(question))

    def type_name(name: str) -> bool:
        return yes or _interruptible(lambda: click.prompt("Type the stack's name to go on")) == name

    def secret(variable: str, least: int) -> str | None:
        return _interruptible(lambda: _ask_secret(variable, least)) if sys.stdin.isatty() else None

    return Desk(say=say, report=_report, confirm=confirm, type_name=type_name, secret=secret)


def _ask_secret(variable: str, least: int) -> str:
    """A secret that somebody types twice; a key that streamer itself uses is made on Enter."""
    is_ours = variable == "JWT_SECRET"

    def checked(value: str) -> str:
        if len(value) < least and not (is_ours and not value):
            raise click.UsageError(f"it must have at least {least} characters")
        return value

    enter = "; Enter makes one" if is_ours else ""
    prompt = f"{variable} (kept in Secrets Manager, not shown{enter})"
    default = "" if is_ours else None
    value: str = click.prompt(prompt, hide_input=True, default=default, show_default=False, value_proc=checked)
    if not value:
        return secrets.token_urlsafe(SECRET_BYTES)
    while click.prompt("Again", hide_input=True) != value:
        click.echo("that is another one")
    return value


def _interruptible(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except click.Abort:
        raise KeyboardInterrupt from None


def _accounted(act: Callable[[], Ended | None], file: Path | None = None) -> int:
    """Act, and say how it ended, to programs in a file; the exit status."""
    try:
        ended = act()
    except (FailedError, StoppedError, UnwatchedError) as exc:  # the others are bad input, as everywhere
        _say_last(click.style(f"streamer: {' '.join(str(exc).split())}", fg="red"))
        return status_of(exc)
    if ended is not None and file is not None:
        try:
            _write_ending(file, ended)
        except KeyboardInterrupt:
            _say_last(f"streamer: stopped; {ended.stack} is done, but {file} may not be written")
            return INTERRUPTED
    return 0


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """SIGTERM, and the end of the terminal unless nohup keeps us from hearing of it, raise KeyboardInterrupt."""

    def interrupt(number: int, frame: object) -> None:
        if number == signal.SIGHUP:
            # It may come twice, from the shell and from the kernel: what is tidied up then must not be cut short.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is interrupt:
                signal.signal(number, handler)


def _say_last(sentence: str) -> None:
    """The exit status says it too, so it is no failure that nobody can read it, as where the terminal is gone."""
    with contextlib.suppress(OSError):
        click.echo(sentence, err=True)


def _require_unpacked(config: Config, file: Path | None) -> None:
    """Refuse a file that the next deployment would take for code, and so for a change."""
    path = file.resolve() if file is not None else Path("/")
    if path.is_relative_to(config.code) and not any(p.startswith(".") for p in path.relative_to(config.code).parts):
        raise DeployError(
            f"--outputs-file {file} would be packed with the code; write it outside of that, or into .streamer/"
        )


def _write_ending(file: Path, ended: Ended) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{to_json(dataclasses.asdict(ended), indent=2)}\n", "utf-8")
    except OSError as exc:
        raise DeployError(f"{ended.stack} is done, but {file} cannot be written: {exc.strerror}") from exc


COMMANDS: Final[Mapping[str, click.Command]] = {
    command.name or "": command for command in (build, deploy, rollback, status, logs, requests, destroy, template)
}
