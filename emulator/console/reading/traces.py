"""The way of one message: everything that followed from it, found in the records, as spans of time. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal

from msgspec import Struct

from ...functions.outcome import Returned
from ..recording.meaning import (
    answer_header,
    app_message,
    body_of,
    caller_of,
    event_of,
    json_object,
    lambda_request_of,
    plain_answer,
    root_of,
    source_of,
    what_was_called,
)
from ..recording.records import Batch, Call, Log, Message, Opening, Run
from ..recording.ring import Record

MOST_RUNS: Final = 200
"""Invocations that one trace shows at most."""
TURN_NS: Final = 250_000_000
"""Longer than a turn of the event loop is, even on a busy machine."""
_WRITES: Final = {"PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}
_SENT: Final = (("sqs", "SendMessage"), ("sns", "Publish"))
_MESSAGE_ID: Final = re.compile(rb"<MessageId>([^<]+)</MessageId>")

Kind = Literal["message", "opening", "wait", "init", "function", "dynamodb", "frame", "lambda", "sqs", "call"]


class Span(Struct, frozen=True, kw_only=True):
    """Something that took time."""

    kind: Kind
    name: str
    begin_ns: int
    end_ns: int
    depth: int
    status: str = "ok"
    note: str = ""
    """Whom or what it was about."""
    number: int
    """The record that tells more."""


class Trace(Struct, frozen=True, kw_only=True):
    """The way of a message, or of an invocation that no message led to."""

    origin: Record
    cause: Record | None
    """What led to the records of a batch; None: it is no batch, or that is not kept."""
    runs: tuple[Run, ...]
    calls: tuple[Call, ...]
    logs: tuple[Log, ...]
    spans: tuple[Span, ...]
    """In the order in which they are shown."""

    @property
    def frames(self) -> tuple[Call, ...]:
        """What was posted to clients."""
        return tuple(each for each in self.calls if what_was_called(each)[:2] == ("@connections", "POST"))


class Traces:
    """Finds traces in the records that there are now."""

    def __init__(self, kept: Iterable[Record]) -> None:
        self._all = sorted(kept, key=lambda record: record.number)

    def find(self, name: str) -> Trace | None:
        """The trace of what a record's number, or an id of the gateway's, Lambda's, X-Ray's or the client's, names.

        Of several messages with an id of the client's, the latest. None: nothing that is kept has that name.
        """
        origin = self._origin(name)
        return None if origin is None else self._trace(self.first_cause(origin))

    # what names what

    def _origin(self, name: str) -> Record | None:
        if name.isdecimal():
            found = next((record for record in self._all if record.number == int(name)), None)
            if found is not None:
                return found
        for record in reversed(self._all):
            if isinstance(record, Message) and name in _names(record):
                return record
        for record in reversed(self._all):
            if isinstance(record, Run) and name in (lambda_request_of(record.outcome), root_of(record.trace)):
                return record
        return None

    def first_cause(self, record: Record) -> Record:
        """The message or invocation at the beginning of what led to a record."""
        seen = {id(record)}
        while (cause := self.cause(record)) is not None and id(cause) not in seen:
            seen.add(id(cause))
            record = cause
        return record

    def cause(self, record: Record) -> Record | None:
        """What led to a record at once; None: nothing that is kept."""
        match record:
            case Log():
                return next(iter(self._runs_by_request[record.request_id or ""]), None)
            case Call():
                return self._run_by_root.get(caller_of(record))
            case Run():
                return self._cause_of_run(record)
            case _:
                return None

    def _cause_of_run(self, run: Run) -> Record | None:
        if run.is_ours:
            return None  # its event is one of the past, or made up
        source = source_of(run)
        if source["source"] == "gateway":
            opening = self._openings.get(str(source.get("connection")))
            is_opening = source.get("route") in ("$connect", None)
            return self._by_gateway_request.get(str(source.get("gateway_request"))) or (opening if is_opening else None)
        invoked = self._invoked_by.get(lambda_request_of(run.outcome) or "")
        return invoked if invoked is not None else self._pushed.by_run.get(id(run))

    # indices

    @cached_property
    def _runs(self) -> list[Run]:
        return [record for record in self._all if isinstance(record, Run)]

    @cached_property
    def _calls(self) -> list[Call]:
        return [record for record in self._all if isinstance(record, Call)]

    @cached_property
    def _by_gateway_request(self) -> dict[str, Message]:
        return {
            record.invoke.request_id: record
            for record in self._all
            if isinstance(record, Message) and record.invoke is not None
        }

    @cached_property
    def _openings(self) -> dict[str, Opening]:
        return {record.connection: record for record in self._all if isinstance(record, Opening)}

    @cached_property
    def _run_by_root(self) -> dict[str, Run]:
        return {root_of(run.trace): run for run in self._runs}

    @cached_property
    def _runs_by_request(self) -> dict[str, list[Run]]:
        found: dict[str, list[Run]] = defaultdict(list)
        for run in self._runs:
            found[lambda_request_of(run.outcome) or ""].append(run)
        return found

    @cached_property
    def _invoked_by(self) -> dict[str, Call]:
        found = {}
        for call in self._calls:
            if what_was_called(call)[0] == "lambda":
                found[answer_header(call, "x-amzn-requestid")] = call
        return found

    @cached_property
    def _calls_by_root(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self._calls:
            if root := caller_of(call):
                found[root].append(call)
        return found

    @cached_property
    def _from_gateway(self) -> dict[int, list[Run]]:
        """Invocations by the message or opening that they are of."""
        found: dict[int, list[Run]] = defaultdict(list)
        for run in self._runs:
            if source_of(run)["source"] == "gateway" and (cause := self._cause_of_run(run)) is not None:
                found[id(cause)].append(run)
        return found

    @cached_property
    def _pushed(self) -> _Pushed:
        return _Pushed(self._calls, [run for run in self._runs if not run.is_ours])

    # what follows

    def _trace(self, origin: Record) -> Trace:
        runs: list[Run] = []
        todo = self._first_runs(origin)
        while todo and len(runs) < MOST_RUNS:
            run = todo.pop(0)
            if run in runs:
                continue
            runs.append(run)
            todo += self._led_to(run, runs)
        roots = {root_of(run.trace) for run in runs}
        calls = [call for root in roots for call in self._calls_by_root.get(root, ())]
        calls.sort(key=lambda call: call.at_ns)
        requests = {lambda_request_of(run.outcome) for run in runs} - {None}
        logs = [each for each in self._all if isinstance(each, Log) and each.request_id in requests]
        runs.sort(key=began)
        return Trace(
            origin=origin,
            cause=self._cause_of_batch(runs[0]) if runs and isinstance(origin, Batch) else None,
            runs=tuple(runs),
            calls=tuple(calls),
            logs=tuple(logs),
            spans=tuple(_spans(origin, runs, calls)),
        )

    def _cause_of_batch(self, run: Run) -> Record | None:
        first = self.first_cause(run)
        return None if first is run else first

    def _first_runs(self, origin: Record) -> list[Run]:
        if isinstance(origin, Batch):
            return list(self._runs_by_request.get(lambda_request_of(origin.outcome) or "", ()))
        return [origin] if isinstance(origin, Run) else list(self._from_gateway.get(id(origin), ()))

    def _led_to(self, run: Run, known: Sequence[Run]) -> list[Run]:
        calls = self._calls_by_root.get(root_of(run.trace), [])
        about = None if len(known) == 1 else _subject(run, known[0])
        found = []
        for call in calls:
            if about is not None and what_was_called(call)[0] == "lambda" and about not in call.body:
                continue  # a batch of a stream starts the runs of other messages, too
            found += self._pushed.by_call.get(id(call), [])
            if what_was_called(call)[0] == "lambda":
                found += self._runs_by_request.get(answer_header(call, "x-amzn-requestid"), [])
        return [each for each in found if each not in known]


class _Pushed:
    """Writes to tables and queues, and the invocations that streams and mappings made of them."""

    def __init__(self, calls: Sequence[Call], runs: Sequence[Run]) -> None:
        self.by_run: dict[int, Call] = {}
        """The first cause of each invocation."""
        self.by_call: dict[int, list[Run]] = defaultdict(list)
        self._writes = [(call, each) for call in calls for each in _written(call)]
        self._by_key: dict[tuple[str, tuple[str, ...]], dict[str, list[Call]]] = {}
        sent = {_message_id(call): call for call in calls if what_was_called(call)[:2] in _SENT}
        for run in runs:
            # What `source_of` finds is kept, while an event is read anew for each trace.
            for record in event_of(run)["Records"] if "records" in source_of(run) else ():
                if not isinstance(record, dict):
                    continue
                told = record.get("Sns") or {}
                name = record.get("messageId") if record.get("eventSource") == "aws:sqs" else told.get("MessageId")
                cause = self._write_of(record, run) if name is None else sent.get(str(name))
                if cause is not None:
                    self.by_run.setdefault(id(run), cause)
                    if run not in self.by_call[id(cause)]:
                        self.by_call[id(cause)].append(run)

    def _write_of(self, record: Mapping[str, Any], run: Run) -> Call | None:
        """The latest write of a stream record's item before an invocation, or the first that came with it.

        When an invocation came is known as of the turn of the event loop that it came in, in which the item may have
        been written, too.
        """
        keys = (record.get("dynamodb") or {}).get("Keys") or {}
        table = str(record.get("eventSourceARN", "")).partition(":table/")[2].partition("/")[0]
        names = tuple(sorted(keys))
        if not names:
            return None
        if (table, names) not in self._by_key:
            index: dict[str, list[Call]] = defaultdict(list)
            for call, (written, attributes) in self._writes:
                if written == table:
                    index[repr([attributes.get(name) for name in names])].append(call)
            self._by_key[table, names] = index
        calls = self._by_key[table, names].get(repr([keys[name] for name in names]), [])
        before_ns, own = began(run), root_of(run.trace)
        with_it = [call for call in calls if before_ns < call.at_ns <= before_ns + TURN_NS and caller_of(call) != own]
        return next((call for call in reversed(calls) if call.at_ns <= before_ns), next(iter(with_it), None))


def began(run: Run) -> int:
    """When an invocation came, in Unix nanoseconds: before it waited for an environment."""
    return run.at_ns - int((run.duration_ms + run.waited_ms) * 1e6)


def _names(message: Message) -> tuple[str, ...]:
    own = app_message(message.text).get("id")
    gateway = "" if message.invoke is None else message.invoke.request_id
    return (own if isinstance(own, str) else "", gateway)


def _subject(run: Run, first: Run) -> bytes | None:
    """The client's id, if an invocation served others besides the first one's; None: it did not."""
    if source_of(run).get("records", 1) == 1:
        return None
    text = event_of(first).get("body")
    own = app_message(text).get("id") if isinstance(text, str) else None
    return own.encode() if isinstance(own, str) else None


def _message_id(call: Call) -> str:
    """The id that a queue or a topic gave to a message; its answers are JSON or XML."""
    answer = plain_answer(call)
    found = _MESSAGE_ID.search(answer)
    return found[1].decode() if found is not None else str(json_object(answer).get("MessageId", ""))


def _written(call: Call) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and attributes, its key among them, of each item that a call wrote."""
    service, operation, table = what_was_called(call)
    if service != "dynamodb" or call.status != 200:
        return
    body = body_of(call)
    if operation in _WRITES:
        yield table, body.get(_WRITES[operation]) or {}
    for one in body.get("TransactItems") or () if operation == "TransactWriteItems" else ():
        for kind, what in one.items():
            yield str(what.get("TableName")), what.get(_WRITES.get(f"{kind}Item", "Key")) or {}
    for name, requests in (body.get("RequestItems") or {}).items() if operation == "BatchWriteItem" else ():
        for request in requests:
            put, delete = request.get("PutRequest") or {}, request.get("DeleteRequest") or {}
            yield str(name), put.get("Item") or delete.get("Key") or {}


