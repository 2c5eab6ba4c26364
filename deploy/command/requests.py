"""The command ``requests``: lists and shows requests of a service, on AWS or in the emulator, and puts them back."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from streamer.errors import DispatchError, NoTableError, StoreError
from streamer.observability.printable import printable
from streamer.operating import DeadLetter, Operator, ServiceNames
from streamer.project import folder_of
from streamer.protocol import answers
from streamer.records import RequestRecord, Status
from streamer.requests.lifecycle import is_final
from streamer.service import DEAD_LETTERS, PROCESSOR_FUNCTION
from streamer.settings import parse_duration
from streamer.stores.names import requests_table
from streamer.topology.logical_ids import function_id, queue_id

from ..config import Config, load, project_folder
from ..errors import DeployError
from ..place import LocalEmulator, aws_clients, emulator_here
from .options import F, GroupWithExamples, not_empty, stack_options

FAILED: Final = 1


def _where(function: F) -> F:
    """Options that choose the service."""
    prefix = click.option("--table-prefix", help="Begins the tables' names. Default: streamer_, or the stack's.")
    return stack_options(stage="The stage on AWS. Default: the emulator that runs in this folder.")(prefix(function))


def _whose(of_tenant: str, of_user: str) -> Callable[[F], F]:
    """Options that choose whose requests are meant, and what their help says."""

    def decorate(function: F) -> F:
        for name, text in (("--user", of_user), ("--tenant", of_tenant)):
            function = click.option(name, callback=not_empty, help=text)(function)
        return function

    return decorate


def _of_one(function: F) -> F:
    """What names one request: its id, and the options that say where and whose it is."""
    for part in (
        _whose("Whose request it is.", "Whose request it is; with --tenant, the whole table is not read for it."),
        _where,
        click.argument("id"),
    ):
        function = part(function)
    return function


@click.group(
    cls=GroupWithExamples,
    invoke_without_command=True,
    epilog="streamer requests --failed\nstreamer requests --stage prod --tenant acme\nstreamer requests retry 7f3a",
)
@_where
@_whose("Only requests of this tenant.", "Only requests of this user; with --tenant, the whole table is not read.")
@click.option("--failed", is_flag=True, help="Only failed requests, stuck ones and dead letters.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Show at most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def requests(
    ctx: click.Context,
    /,
    *,
    failed: bool,
    limit: int,
    as_json: bool,
    tenant: str | None,
    user: str | None,
    **where: Any,
) -> None:
    """List requests, newest first.

    `streamer requests show ID` shows one, `retry ID` lets it run again, `cancel ID` ends it, `wait ID` waits for its
    end. They read the service on AWS if --stage, --stack-name, --region or --profile is given, else the emulator that
    runs in this folder.
    """
    if ctx.invoked_subcommand is not None:
        return
    now = time.time()
    with _explained():
        operator = _operator(**where)
        statuses = [status for status in Status if status is Status.FAILED or not is_final(status)] if failed else []
        meant = operator.requests(statuses, tenant_id=tenant, user_id=user)
        found = [each for each in meant if not failed or is_trouble(each, now)]
        letters = operator.dead_letters() if failed else []
        if tenant is not None or user is not None:
            keys = {record.key for record in found}
            letters = [letter for letter in letters if letter.key in keys]
    newest = islice(sorted(found, key=lambda record: record.updated_at, reverse=True), limit)
    listed = [*map(request_fields, newest), *map(letter_fields, letters)]
    for line in map(json.dumps, listed) if as_json else table(listed):
        click.echo(line)
    if not listed and not as_json:
        click.echo(
            f"streamer: there are no {'failed or stuck requests, no dead letters' if failed else 'requests'}", err=True
        )


@requests.command("show", epilog="streamer requests show 7f3a | jq .status")
@_of_one
def show(id: str, *, tenant: str | None, user: str | None, **where: Any) -> None:  # noqa: A002 - the argument's name
    """Show all that is stored of the request ID, as JSON."""
    with _explained():
        for record in _found(_operator(**where), id, tenant, user):
            click.echo(json.dumps(all_fields(record), indent=2))


@requests.command("retry", epilog="streamer requests retry 7f3a --attempts 3")
@_of_one
@click.option(
    "--attempts", type=click.IntRange(min=1), default=1, show_default=True, help="How often it may be tried again."
)
def retry(id: str, *, tenant: str | None, user: str | None, attempts: int, **where: Any) -> int:  # noqa: A002
    """Let the failed request ID run again.

    Whoever hears about it hears what comes of it. A request that is still on its way gets another run, which changes
    nothing unless it is stuck. Its dead letters are removed from the queue.
    """
    with _explained():
        operator = _operator(**where)
        record = _one(operator, id, tenant, user)
        if not operator.put_back(record, further_attempts=attempts, now=time.time()):
            click.echo(f"streamer: request {id} is {record.status}; there is nothing to retry", err=True)
            return FAILED
        removed = operator.remove_dead_letters(record.key)
    click.echo(put_back_line(record, removed))
    return 0


@requests.command("cancel", epilog="streamer requests cancel 7f3a --reason 'asked for twice'")
@_of_one
@click.option("--reason", default="cancelled by an operator", show_default=True, help="What whoever listens is told.")
def cancel(id: str, *, tenant: str | None, user: str | None, reason: str, **where: Any) -> int:  # noqa: A002
    """End the request ID.

    Whoever listens is told; a run that is under way finds out at its next progress.
    """
    with _explained():
        operator = _operator(**where)
        record = _one(operator, id, tenant, user)
        if not operator.cancel(record, reason, now=time.time()):
            click.echo(f"streamer: request {id} has ended already; there is nothing to cancel", err=True)
            return FAILED
    click.echo(f"request {id} is cancelled")
    return 0


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    """Of a duration, which may be none at all."""
    try:
        return 0.0 if value == "0" else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@requests.command("wait", epilog="streamer requests wait 7f3a --timeout 5m")
@_of_one
@click.option(
    "--timeout",
    "seconds",
    metavar="DURATION",
    callback=_seconds,
    default="15m",
    show_default=True,
    help="Give up then; 0 looks once.",
)
def wait(id: str, *, tenant: str | None, user: str | None, seconds: float, **where: Any) -> int:  # noqa: A002
    """Wait until the request ID has ended, and show it as JSON.

    Exit status: 0 it is complete, 1 it failed, was cancelled, or goes on.
    """
    with _explained():
        operator = _operator(**where)
        record = operator.wait(_one(operator, id, tenant, user), until=time.time() + seconds)
    click.echo(json.dumps(all_fields(record), indent=2))
    if not is_final(record.status):
        click.echo(f"streamer: request {id} goes on ({record.status}) after {seconds:g} seconds", err=True)
    return 0 if record.status is Status.COMPLETED else FAILED


def _one(operator: Operator, request_id: str, tenant: str | None, user: str | None) -> RequestRecord:
    """The request of that id.

    Raises:
        DeployError: there is none, or several users have one of it.
    """
    records = _found(operator, request_id, tenant, user)
    if len(records) > 1:
        owners = ", ".join(f"--tenant {each.tenant_id} --user {each.user_id}" for each in records)
        raise DeployError(f"there are {len(records)} requests {request_id!r}; say which: {owners}")
    return records[0]


def put_back_line(record: RequestRecord, removed: int) -> str:
    """What came of putting back a request, as it was before, with so many of its dead letters removed."""
    again = "runs again"
    if not is_final(record.status):
        again = f"is {record.status}; it gets another run, which changes nothing unless it is stuck"
    letters = f"; {removed} of its dead letters removed" if removed else ""
    return f"request {record.request_id} {again}{letters}"


def is_trouble(record: RequestRecord, now: float) -> bool:
    """Whether someone should look at a request: it failed, or nobody sees to it."""
    return record.status is Status.FAILED or record.is_stuck(now)


def request_fields(record: RequestRecord) -> dict[str, Any]:
    """A request as one line of JSON."""
    owner = {"tenant_id": record.tenant_id, "user_id": record.user_id}
    return {"kind": "request", **owner, **answers.state(record), "due_at": record.due_at}


def _json(text: str | None) -> Any:
    """What JSON text says; None also for a payload that is not kept any more."""
    return None if text is None else json.loads(text)


def all_fields(record: RequestRecord) -> dict[str, Any]:
    """All that is stored of a request."""
    fields = request_fields(record) | {
        "payload": _json(record.payload_json),
        "metadata": _json(record.metadata_json),
        "permissions": sorted(record.permissions),
        "connection_id": record.connection_id,
        "listeners": sorted(listener.connection_id for listener in record.listeners),
        "expires_at": record.expires_at,
        "runner": record.runner,
    }
    return fields if record.result_json is None else fields | {"result": json.loads(record.result_json)}


def letter_fields(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as one line of JSON."""
    key = {"owner": letter.key.owner, "request_id": letter.key.request_id} if letter.key is not None else {}
    return {
        "kind": "dead letter",
        **key,
        "condition": letter.condition,
        "at": letter.at,
        "attempts": letter.attempts,
        "error": letter.error,
    }


