"""Makes records of what the recorder noted, once somebody reads: until then nothing of this is imported. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ...gateway.rules.effects import Effect, Result
from ...port.header_names import TRACE
from . import records
from .meaning import lambda_request_of
from .records import Invoked
from .ring import PAYLOAD_BYTES, Ring


class Maker:
    """Makes the records of one ring, and adds them to it."""

    def __init__(
        self, ring: Ring, unanswered: dict[str, Sequence[Any] | records.Message], ours: Collection[str]
    ) -> None:
        """``unanswered`` and ``ours``: see `RingRecorder`."""
        self._ring = ring
        self._ours = ours
        self._unanswered = unanswered
        self._makers: Mapping[str, Callable[..., None]] = {
            "answered": self._answered,
            "batch": self._batch,
            "call": self._call,
            "environment": self._environment,
            "line": self._line,
            "message": self._message,
            "note": self._note,
            "record": ring.add,
            "run": self._run,
        }

    def make(self, noted: Sequence[Any]) -> None:
        """Make and add one record; what was noted begins with what it is of."""
        what, *about = noted
        self._makers[what](*about)

    def _message(self, *noted: Any) -> None:
        at_ns, connection_id, text, effects, is_ours, answered_ns, result, replies, *invoked = noted
        invoke = Invoked(*invoked) if invoked else None
        record = records.Message(
            at_ns=at_ns,
            connection=connection_id,
            text=text,
            effects=effects,
            invoke=invoke,
            is_ours=is_ours,
            answered_ns=answered_ns,
            result=result,
            replies=replies,
        )
        if invoke is not None and not answered_ns and invoke.request_id in self._unanswered:
            self._unanswered[invoke.request_id] = record
        self._ring.add(record)

    def _answered(self, at_ns: int, record: records.Message, result: Result, replies: Sequence[Effect]) -> None:
        record.answered_ns = at_ns
        record.result, record.replies = result, replies
        self._ring.add(record)

    def _run(self, *noted: Any) -> None:
        at_ns, function, payload, size, outcome, number, trace, waited_ms, duration_ms, init_ms, memory_mb = noted
        self._ring.add(
            records.Run(
                at_ns=at_ns,
                function=function,
                payload=payload,
                payload_bytes=size,
                outcome=outcome,
                environment=number,
                trace=trace,
                waited_ms=waited_ms,
                duration_ms=duration_ms,
                init_ms=init_ms,
                memory_mb=memory_mb,
                is_ours=bool(self._ours) and lambda_request_of(outcome) in self._ours,
            )
        )

    def _call(self, *noted: Any) -> None:
        began_ns, method, target, said, body, size, status, answer, answer_size, headers, function, answered_ns = noted
        fields = {TRACE: said} if isinstance(said, str) else said or {}
        self._ring.add(
            records.Call(
                at_ns=began_ns,
                method=method,
                target=target,
                fields=fields,
                body=body,
                body_bytes=size,
                status=status,
                answer=answer,
                answer_bytes=answer_size,
                answer_headers=headers,
                function=function,
                answered_ns=answered_ns,
            )
        )

    def _environment(self, *noted: Any) -> None:
        at_ns, function, number, pid, change, why = noted
        self._ring.add(
            records.Environment(at_ns=at_ns, function=function, environment=number, pid=pid, change=change, why=why)
        )

    def _batch(self, *noted: Any) -> None:
        at_ns, (function, source), numbers, attempt, outcome, end = noted
        self._ring.add(
            records.Batch(
                at_ns=at_ns,
                function=function,
                source=source,
                records=numbers,
                attempt=attempt,
                outcome=outcome,
                end=end,
            )
        )

    def _line(self, at_ns: int, function: str, request_id: str | None, text: str) -> None:
        self._ring.add(records.Log(at_ns=at_ns, function=function, request_id=request_id, text=text[:PAYLOAD_BYTES]))

    def _note(self, at_ns: int, level: str, fields: Mapping[str, Any], text: str) -> None:
        self._ring.add(records.Note(at_ns=at_ns, text=text, level=level, fields=fields))
