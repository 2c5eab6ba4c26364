"""SQS queues: moto's, hosted like our DynamoDB. Imported only when a queue is first used.

Here, in `moto_queues` and in `moto_queue` moto is known, in every version that `pyproject.toml` allows; CI tests both
ends.

Both protocols of the SDKs are understood: JSON (``X-Amz-Target: AmazonSQS.*``) and query (``Action=...``).
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from moto.core.exceptions import InvalidToken
from moto.core.utils import camelcase_to_underscores
from moto.sqs.constants import MAXIMUM_MESSAGE_LENGTH
from moto.sqs.responses import SQSResponse

try:
    from moto.core.request import Request
except ImportError:  # before 5.1.19 or so
    from werkzeug.wrappers import Request

from msgspec import structs

from streamer.topology import Queue

from ...foundation import log
from ...foundation.json_bytes import json_of
from ...foundation.modelled import Fault
from ...port.elsewhere import operation_of, refusal
from ...port.http import HttpRequest, HttpResponse
from ...port.xml_errors import queue_error
from . import answers, checks, moves, requests
from .batches import MessageRefusedError, QueueMessage
from .moto_queue import HAS_NAMES_OF_ITS_OWN, REFUSALS
from .moto_queues import NAMES, Backend, attribute_of, source_of
from .waiting import answered

_RECEIVING: Final = (
    ("MaxNumberOfMessages", 1, 10, "between 1 and 10"),
    ("WaitTimeSeconds", 0, 20, ">= 0 and <= 20"),
    ("VisibilityTimeout", 0, 43_200, ">= 0 and <= 43200"),
)
_DONE: Final = 200
_NOT_FOR_MOTO: Final = ("authorization", "content-encoding")
"""What it would take apart, and nothing here depends on."""
_KIND: Final = ("content-type", "application/x-amz-json-1.0")


class _Handler(SQSResponse):  # type: ignore[misc] # moto publishes no types
    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend

    @property
    def sqs_backend(self) -> Backend:
        """Our queues, whatever account and region the request is signed for."""
        return self._backend

    def receive_message(self) -> Any:
        """Check what moto refuses in words of its own."""
        for name, low, high, words in _RECEIVING:
            value = self._get_param(name)
            if value is not None and not low <= int(value) <= high:
                raise REFUSALS[0](*checks.invalid(value, name, f"Must be {words}, if provided."))
        return super().receive_message()


class EmbeddedQueues:
    """SQS in this process; called from one thread, like the embedded DynamoDB."""

    def __init__(self, region: str, account_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` answers seconds of a clock that nobody sets: when messages are visible, and how old they are."""
        self._backend = Backend(region, account_id, clock)
        self._moves = moves.Moves(self._backend)
        self._listeners: list[Callable[[], None]] = []
        self._described: dict[str, Queue] = {}
        """As `create` was last told of each."""

    def create(self, queues: Iterable[Queue]) -> None:
        """Create queues, unless they exist; those that are described otherwise than before are changed."""
        described = list(queues)
        changed = [queue for queue in described if self._described.get(queue.name) != queue or not self.has(queue.name)]
        for queue in changed:
            if not self.has(queue.name):
                self._backend.create_queue(queue.name, {}, **_attributes(queue))
            else:
                self._backend.set_queue_attributes(queue.name, _attributes(queue))
            self._described[queue.name] = queue
        for queue in changed:
            policy: dict[str, Any] = {}
            if queue.dead_letter_queue is not None:
                arn = self.arn(queue.dead_letter_queue)
                policy = {"deadLetterTargetArn": arn, "maxReceiveCount": queue.maximum_receives}
            self._backend.set_queue_attributes(queue.name, {checks.REDRIVE: policy})

    def arn(self, queue: str) -> str:
        """The ARN of a queue that exists."""
        return str(self._backend.get_queue(queue).queue_arn)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a listener after every request; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def receive(self, queue: str, count: int) -> Sequence[QueueMessage]:
        """At most so many visible messages, which become invisible for the queue's timeout."""
        timeout = int(self._backend.get_queue(queue).visibility_timeout)
        return [_message(each) for each in self._backend.receive_message(queue, count, 0, timeout, ["All"])]

    def delete(self, queue: str, message: QueueMessage) -> None:
        """Forget a message that was received, unless it is a dead letter by now, or its queue is gone.

        Of a FIFO queue it stays if it is visible again, as on AWS: then it is received again.
        """
        with suppress(*REFUSALS):
            if self.has(queue):
                self._backend.delete_message(queue, message.receipt_handle)

    def has(self, name: str) -> bool:
        """Whether there is a queue of that name."""
        return name in self._backend.queues

    def left(self) -> dict[str, int]:
        """How many messages are in each queue that has some, those that are being processed included."""
        counted = {name: len(queue.line) for name, queue in self._backend.queues.items()}
        return {name: count for name, count in counted.items() if count}

    def send(
        self,
        name: str,
        body: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        group: str | None = None,
        deduplication: str | None = None,
    ) -> None:
        """Put a message into a queue; groups and deduplication ids are for FIFO queues.

        Raises:
            MessageRefusedError: the queue does not take it, or there is none.
        """
        fifo = {"group_id": group, "deduplication_id": deduplication} if name.endswith(".fifo") else {}
        given = {each: _as_received(value) for each, value in (attributes or {}).items()}
        try:
            self._backend.send_message(name, body, message_attributes=given or None, **fifo)
        except REFUSALS as error:
            raise MessageRefusedError(f"queue {name}: {getattr(error, 'message', error)}") from error
        self._heard()

    def _heard(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request of an SQS client, at once; never raises."""
        try:
            answer = self._answer(request)
        except Exception as error:  # noqa: BLE001 - top of a request: logged and answered
            log.error("SQS request failed", error=error, action=operation_of(request))
            return answers.failure(request)
        self._heard()
        return answer

    def waiting(self, request: HttpRequest, first: HttpResponse) -> Awaitable[HttpResponse] | None:
        """What a client that waits for messages gets later, after `handle` had none for it; None: it does not wait."""
        if (missing := self._backend.missing) is None:
            return None
        self._backend.missing = None
        queue, seconds = missing

        def ask() -> HttpResponse | None:
            # What cannot be received, since its group is being worked on, is asked for in vain.
            if self.has(queue) and next(iter(self._backend.queues[queue].messages), None) is None:
                return None
            answer = self._answer(request)
            still, self._backend.missing = self._backend.missing, None
            if still is None:
                self._heard()
            return answer if still is None else None

        return answered(first, seconds, listen=self.listen, ask=ask)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        self._backend.missing = None
        operation, target = operation_of(request), request.fields.get("x-amz-target", "").rpartition(".")[2]
        form = [] if target else [*request.query, *parse_qsl(request.body.decode(errors="replace"), True)]
        if not target and (refused := requests.of_action(form)) is not None:
            return queue_error(*refused, 400)
        name = camelcase_to_underscores(operation)
        if not requests.is_known(operation) or (target not in moves.OPERATIONS and not hasattr(_Handler, name)):
            return refusal(request, "sqs", operation, is_known=True)
        checked = _checked(request, operation) if target else requests.of_form(operation, form)
        if isinstance(checked, HttpResponse):
            return checked
        if target in moves.OPERATIONS:
            return self._moved(target, request)
        handler = _Handler(self._backend)
        if isinstance(checked, HttpRequest):
            request = checked
        elif checked is not None:
            setattr(handler, name, lambda: _refuse(checked))
            request = structs.replace(request, body=b"{}" if target else urlencode({"Action": operation}).encode())
        return self._performed(request, handler, target, operation)

    def _performed(self, request: HttpRequest, handler: _Handler, target: str, operation: str) -> HttpResponse:
        url = f"http://{request.fields.get('host', 'localhost')}{request.raw_path if target else request.target}"
        prepared = _prepared(request, url)
        self._backend.trace = request.fields.get("x-amzn-trace-id")
        try:
            status, headers, body = handler._dispatch(prepared, url, prepared.headers)  # noqa: SLF001 - moto's way in
        except NotImplementedError:
            return refusal(request, "sqs", operation, is_known=True)
        except InvalidToken:
            return _refused(request, moves.RefusedError("InvalidParameterValue", "Invalid or expired next token."))
        finally:
            self._backend.trace = None
        kept = tuple(
            (name.lower(), str(value))
            for name, value in headers.items()
            if name.lower() not in ("content-length", "status", "server", "date")
        )
        content = body.encode() if isinstance(body, str) else body
        if target:
            content = answers.corrected(target, request.body, int(status), content)
        if target == "ReceiveMessage" and self._backend.sources and int(status) == _DONE:
            told = moves.with_sources(json.loads(content), json.loads(request.body), self._backend.sources)
            content = json.dumps(told).encode()
        return HttpResponse(int(status), content, kept)

    def _moved(self, operation: str, request: HttpRequest) -> HttpResponse:
        """The answer to an operation that moto does not have."""
        try:
            asked = json_of(request.body or b"{}")
            told = self._moves.perform(operation, asked, now=time.time(), new_id=str(uuid.uuid4()))
        except moves.RefusedError as refused:
            return _refused(request, refused)
        return HttpResponse(_DONE, json.dumps(told).encode(), (_KIND,))


def _checked(request: HttpRequest, operation: str) -> HttpRequest | HttpResponse | checks.Refusal:
    """A request of the JSON protocol without its nulls, or why it cannot be read, or is refused."""
    try:
        given = json_of(request.body or b"{}")
    except ValueError:
        return answers.unread("The body is not JSON")
    found = requests.of_json(operation, given)
    if isinstance(found, Fault):
        return answers.unread(found.text)
    if found is not None:
        return found
    return structs.replace(request, body=json.dumps(given).encode()) if b"null" in request.body else request


def _refuse(refused: checks.Refusal) -> None:
    """Raise a refusal, which moto tells in the protocol of who asked."""
    raise REFUSALS[0](*refused)


def _refused(request: HttpRequest, why: moves.RefusedError) -> HttpResponse:
    error = {"__type": f"com.amazonaws.sqs#{why.code}", "message": str(why)}
    content = answers.corrected("", request.body, why.status, json.dumps(error).encode())
    return HttpResponse(why.status, content, (_KIND, ("x-amzn-query-error", f"{why.code};Sender")))


def _message(received: Any) -> QueueMessage:
    # [DOC] lambda-docs:with-sqs: in this order; [USR] the trace, of messages that have one
    attributes = {
        "ApproximateReceiveCount": received.approximate_receive_count,
        "AWSTraceHeader": attribute_of((received.system_attributes or {}).get("AWSTraceHeader", {})).get("StringValue"),
        "SentTimestamp": int(received.sent_timestamp),
        "SequenceNumber": received.sequence_number,
        "MessageGroupId": received.group_id,
        "SenderId": received.sender_id,
        "MessageDeduplicationId": received.deduplication_id,
        "ApproximateFirstReceiveTimestamp": int(received.approximate_first_receive_timestamp),
        "DeadLetterQueueSourceArn": source_of(received),
    }
    return QueueMessage(
        message_id=received.id,
        receipt_handle=received.receipt_handle,
        body=received.body,
        attributes={name: str(value) for name, value in attributes.items() if value is not None},
        message_attributes={name: attribute_of(kept) for name, kept in (received.message_attributes or {}).items()},
        md5=received.body_md5,
    )


def _as_received(value: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute as moto has it of a client: with bytes, not their base64, but before 5.1."""
    if HAS_NAMES_OF_ITS_OWN:
        return {name: value[NAMES[name]] for name in NAMES if NAMES[name] in value}
    binary = value.get("BinaryValue")
    return {**value, "BinaryValue": base64.b64decode(binary)} if isinstance(binary, str) else dict(value)


def _attributes(queue: Queue) -> dict[str, str]:
    found = {
        "VisibilityTimeout": str(queue.visibility_timeout_seconds),
        "DelaySeconds": str(queue.delay_seconds),
        "ReceiveMessageWaitTimeSeconds": str(queue.receive_wait_seconds),
        "MessageRetentionPeriod": str(queue.retention_seconds),
        "MaximumMessageSize": str(min(queue.maximum_message_bytes, MAXIMUM_MESSAGE_LENGTH)),  # older moto's is less
    }
    if queue.is_fifo:
        deduplicates = "true" if queue.deduplicates_by_content else "false"
        scope = "messageGroup" if queue.deduplicates_by_group else "queue"
        found |= {"FifoQueue": "true", "ContentBasedDeduplication": deduplicates, "DeduplicationScope": scope}
    return found


def _prepared(request: HttpRequest, url: str) -> Any:
    """The request as moto wants it: since 5.2.4 in a class of its own, before in werkzeug's."""
    headers = [each for each in request.headers if each[0].lower() not in _NOT_FOR_MOTO]
    from_primitives = getattr(Request, "from_primitives", None)
    if from_primitives is not None:
        return from_primitives(request.method, url, dict(headers), request.body)
    parts = urlsplit(url)
    return Request.from_values(
        method=request.method,
        base_url=f"{parts.scheme}://{parts.netloc}",
        path=parts.path,
        query_string=parts.query,
        data=request.body,
        headers=headers,
    )