# spans


def _spans(origin: Record, runs: Sequence[Run], calls: Sequence[Call]) -> Iterator[Span]:
    if isinstance(origin, Message):
        yield _message_span(origin, runs)
    elif isinstance(origin, Opening):
        yield Span(
            kind="opening",
            name="connect",
            begin_ns=origin.at_ns,
            end_ns=origin.decided_ns,
            depth=0,
            number=origin.number,
        )
    by_root: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_root[caller_of(call)].append(call)
    # The time that an invocation came is that of a turn of the event loop, which may be before what led to it.
    earliest_ns = origin.at_ns if isinstance(origin, Message | Opening) else 0
    for run in runs:
        yield from _run_spans(run, earliest_ns)
        for call in by_root[root_of(run.trace)]:
            yield _call_span(call)


def _message_span(message: Message, runs: Sequence[Run]) -> Span:
    end = message.answered_ns or max((run.at_ns for run in runs), default=message.at_ns)
    name = str(app_message(message.text).get("action") or (message.invoke.route_key if message.invoke else "message"))
    status = "error" if message.invoke is None else "ok"
    return Span(
        kind="message", name=name, begin_ns=message.at_ns, end_ns=end, depth=0, status=status, number=message.number
    )


def _run_spans(run: Run, earliest_ns: int) -> Iterator[Span]:
    begin = max(began(run), earliest_ns)
    started = max(run.at_ns - int(run.duration_ms * 1e6), earliest_ns)
    init_ns = min(int((run.init_ms or 0.0) * 1e6), started - begin)
    if started - init_ns - begin >= 1_000_000:
        yield Span(
            kind="wait",
            name="waits for an environment",
            begin_ns=begin,
            end_ns=started - init_ns,
            depth=1,
            note=run.function,
            number=run.number,
        )
    if init_ns >= 100_000:
        yield Span(
            kind="init",
            name="cold start",
            begin_ns=started - init_ns,
            end_ns=started,
            depth=1,
            note=run.function,
            number=run.number,
        )
    source = "console" if run.is_ours else source_of(run)["source"]
    status = "ok" if isinstance(run.outcome, Returned) else "error"
    yield Span(
        kind="function",
        name=run.function,
        begin_ns=started,
        end_ns=run.at_ns,
        depth=1,
        status=status,
        note="" if source == "gateway" else str(source),
        number=run.number,
    )


def _call_span(call: Call) -> Span:
    service, operation, target = what_was_called(call)
    kind: Kind = "call"
    name, note = f"{service} {operation}".strip(), target
    if service == "@connections":
        kind = "frame" if operation == "POST" else "call"
        said = body_of(call)
        name = f"frame {said.get('type', '')}".strip() if operation == "POST" else f"@connections {operation}"
    elif service == "dynamodb":
        kind, name = "dynamodb", operation
    elif service == "lambda":
        kind = "lambda"
    elif service == "sqs":
        kind = "sqs"
    return Span(
        kind=kind,
        name=name,
        begin_ns=call.at_ns,
        end_ns=call.answered_ns,
        depth=2,
        status="error" if call.status >= 400 else "ok",
        note=note,
        number=call.number,
    )
