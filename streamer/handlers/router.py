"""The router function: every message of every client. Quick actions run here, slow ones are stored for the processor.

Answers go over ``@connections``; what the function returns reaches nobody. [REC] FIDELITY D1
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from streamer.actions import Action, failure_of, fault_of
from streamer.app import BUILT_IN_ACTIONS, App
from streamer.context import Request
from streamer.errors import (
    ActionError,
    ErrorCode,
    GoneError,
    ItemTooLargeError,
    PayloadTooLargeError,
    SendError,
    StoreError,
)
from streamer.handlers.admission import Limiting, Principals
from streamer.handlers.call import Call
from streamer.handlers.events import LambdaContext, Origin, body_of, origin_of
from streamer.handlers.setup import About, Environment, Once, new_id, unrecorded
from streamer.observability import Logger, Metrics
from streamer.protocol import answers, messages
from streamer.protocol.messages import Malformed, Message
from streamer.protocol.parts import in_parts
from streamer.records import KEPT_SECONDS, Failure, RequestRecord, Status
from streamer.requests.lifecycle import DISPATCH_SECONDS, Duplicate
from streamer.running.execution import Workers, contained
from streamer.sending.connections import scope
from streamer.sending.sender import Sender, send_pieces
from streamer.settings import Settings

if TYPE_CHECKING:
    from streamer.handlers.builtins import Cancelling, Listening
    from streamer.sending.hub import Hub
    from streamer.stores.protocols import ConnectionStore, RequestStore, SubscriptionStore

ANSWERING_SECONDS: Final = 2.0
"""What fan-outs leave of an invocation's time for the answer."""