HEADING: Final = ("STATUS", "REQUEST", "ACTION", "TENANT/USER", "ATTEMPT", "CHANGED", "ERROR")


def table(listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Requests below a heading, then dead letters, for people."""
    rows = [row(fields) for fields in listed if fields["kind"] == "request"]
    widths = [max(map(len, column)) for column in zip(HEADING, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, each, widths)).rstrip() for each in (HEADING, *rows)] if rows else []
    return lines + [letter_line(fields) for fields in listed if fields["kind"] == "dead letter"]


def row(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a request. Ids are what clients wrote: nothing that a terminal obeys, and no further rows."""
    error = fields.get("error")
    columns = (
        fields["status"],
        fields["request_id"],
        fields["action"],
        f"{fields['tenant_id']}/{fields['user_id']}",
        f"{fields['attempt']} of {fields['max_attempts']}",
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(fields["updated_at"])),
        f"{error['code']}: {error['message']}" if error else "",
    )
    return tuple(map(printable, columns))


def letter_line(fields: Mapping[str, Any]) -> str:
    """A dead letter."""
    about = f"request {fields['request_id']}" if "request_id" in fields else "a batch of stream records"
    return printable(f"DEAD LETTER  {about}  {fields['condition']}  {fields['at']}  {fields['error'] or ''}".rstrip())