class RouterHandler:
    """Answers messages. DynamoDB calls: none, or one read for a connection not heard of before; one write to queue."""

    def __init__(
        self,
        *,
        app: App,
        settings: Settings,
        connections: ConnectionStore,
        requests: RequestStore,
        subscriptions: SubscriptionStore,
        hub: Callable[[], Hub],
        sender_at: Callable[[str], Sender],
        log: Logger,
        metrics: Metrics,
        workers: Workers,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_id,
        about: About = unrecorded,
    ) -> None:
        self._app = app
        self._settings = settings
        self._principals = Principals(connections)
        self._requests = requests
        self._limiting = Limiting(app.limits, requests=requests)
        self._subscriptions = subscriptions
        self._hub = hub
        self._sender_at = sender_at
        self._log = log
        self._metrics = metrics
        self._workers = workers
        self._clock = clock
        self._new_id = new_id
        self._about = about

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer a message. Always status 200: anything else would only add API Gateway's own error frame to ours."""
        origin = origin_of(event)
        log = self._log.bind(connection_id=origin.connection_id, invocation_id=context.aws_request_id)
        incoming = messages.parse(body_of(event), new_id=self._new_id())
        log = log.bind(request_id=incoming.request_id)
        try:
            if isinstance(incoming, messages.Message) and incoming.action == "keep-alive":
                return {"statusCode": 200}
            with self._about("message", request_id=incoming.request_id, connection_id=origin.connection_id):
                if isinstance(incoming, Malformed):
                    log.warning("message refused", code=incoming.failure.code, reason=incoming.failure.message)
                    answer = messages.error(incoming.request_id, incoming.failure, now=self._clock())
                else:
                    answer = self._answer(incoming, origin, context, log)
                self._send(origin, incoming.request_id, answer, log)
        finally:
            self._metrics.flush(request_id=incoming.request_id)
        return {"statusCode": 200}

    # Most environments answer actions only, and pay for neither of these two in their cold start.

    @cached_property
    def _cancelling(self) -> Cancelling:
        from streamer.handlers.builtins import Cancelling  # noqa: PLC0415

        return Cancelling(self._requests, self._settings.request_ttl_seconds)

    @cached_property
    def _listening(self) -> Listening:
        from streamer.handlers.builtins import Listening  # noqa: PLC0415

        return Listening(
            app=self._app,
            requests=self._requests,
            subscriptions=self._subscriptions,
            hub=self._hub,
            ttl_seconds=self._settings.connection_ttl_seconds,
        )

    def _answer(self, message: Message, origin: Origin, context: LambdaContext, log: Logger) -> str:
        """What to send to the client, whatever happens."""
        now = self._clock()
        if message.action == "ping":
            return messages.pong(message.request_id, now=now)
        try:
            principal = self._principals.of(origin.connection_id)
            log = log.bind(user_id=principal.user_id, tenant_id=principal.tenant_id)
            call = Call(
                message=message,
                origin=origin,
                principal=principal,
                log=log,
                now=now,
                reply=lambda text: self._send(origin, message.request_id, text, log),
                seconds_left=lambda: max(0.0, context.get_remaining_time_in_millis() / 1000 - ANSWERING_SECONDS),
            )
            return self._carry_out(call)
        except Exception as exc:  # noqa: BLE001 - whatever an action raises, the connection stays usable; it is logged
            return messages.error(message.request_id, self._failure(exc, message, log), now=self._clock())

    def _failure(self, exc: Exception, message: Message, log: Logger) -> Failure:
        match exc:
            case ActionError() if exc.is_refusal:
                log.info("request refused", action=message.action, code=exc.code, reason=exc.message)
            case ActionError():
                log.error("request failed", action=message.action, **fault_of(exc))
            case StoreError():
                log.error("the store failed", error=exc, action=message.action)
                text = "the service cannot reach its data; try again"
                return Failure(code=ErrorCode.SERVICE_UNAVAILABLE, message=text, retryable=True)
            case _:
                log.error("request failed", error=exc, action=message.action)
        return failure_of(exc, code=ErrorCode.INTERNAL_ERROR, production=self._settings.production)

    def _carry_out(self, call: Call) -> str:
        self._limiting.admit(call)
        message, principal = call.message, call.principal
        match message.action:
            case "health":
                return messages.response(message.request_id, '{"status":"ok"}', now=call.now)
            case "status":
                return self._status(call)
            case "subscribe":
                return self._listening.subscribe(call)
            case "unsubscribe":
                return self._listening.unsubscribe(call)
            case "cancel":
                return self._cancelling.cancel(call)
            case "publish":
                return self._listening.publish(call)
        action = self._app.find(message.action)
        if action is None:
            raise ActionError(self._unknown(message.action), code=ErrorCode.INVALID_ACTION)
        if missing := action.missing_permissions(principal.permissions):
            raise ActionError(
                f"action {action.name!r} needs the permission {', '.join(missing)}",
                code=ErrorCode.FORBIDDEN,
                details={"missing": missing},
            )
        payload = action.validated(message.payload)
        if action.is_queued(self._settings.queue_threshold_seconds):
            return self._queue(action, call)
        return self._run(action, payload, call)

    def _unknown(self, name: str) -> str:
        """What to say of an action that does not exist; names that it could be where that helps nobody to guess."""
        if self._settings.production:
            return f"there is no action {name!r}"
        from difflib import get_close_matches  # noqa: PLC0415 - not for a cold start

        close = get_close_matches(name, (*self._app.actions, *BUILT_IN_ACTIONS), n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        return f"there is no action {name!r}{hint}"

    def _run(self, action: Action, payload: Any, call: Call) -> str:
        """Run a quick action and answer with its result."""
        request = Request(
            id=call.message.request_id,
            action=action.name,
            payload=payload,
            metadata=call.message.metadata,
            principal=call.principal,
            connection_id=call.origin.connection_id,
        )
        began = time.perf_counter()
        failed, refused = True, False
        try:
            with scope(self._hub, call.principal.tenant_id, call.seconds_left):
                data_json = messages.result_json(self._outcome(action, request))
            failed = False
        except ActionError as exc:
            failed, refused = not exc.is_refusal, exc.is_refusal
            raise
        finally:
            latency_seconds = time.perf_counter() - began
            self._metrics.action(action.name, latency_seconds=latency_seconds, failed=failed, refused=refused)
            took_ms = round(latency_seconds * 1000, 3)
            call.log.info("action ran", action=action.name, latency_ms=took_ms, failed=failed, refused=refused)
        return messages.response(request.id, data_json, now=self._clock())

    def _outcome(self, action: Action, request: Request) -> Any:
        if action.timeout_seconds is None:
            value = contained(lambda: action.call(request, None))
            if not inspect.isawaitable(value):
                return value
            running = self._workers.start(lambda: value)
        else:
            running = self._workers.start(lambda: action.call(request, None))
        if not running.wait(action.timeout_seconds):
            running.cancel()
            raise ActionError(
                f"the action did not finish within {action.timeout_seconds:g} s", code=ErrorCode.TIMEOUT, retryable=True
            )
        return running.outcome()

    def _queue(self, action: Action, call: Call) -> str:
        """Store a slow action's request, and acknowledge it only then."""
        record = self._record(action, call)
        try:
            outcome = self._limiting.create(record, now=call.now)
        except ItemTooLargeError as exc:
            raise ActionError("the payload is too large to be stored", code=ErrorCode.PAYLOAD_TOO_LARGE) from exc
        if isinstance(outcome, Duplicate):
            call.log.info("request repeated", action=action.name, status=outcome.record.status)
            answers.check_same(self._requests.whole(outcome.record), call.message)
            # Whoever sends a request again wants to hear of it, on this connection too.
            return answers.to_duplicate(self._listening.join(call, outcome.record), now=call.now)
        call.log.info("request queued", action=action.name)
        return messages.acknowledgment(record.request_id, "queued", "the request was accepted", now=self._clock())

    def _record(self, action: Action, call: Call) -> RequestRecord:
        kept_seconds = self._settings.request_ttl_seconds
        return RequestRecord(
            tenant_id=call.principal.tenant_id,
            user_id=call.principal.user_id,
            request_id=call.message.request_id,
            action=action.name,
            payload_json=messages.to_json(call.message.payload),
            metadata_json=messages.to_json(call.message.metadata),
            permissions=call.principal.permissions,
            connection_id=call.origin.connection_id,
            endpoint=call.origin.endpoint,
            status=Status.PENDING,
            attempt=0,
            max_attempts=action.max_attempts,
            created_at=call.now,
            updated_at=call.now,
            due_at=call.now + DISPATCH_SECONDS,
            kept_seconds=kept_seconds if kept_seconds != KEPT_SECONDS else None,
        )

    def _status(self, call: Call) -> str:
        """Answer what is stored of a request of the same user."""
        wanted = call.wanted_request_id()
        record = call.living(self._requests.get(call.own(wanted)), wanted)
        return messages.response(call.message.request_id, answers.state_json(record), now=call.now)

    def _send(self, origin: Origin, request_id: str | None, answer: str, log: Logger) -> None:
        sender = self._sender_at(origin.endpoint)
        try:
            pieces = in_parts(answer, request_id, now=self._clock())
        except PayloadTooLargeError as exc:
            log.warning("answer is too large", size_bytes=exc.size_bytes)
            pieces = [messages.error(request_id, messages.too_large(exc), now=self._clock())]
        try:
            send_pieces(sender, origin.connection_id, pieces)
        except GoneError:
            log.info("the connection closed before it was answered")
        except SendError as exc:
            log.error("the answer could not be delivered", error=exc)


def _build() -> RouterHandler:
    environment = Environment()
    environment.prepare()
    return RouterHandler(
        app=environment.app,
        settings=environment.settings,
        connections=environment.connections,
        requests=environment.requests,
        subscriptions=environment.subscriptions,
        hub=Once(lambda: environment.hub),
        sender_at=environment.management_api.at,
        log=environment.log,
        metrics=environment.metrics,
        workers=Workers(),
        about=environment.about,
    )


_handler = Once(_build)
_handler.in_init()


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda function."""
    return _handler()(event, context)