def _found(operator: Operator, request_id: str, tenant: str | None, user: str | None) -> list[RequestRecord]:
    found = operator.find(request_id, tenant_id=_said("tenant", tenant), user_id=_said("user", user))
    if not found:
        raise DeployError(f"there is no request {request_id!r}; `streamer requests` lists those that are stored")
    return found


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of stores into the one line that a command gives."""
    try:
        yield
    except NoTableError as error:
        raise DeployError(
            "the service keeps no requests: it is no App, or its tables' names begin with another --table-prefix"
        ) from error
    except (StoreError, DispatchError) as error:
        raise DeployError(str(error)) from error


def _said(name: str, value: str | None) -> str | None:
    """What an option says, or where a command is not told, what its group is: whose options count for it, too."""
    parent = click.get_current_context().parent
    if value is not None or parent is None or parent.info_name != "requests":
        return value
    inherited: str | None = parent.params.get(name)
    return inherited


def _operator(*, table_prefix: str | None, **where: str | None) -> Operator:
    """The service that the options choose."""
    where = {name: _said(name, value) for name, value in where.items()}
    prefix = _said("table_prefix", table_prefix)
    # An empty one, as of a variable that is not set, is a mistake, and must not become the emulator here.
    if all(value is None for value in where.values()):
        folder = folder_of(Path.cwd())
        if (emulator := emulator_here(folder)) is None:
            raise DeployError(
                f"no emulator runs in {folder} or above; start `streamer emulate`, or name a --stage on AWS"
            )
        return _local(emulator, prefix)
    config = load(project_folder(Path.cwd()), where | ({"table_prefix": prefix} if prefix is not None else {}))
    return _on_aws(config)


def _local(emulator: LocalEmulator, prefix: str | None) -> Operator:
    names = ServiceNames(
        requests_table=requests_table(prefix or "streamer_"),
        function_name=PROCESSOR_FUNCTION,
        queue_url=emulator.queue_url(DEAD_LETTERS),
    )
    return Operator(functools.cache(emulator.client), names)


def _on_aws(config: Config) -> Operator:
    outputs, client = aws_clients(config)
    names = ServiceNames(
        requests_table=requests_table(config.prefix),
        function_name=outputs.get(f"{function_id(PROCESSOR_FUNCTION)}Name"),
        queue_url=outputs.get(f"{queue_id(DEAD_LETTERS)}Url"),
    )
    return Operator(client, names)
